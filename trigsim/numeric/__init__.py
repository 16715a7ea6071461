"""Numbers: fixed-point formats, integer scales, seeded random streams, intervals."""
