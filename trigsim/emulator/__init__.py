"""The integer network and its kernels: any dense network, exactly the firmware's bits."""
