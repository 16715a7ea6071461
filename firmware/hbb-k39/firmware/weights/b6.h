//Numpy array shape [1]
//Min -0.054565429688
//Max -0.054565429688
//Number of zeros 0

#ifndef B6_H_
#define B6_H_

#ifndef __SYNTHESIS__
dense3_bias_t b6[1];
#else
dense3_bias_t b6[1] = {-0.05456542968750};

#endif

#endif
