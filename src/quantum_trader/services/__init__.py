"""Async and thin: services move facts through doors and decide nothing."""
