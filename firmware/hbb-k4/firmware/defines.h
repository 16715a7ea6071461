#ifndef DEFINES_H_
#define DEFINES_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "nnet_utils/nnet_types.h"
#include <array>
#include <cstddef>
#include <cstdio>
#include <tuple>
#include <tuple>


// hls-fpga-machine-learning insert numbers

// hls-fpga-machine-learning insert layer-precision
typedef ap_fixed<8,3,AP_RND,AP_SAT,0> input_t;
typedef ap_fixed<15,3> dense1_accum_t;
typedef ap_fixed<15,3> layer2_t;
typedef ap_fixed<8,1> dense1_weight_t;
typedef ap_fixed<15,3> dense1_bias_t;
typedef ap_uint<1> layer2_index;
typedef ap_ufixed<8,2,AP_RND,AP_SAT,0> layer3_t;
typedef ap_fixed<18,8> relu1_table_t;
typedef ap_fixed<20,6> dense2_accum_t;
typedef ap_fixed<20,6> layer4_t;
typedef ap_fixed<8,0> dense2_weight_t;
typedef ap_fixed<17,3> dense2_bias_t;
typedef ap_uint<1> layer4_index;
typedef ap_ufixed<8,2,AP_RND,AP_SAT,0> layer5_t;
typedef ap_fixed<18,8> relu2_table_t;
typedef ap_fixed<20,6> dense3_accum_t;
typedef ap_fixed<16,6,AP_RND,AP_SAT,0> result_t;
typedef ap_fixed<8,0> dense3_weight_t;
typedef ap_fixed<17,3> dense3_bias_t;
typedef ap_uint<1> layer6_index;

// hls-fpga-machine-learning insert emulator-defines


#endif
