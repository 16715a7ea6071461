"""Rates, efficiencies and feature-budget scans, each with its interval."""
