# vitis_hls -f build_prj.tcl   (csim, csynth, cosim; then: vivado -mode batch -source vivado_synth.tcl)
array set opt {csim 1 csynth 1 cosim 0}
set flags "-std=c++17 -Ifirmware"
open_project -reset @TOP@_prj
set_top @TOP@
foreach source [glob firmware/*.cpp] { add_files $source -cflags $flags }
add_files -tb menu_test.cpp -cflags "-std=c++17 -I."
add_files -tb tb_data
open_solution -reset solution1
set_part {@PART@}
create_clock -period @CLOCK@ -name default
if {$opt(csim)} { csim_design }
if {$opt(csynth)} { csynth_design }
if {$opt(cosim)} { cosim_design -trace_level none }
exit
