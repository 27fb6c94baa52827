"""The harvest ladder: which part of the initial quantity leaves at which target."""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.core.events.orders import Leg
from quantum_trader.core.instrument import Filters
from quantum_trader.core.units import ONE, ZERO, decimal_of


def ladder(
    qty: Decimal,
    prices: Sequence[Decimal],
    shares: Sequence[float],
    instrument: Filters,
    *,
    respect_notional: bool = False,
) -> tuple[Leg, ...]:
    """Split an unsigned initial quantity over target prices.

    Shares are fractions of the initial quantity, never of what remains. Where they sum to one, so
    do the legs, exactly: quantities are rounded down to the step and the last leg takes what is
    left, an odd part off the grid included. Where they sum to less, the rest is a runner that no
    target takes. No shares, no legs. A leg under the smallest quantity waits for the next target; a
    last leg under it leaves with the one before. Reduce-only orders need no smallest notional;
    ``respect_notional`` asks for it all the same. ``Leg.stage`` is the number of the target, from
    1, and ``Leg.frac`` the sum of the shares merged into the leg. Raises ``ValueError`` for values
    that make no ladder.
    """
    fracs = _checked(qty, prices, shares)
    whole = sum(fracs, ZERO) == ONE
    min_usd = instrument.notional_min_usd if respect_notional else ZERO
    legs: list[Leg] = []
    waiting_qty, waiting_frac, left_qty = ZERO, ZERO, qty
    for stage, (price, frac) in enumerate(zip(prices, fracs, strict=True), 1):
        last = stage == len(prices)
        takes_all = last and whole
        leg_qty = left_qty if takes_all else instrument.floor_qty(qty * frac) + waiting_qty
        leg = Leg(stage, price, leg_qty, frac + waiting_frac)
        if leg_qty < instrument.order_qty_min or leg_qty * price < min_usd:
            if not last:
                waiting_qty, waiting_frac = leg.qty, leg.frac
                continue
            if legs:
                leg = _merged(legs.pop(), leg)
            elif not whole:
                break
        legs.append(leg)
        left_qty -= leg_qty
        waiting_qty, waiting_frac = ZERO, ZERO
    return tuple(legs)


def _merged(leg: Leg, rest: Leg) -> Leg:
    return Leg(leg.stage, leg.price, leg.qty + rest.qty, leg.frac + rest.frac)


def _checked(
    qty: Decimal, prices: Sequence[Decimal], shares: Sequence[float]
) -> tuple[Decimal, ...]:
    fracs = tuple(decimal_of(share) for share in shares)
    if qty <= 0 or len(prices) != len(fracs):
        raise ValueError(f"no ladder of {len(prices)} prices, {len(fracs)} shares, quantity {qty}")
    if fracs and (min(fracs) <= 0 or sum(fracs, ZERO) > ONE):
        raise ValueError(f"shares {shares}: expected positive fractions of one whole")
    return fracs
