"""Trigger objects in hardware integers: jets, large-R and track jets, e/gamma, muons, sums, vertex."""

from trigsim.objects.layout import Muons, Tracks
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.reconstruct import reconstruct
from trigsim.objects.scales import SCALES, SLOTS
from trigsim.objects.settings import ObjectSettings

__all__ = [
    "SCALES",
    "SLOTS",
    "Collection",
    "Muons",
    "ObjectSettings",
    "Tracks",
    "TriggerObjects",
    "reconstruct",
]
