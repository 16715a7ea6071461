"""The integer network and its kernels: any dense network, exactly the firmware's bits."""

from trigsim.emulator.hls4ml_graph import from_hls4ml
from trigsim.emulator.network import Network

__all__ = ["Network", "from_hls4ml"]
