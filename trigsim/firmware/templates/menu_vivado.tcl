# Logic synthesis of what csynth wrote: vivado -mode batch -source vivado_synth.tcl
add_files [glob @TOP@_prj/solution1/syn/verilog/*.v]
synth_design -top @TOP@ -part @PART@ -mode out_of_context -flatten_hierarchy rebuilt
report_utilization -file vivado_synth.rpt
report_timing_summary -file vivado_timing.rpt
