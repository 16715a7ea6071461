"""The integer network and its kernels: any dense network, exactly the firmware's bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trigsim.emulator.network import Network

if TYPE_CHECKING:
    from trigsim.emulator.hls4ml_graph import from_hls4ml

__all__ = ["Network", "from_hls4ml"]


def __getattr__(name: str) -> Any:
    # A network that is loaded from its file needs no reader of hls4ml's graphs.
    if name != "from_hls4ml":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trigsim.emulator.hls4ml_graph import from_hls4ml  # noqa: PLC0415

    return from_hls4ml
