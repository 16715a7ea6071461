"""Trigger objects in hardware integers, and the kernels that build them."""

from trigsim.objects.model import Collection, TriggerObjects

__all__ = ["Collection", "TriggerObjects"]
