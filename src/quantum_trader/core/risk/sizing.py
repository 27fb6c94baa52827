"""How much to trade.

A size that was asked for is taken or refused, never changed, but for the step grid: the gates
judge it. A size we choose ourselves is what the stop may cost, kept inside all limits.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.instrument import Instrument
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.units import ONE, ZERO, decimal_of, percent_text, usd_text


class SizeInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a size is made of. At most one of ``notional_usd``, ``margin_usd``, ``qty`` is set.

    ``stop_frac`` is the distance of the initial stop as a fraction of ``reference_price``,
    ``scale_frac`` the part of the budget that a doubtful market is worth.
    """

    instrument: Instrument
    reference_price: Decimal
    stop_frac: Decimal
    leverage: int
    equity_usd: Decimal
    available_usd: Decimal
    taker_fee_frac: Decimal
    notional_usd: Decimal | None
    margin_usd: Decimal | None
    qty: Decimal | None
    scale_frac: float = 1.0


class Sized(msgspec.Struct, frozen=True):
    """A quantity on the step grid, above the venue's minima; ``why`` says how it came about."""

    qty: Decimal
    why: str


class Unsized(msgspec.Struct, frozen=True):
    """There is no such quantity; ``problem`` says why, with the numbers."""

    problem: str


class Candidate(msgspec.Struct, frozen=True):
    """A quantity before rounding, and where it comes from."""

    qty: Decimal
    why: str


def size(inputs: SizeInputs, limits: RiskLimits) -> Sized | Unsized:
    """The quantity asked for, or the one by risk: rounded down to the step, never up."""
    if inputs.reference_price <= 0 or inputs.leverage < 1:
        return Unsized(f"no size at price {inputs.reference_price}, leverage {inputs.leverage}")
    wanted = _asked(inputs)
    if wanted is None:
        if not 0 < inputs.stop_frac < 1:
            return Unsized(f"no size by risk with a stop distance of {inputs.stop_frac}")
        wanted = min(_by_risk(inputs, limits), *_ceilings(inputs, limits), key=_qty_of)
    return _on_grid(wanted, inputs)


def _qty_of(candidate: Candidate) -> Decimal:
    return candidate.qty


def _asked(inputs: SizeInputs) -> Candidate | None:
    if inputs.qty is not None:
        return Candidate(inputs.qty, f"asked: quantity {inputs.qty}")
    if inputs.notional_usd is not None:
        why = f"asked: notional {usd_text(inputs.notional_usd)}"
        return Candidate(inputs.notional_usd / inputs.reference_price, why)
    if inputs.margin_usd is not None:
        notional = inputs.margin_usd * inputs.leverage
        why = f"asked: margin {usd_text(inputs.margin_usd)} at {inputs.leverage}x"
        return Candidate(notional / inputs.reference_price, why)
    return None


def _by_risk(inputs: SizeInputs, limits: RiskLimits) -> Candidate:
    """equity * risk_frac / (stop_frac * price): what the initial stop costs is the budget."""
    budget = max(inputs.equity_usd, ZERO) * limits.risk_frac * decimal_of(inputs.scale_frac)
    why = (
        f"by risk: {usd_text(budget)} ({percent_text(limits.risk_frac)} of equity) "
        f"over a stop {percent_text(inputs.stop_frac)} away"
    )
    return Candidate(budget / (inputs.stop_frac * inputs.reference_price), why)


def _ceilings(inputs: SizeInputs, limits: RiskLimits) -> list[Candidate]:
    """What a size of our own choice may not exceed."""
    price, venue = inputs.reference_price, inputs.instrument
    bracket = bracket_cap_usd(venue, inputs.leverage)
    free = max(inputs.available_usd, ZERO)
    # Entry costs margin and the fee, both out of the same purse.
    cost_frac = ONE / inputs.leverage + inputs.taker_fee_frac
    return [
        Candidate(
            limits.notional_max_usd / price,
            f"capped: {usd_text(limits.notional_max_usd)} is the limit of one trade",
        ),
        Candidate(
            free / cost_frac / price,
            f"capped: {usd_text(free)} of margin available at {inputs.leverage}x",
        ),
        Candidate(
            bracket / price,
            f"capped: {usd_text(bracket)} is the venue's bracket at {inputs.leverage}x",
        ),
        Candidate(venue.order_qty_max, f"capped: {venue.order_qty_max} is the venue's largest"),
    ]


def bracket_cap_usd(instrument: Instrument, leverage: int) -> Decimal:
    """The largest notional the venue allows at this leverage; 0 when it allows none."""
    caps = [tier.cap_usd for tier in instrument.tiers if tier.leverage_max >= leverage]
    return max(caps, default=ZERO)


def _on_grid(wanted: Candidate, inputs: SizeInputs) -> Sized | Unsized:
    venue = inputs.instrument
    qty = venue.floor_qty(wanted.qty)
    if qty <= 0 or qty < venue.order_qty_min:
        return Unsized(
            f"{venue.symbol}: {qty} is below the smallest quantity {venue.order_qty_min} "
            f"({wanted.why})"
        )
    notional = qty * inputs.reference_price
    if notional < venue.notional_min_usd:
        return Unsized(
            f"{venue.symbol}: {usd_text(notional)} is below the smallest notional "
            f"{usd_text(venue.notional_min_usd)} ({wanted.why})"
        )
    return Sized(qty, wanted.why)
