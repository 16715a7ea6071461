//Numpy array shape [1]
//Min -0.004699707031
//Max -0.004699707031
//Number of zeros 0

#ifndef B6_H_
#define B6_H_

#ifndef __SYNTHESIS__
dense3_bias_t b6[1];
#else
dense3_bias_t b6[1] = {-0.00469970703125};

#endif

#endif
