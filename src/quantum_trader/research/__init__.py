"""Sweeps, walk-forward and reports: may import core, is imported by app alone."""
