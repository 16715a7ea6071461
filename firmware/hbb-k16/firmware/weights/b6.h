//Numpy array shape [1]
//Min -0.031860351562
//Max -0.031860351562
//Number of zeros 0

#ifndef B6_H_
#define B6_H_

#ifndef __SYNTHESIS__
dense3_bias_t b6[1];
#else
dense3_bias_t b6[1] = {-0.0318603515625};

#endif

#endif
