//Numpy array shape [1]
//Min -0.045471191406
//Max -0.045471191406
//Number of zeros 0

#ifndef B6_H_
#define B6_H_

#ifndef __SYNTHESIS__
dense3_bias_t b6[1];
#else
dense3_bias_t b6[1] = {-0.04547119140625};

#endif

#endif
