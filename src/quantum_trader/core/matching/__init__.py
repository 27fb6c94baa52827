"""The rules of the paper exchange: fills, fees, funding, margin, liquidation. See docs/matching.md.

A ``Desk`` (desk.py) holds the rules and the state; ``place``, ``cancel``, ``configure`` (orders.py)
and ``advance`` (advance.py) work on it and leave their reports on it. The same inputs in the same
order leave the same state.
"""
