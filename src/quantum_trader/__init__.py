"""Quantum Trader: an autonomous, event-driven trader for leveraged perpetual futures."""

__version__ = "0.1.0"
