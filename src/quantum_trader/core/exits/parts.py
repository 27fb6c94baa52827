"""Which part of a position can leave: never more than stands, never a crumb, and no crumb stays."""

import math

from quantum_trader.core.exits.context import ExitContext

EVERYTHING = 1.0
GRAINS = 1e12
"""Parts are counted in so many grains and rounded up: what is on the grid stays on it when the
quantity is rounded down."""
GRAIN_NOISE = 1e-3
"""What part of a grain a float may be off by."""
ROUNDING = 1e-9
"""How far a float may miss the smallest order and still be taken for it."""


def sellable(context: ExitContext, frac: float) -> float:
    """What can really leave when ``frac`` of the initial quantity should.

    ``EVERYTHING`` when the rest would be less than the smallest order, 0.0 when the part itself
    would be; else a fraction between them, never more than what stands.
    """
    venue, standing = context.instrument, abs(context.qty)
    smallest = float(max(venue.order_qty_min, venue.order_step)) * (1.0 - ROUNDING)
    part = min(frac * context.initial_qty, standing)
    if part <= 0.0 or part < smallest:
        return 0.0
    share = math.ceil(frac * GRAINS - GRAIN_NOISE) / GRAINS
    if standing - part < smallest or share >= EVERYTHING:
        return EVERYTHING
    return share
