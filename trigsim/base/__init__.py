"""What every room stands on: errors, files, configuration, progress, provenance."""
