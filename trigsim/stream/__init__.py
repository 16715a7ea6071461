"""Crossings at 40 MHz: beam, pile-up overlay, the event loop, accumulators."""
