"""The `trigsim` command: one thin file per command group, no logic."""
