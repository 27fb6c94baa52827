"""The proposer's own stop: taken when it is tighter than ours and still outside the noise."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.events.exits import Bound
from quantum_trader.core.exits.bounds import FLOORS, BoundContext, Effective
from quantum_trader.core.instrument import Filters
from quantum_trader.core.units import percent_text, sign_of

PROPOSED = "proposed"


def with_proposed_stop(
    outcome: Effective, context: BoundContext, stop_loss: Decimal | None
) -> Effective:
    """The levels with the proposer's stop as one more ceiling; its bound says what it did."""
    if stop_loss is None or outcome.levels is None:
        return outcome
    way = (context.entry_price - stop_loss) * sign_of(context.side)
    frac = float(way / context.entry_price)
    floor = max(each.frac for each in outcome.bounds if each.name in FLOORS)
    ours = outcome.levels.sl_frac
    acted = floor <= frac < ours
    bound = Bound(PROPOSED, frac, acted, _why(frac, floor, ours))
    levels = msgspec.structs.replace(outcome.levels, sl_frac=frac if acted else ours)
    return Effective(levels, (*outcome.bounds, bound), None)


def _why(frac: float, floor: float, ours: float) -> str:
    if frac <= 0:
        return "the proposed stop is on the wrong side of the market; ours is used"
    if frac < floor:
        return "the proposed stop lies within costs and noise; ours is used"
    if frac >= ours:
        return "the proposed stop is not tighter than ours; ours is used"
    return f"the proposed stop is tighter than ours at {percent_text(ours, 3)}"


def asked_price(
    bounds: Sequence[Bound], stop_loss: Decimal | None, instrument: Filters
) -> Decimal | None:
    """The proposer's stop on the price grid where it was taken, else None."""
    taken = any(each.name == PROPOSED and each.acted for each in bounds)
    return instrument.nearest_price(stop_loss) if taken and stop_loss is not None else None
