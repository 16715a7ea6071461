"""trigsim: Level-1 trigger emulation with neural taggers, bit for bit."""

__version__ = "0.1.0"
