"""Parametrised detector response: from particles to towers, tracks and muons."""
