"""Which prices a picture holds: what lies far off would squeeze everything else."""

from quantum_trader.app.picture.scene import Mark, Scene

MARGIN_FRAC = 0.06
FAR_FRAC = 0.6
"""Liquidation farther out than this part of all the rest is told at the edge instead."""


def bounds(scene: Scene) -> tuple[float, float]:
    """The lowest and the highest price of the picture, with a margin."""
    near = [float(mark.price) for mark in scene.marks if mark.kind != "liquidation"]
    near += [price for _, price in (*scene.way, *scene.stops)]
    low, high = min(near), max(near)
    room = (high - low) * FAR_FRAC
    for mark in scene.marks:
        price = float(mark.price)
        if mark.kind == "liquidation" and low - room <= price <= high + room:
            low, high = min(low, price), max(high, price)
    margin = (high - low) * MARGIN_FRAC
    return low - margin, high + margin


def is_outside(mark: Mark, low: float, high: float) -> bool:
    """Whether a mark lies beyond the picture."""
    return not low <= float(mark.price) <= high
