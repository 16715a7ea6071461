#ifndef HBB_K16_H_
#define HBB_K16_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"

#include "defines.h"


// Prototype of top level function for C-synthesis
void hbb_k16(
    input_t input_1[16],
    result_t layer6_out[1]
);

// hls-fpga-machine-learning insert emulator-defines


#endif
