"""Humans: configuration, wiring, command line and pages. The only part that knows everyone."""
