"""Storms: outsiders propose, faults strike real processes, and in the end everything is counted.

``python -m tests.storms --minutes 5`` is ``make storm``.
"""
