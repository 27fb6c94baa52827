"""What bounds the levels: margin, liquidation and costs. From fractions to prices on the grid.

Ceilings keep a stop from losing too much, floors keep it outside the noise the trade itself
makes. Where a floor lies above a ceiling no stop exists, and then there is no entry.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.levels import in_order
from quantum_trader.core.instrument import Filters
from quantum_trader.core.units import Side, ceil_to, decimal_of, floor_to, percent_text, sign_of

MARGIN_LOSS_MAX_FRAC = 0.10
"""The part of the margin the stop may lose."""
LIQUIDATION_WAY_FRAC = 0.5
"""How much of the way from entry to liquidation the stop may use."""
STOP_MAX_FRAC = 0.05
STOP_MIN_FRAC = 0.002

CEILINGS = ("margin_loss", "liquidation", "absolute")
FLOORS = ("minimum", "costs")


class BoundContext(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds the levels of one trade.

    ``liquidation_price`` is None when the position cannot be liquidated; ``spread_frac`` None when
    it is not known. Fees and spread are fractions of notional and price.
    """

    side: Side
    leverage: float
    entry_price: Decimal
    liquidation_price: Decimal | None
    taker_fee_frac: Decimal | float
    spread_frac: Decimal | float | None
    tick: Decimal


class Effective(msgspec.Struct, frozen=True):
    """Levels within all bounds, or None and the problem as a sentence that says what to do."""

    levels: LevelSet | None
    bounds: tuple[Bound, ...]
    problem: str | None


class Limit(msgspec.Struct, frozen=True):
    """A bound before it was applied."""

    name: str
    frac: float
    reason: str


def effective(adaptive: LevelSet, context: BoundContext) -> Effective:
    """The adaptive levels held within every bound, with all bounds and what each did.

    The problem is set when the highest floor exceeds the lowest ceiling, or when no price on the
    grid lies between them. Raises ``ValueError`` for an entry price or tick that is not positive.
    """
    if context.entry_price <= 0 or context.tick <= 0:
        raise ValueError(f"entry {context.entry_price} and tick {context.tick} must be above zero")
    ceiling = min(ceilings(context), key=_frac_of)
    floor = max(floors(context), key=_frac_of)
    fits = floor.frac <= ceiling.frac
    sl_frac = max(min(adaptive.sl_frac, ceiling.frac), floor.frac) if fits else adaptive.sl_frac
    costs_frac = costs(context)
    first_frac = adaptive.tp_frac[:1]
    tp_frac = in_order(*(max(frac, costs_frac) for frac in first_frac), *adaptive.tp_frac[1:])
    levels = msgspec.structs.replace(adaptive, sl_frac=sl_frac, tp_frac=tp_frac)
    bounds = _stop_bounds(adaptive, levels, context) + _target_bounds(adaptive, costs_frac)
    if not fits:
        return Effective(None, bounds, _no_room(floor, ceiling, context.leverage))
    stop = _on_grid(context.side, context.entry_price, sl_frac, context.tick, bounds)
    problem = stop_problem(context.side, context.entry_price, stop, context.tick, bounds)
    return Effective(levels if problem is None else None, bounds, problem)


def costs(context: BoundContext) -> float:
    """What going in and out costs: both taker fees, the spread and one tick, as a fraction."""
    fees_frac = 2.0 * float(context.taker_fee_frac)
    tick_frac = float(context.tick / context.entry_price)
    return fees_frac + float(context.spread_frac or 0.0) + tick_frac


def liquidation_distance(context: BoundContext) -> float | None:
    """The way from entry to liquidation as a fraction of entry; None without liquidation."""
    if context.liquidation_price is None:
        return None
    way = (context.entry_price - context.liquidation_price) * sign_of(context.side)
    return float(way / context.entry_price)


def liquidation_bound(context: BoundContext) -> Bound | None:
    """What liquidation allows, as a bound that has not acted; None without liquidation."""
    for limit in ceilings(context):
        if limit.name == "liquidation":
            return Bound(limit.name, limit.frac, False, limit.reason)
    return None


def ceilings(context: BoundContext) -> list[Limit]:
    """The largest distances a stop may have."""
    leverage = max(context.leverage, 1.0)
    margin = percent_text(MARGIN_LOSS_MAX_FRAC, 0)
    found = [
        Limit(
            "margin_loss",
            MARGIN_LOSS_MAX_FRAC / leverage,
            f"at {leverage:g}x a wider stop could lose more than {margin} of the margin",
        ),
        Limit("absolute", STOP_MAX_FRAC, "no stop is wider than this"),
    ]
    way_frac = liquidation_distance(context)
    if way_frac is not None:
        reason = f"half of the way from entry to liquidation at {context.liquidation_price:.8g}"
        found.append(Limit("liquidation", LIQUIDATION_WAY_FRAC * way_frac, reason))
    return found


def floors(context: BoundContext) -> list[Limit]:
    """The smallest distances a stop may have."""
    spread = "spread" if context.spread_frac is not None else "spread (not known, left out)"
    return [
        Limit("minimum", STOP_MIN_FRAC, "a nearer stop lies within the noise"),
        Limit("costs", costs(context), f"both taker fees, {spread} and one tick"),
    ]


def stop_price(
    side: Side,
    entry_price: Decimal,
    sl_frac: float,
    instrument: Filters,
    bounds: Sequence[Bound] = (),
) -> Decimal:
    """The stop trigger on the price grid, rounded toward entry: tighter, never wider.

    Where that would be nearer than the highest floor among ``bounds`` (without any: 0.002), it is
    one tick farther, if the ceilings allow. ``stop_problem`` tells whether the result is within all
    bounds.
    """
    return _on_grid(side, entry_price, sl_frac, instrument.tick, bounds)


def stop_problem(
    side: Side, entry_price: Decimal, stop: Decimal, tick: Decimal, bounds: Sequence[Bound]
) -> str | None:
    """Why this stop price breaks a bound, as a sentence; None when it keeps all of them.

    The floor against noise gives way by less than one tick where the grid has no price between it
    and the ceiling: to be stopped by noise costs less than a ceiling allows. That of the costs
    does not.
    """
    floor_frac, ceiling_frac = _floor_of(bounds), _ceiling_of(bounds)
    way = (entry_price - stop) * sign_of(side)
    low, high = decimal_of(floor_frac) * entry_price, decimal_of(ceiling_frac) * entry_price
    if low <= way <= high:
        return None
    if low - tick < way <= high and way >= decimal_of(_costs_of(bounds)) * entry_price:
        return None
    return (
        f"no price on the grid fits a stop: {stop} is {_percent(float(way / entry_price))} from "
        f"entry {entry_price:.8g}, and only {_percent(floor_frac)} to {_percent(ceiling_frac)} is "
        "allowed; lower the leverage"
    )


def target_prices(
    side: Side, entry_price: Decimal, tp_frac: Sequence[float], instrument: Filters
) -> tuple[Decimal, ...]:
    """Target prices on the grid, rounded away from entry: never earlier than asked.

    Each is at least one tick beyond the one before.
    """
    sign, tick = sign_of(side), instrument.tick
    prices: list[Decimal] = []
    for frac in tp_frac:
        exact = entry_price * (1 + sign * decimal_of(frac))
        price = ceil_to(exact, tick) if sign > 0 else floor_to(exact, tick)
        if prices and (price - prices[-1]) * sign < tick:
            price = prices[-1] + sign * tick
        prices.append(price)
    return tuple(prices)


def _on_grid(
    side: Side, entry_price: Decimal, sl_frac: float, tick: Decimal, bounds: Sequence[Bound]
) -> Decimal:
    sign = sign_of(side)
    exact = entry_price * (1 - sign * decimal_of(sl_frac))
    stop = ceil_to(exact, tick) if sign > 0 else floor_to(exact, tick)
    if (entry_price - stop) * sign >= decimal_of(_floor_of(bounds)) * entry_price:
        return stop
    farther = stop - sign * tick
    too_far = (entry_price - farther) * sign > decimal_of(_ceiling_of(bounds)) * entry_price
    return stop if too_far else farther


def _costs_of(bounds: Sequence[Bound]) -> float:
    return max((each.frac for each in bounds if each.name == "costs"), default=0.0)


def _floor_of(bounds: Sequence[Bound]) -> float:
    return max((each.frac for each in bounds if each.name in FLOORS), default=STOP_MIN_FRAC)


def _ceiling_of(bounds: Sequence[Bound]) -> float:
    return min((each.frac for each in bounds if each.name in CEILINGS), default=STOP_MAX_FRAC)


def _stop_bounds(adaptive: LevelSet, levels: LevelSet, context: BoundContext) -> tuple[Bound, ...]:
    """Every bound of the stop; the one at which the stop came to rest has acted."""
    before, after = adaptive.sl_frac, levels.sl_frac
    return (
        *(
            _bound(limit, before, after, limit.frac == after < before)
            for limit in ceilings(context)
        ),
        *(_bound(limit, before, after, limit.frac == after > before) for limit in floors(context)),
    )


def _bound(limit: Limit, before: float, after: float, acted: bool) -> Bound:
    moved = f"; the stop moved from {_percent(before)} to {_percent(after)}" if acted else ""
    return Bound(limit.name, limit.frac, acted, limit.reason + moved)


def _target_bounds(adaptive: LevelSet, costs_frac: float) -> tuple[Bound, ...]:
    """The first target must earn what going in and out costs."""
    if not adaptive.tp_frac:
        return ()
    before = adaptive.tp_frac[0]
    acted = before < costs_frac
    why = "the first target must clear both taker fees, spread and one tick"
    if acted:
        why += f"; it moved from {_percent(before)} to {_percent(costs_frac)}"
    return (Bound("target_costs", costs_frac, acted, why),)


def _no_room(floor: Limit, ceiling: Limit, leverage: float) -> str:
    fitting = int(MARGIN_LOSS_MAX_FRAC / floor.frac)
    if floor.frac > STOP_MAX_FRAC:
        remedy = "trading it costs too much at any leverage"
    elif ceiling.name == "margin_loss":
        remedy = f"lower the leverage to {fitting}x or less"
    else:
        remedy = "lower the leverage"
    return (
        f"no stop fits at {leverage:g}x: it must be at least {_percent(floor.frac)} from entry "
        f"({floor.reason}) and at most {_percent(ceiling.frac)} ({ceiling.reason}); {remedy}"
    )


def _frac_of(limit: Limit) -> float:
    return limit.frac


def _percent(frac: float) -> str:
    return percent_text(frac, 3)
