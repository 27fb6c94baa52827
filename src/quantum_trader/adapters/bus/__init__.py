"""Buses: how facts travel between the parts."""
