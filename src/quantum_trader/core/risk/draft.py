"""The trade an intent would become, before any gate is asked: size, leverage, stop and ladder.

Size and stop depend on each other: the stop distance decides the size by risk, the size decides
the margin tier, the tier the liquidation price, and that bounds the stop. A second round is needed
only when liquidation is so near that it tightens the stop, and then the second stop settles it.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.margin import initial_usd, liquidation_price
from quantum_trader.core.books.position import Position
from quantum_trader.core.events import IntentProposed
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.bounds import (
    BoundContext,
    effective,
    liquidation_bound,
    stop_price,
    target_prices,
)
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.proposed import asked_price, with_proposed_stop
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.risk.case import Draft
from quantum_trader.core.risk.sizing import SizeInputs, Unsized, size
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import Side, decimal_of, money, sign_of


class Problem(msgspec.Struct, frozen=True):
    """No trade can be made of the intent; ``why`` is a sentence with the numbers."""

    why: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """An intent and the world it wants to be traded in.

    ``volatility_factor`` and ``funding_rate_frac`` are our own; the proposer's go before them.
    """

    intent: IntentProposed
    side: Side
    leverage: int
    instrument: Instrument
    mark: Decimal
    equity_usd: Decimal
    available_usd: Decimal
    funding_rate_frac: float | None
    volatility_factor: float | None
    rules: Rules


class _Shape(msgspec.Struct, frozen=True):
    """One round: the levels, the quantity they lead to, and where that would be liquidated."""

    levels: LevelSet
    bounds: tuple[Bound, ...]
    qty: Decimal
    liquidation: Decimal | None


def draft_entry(ask: Ask) -> Draft | Problem:
    """Size, stop and ladder for the intent, or why there are none."""
    wanted = adaptive(_level_inputs(ask))
    shape = _shape(ask, wanted, None)
    if isinstance(shape, Problem):
        return shape
    bound = liquidation_bound(_context(ask, shape.liquidation))
    if bound is not None and bound.frac < shape.levels.sl_frac:
        shape = _shape(ask, wanted, shape.liquidation)
        if isinstance(shape, Problem):
            return shape
    elif bound is not None:
        shape = msgspec.structs.replace(shape, bounds=(*shape.bounds, bound))
    return _draft(ask, wanted, shape)


def _level_inputs(ask: Ask) -> LevelInputs:
    """The proposer's own context where it was given, else what we know ourselves."""
    intent = ask.intent
    volatility, funding = intent.volatility_factor, intent.funding_rate_frac
    return LevelInputs(
        side=ask.side,
        leverage=float(ask.leverage),
        volatility_factor=ask.volatility_factor if volatility is None else volatility,
        funding_rate_frac=ask.funding_rate_frac if funding is None else funding,
        divergence=intent.exchange_divergence,
    )


def _context(ask: Ask, liquidation: Decimal | None) -> BoundContext:
    return BoundContext(
        side=ask.side,
        leverage=float(ask.leverage),
        entry_price=ask.mark,
        liquidation_price=liquidation,
        taker_fee_frac=ask.rules.fees.taker_frac,
        spread_frac=ask.rules.exits.spread_frac,
        tick=ask.instrument.tick,
    )


def _shape(ask: Ask, wanted: LevelSet, liquidation: Decimal | None) -> _Shape | Problem:
    context = _context(ask, liquidation)
    outcome = with_proposed_stop(effective(wanted, context), context, ask.intent.stop_loss)
    if outcome.levels is None:
        return Problem(outcome.problem or "no stop fits")
    sized = size(_size_inputs(ask, outcome.levels.sl_frac), ask.rules.limits)
    if isinstance(sized, Unsized):
        return Problem(sized.problem)
    cost_usd = sized.qty * ask.mark
    position = Position(sized.qty * sign_of(ask.side), cost_usd)
    margin_usd = initial_usd(cost_usd, ask.leverage)
    price = liquidation_price(ask.instrument, position, margin_usd)
    liquidation = None if price is None else ask.instrument.nearest_price(price)
    return _Shape(outcome.levels, outcome.bounds, sized.qty, liquidation)


def _size_inputs(ask: Ask, sl_frac: float) -> SizeInputs:
    intent = ask.intent
    return SizeInputs(
        instrument=ask.instrument,
        reference_price=ask.mark,
        stop_frac=decimal_of(sl_frac),
        leverage=ask.leverage,
        equity_usd=ask.equity_usd,
        available_usd=ask.available_usd,
        taker_fee_frac=ask.rules.fees.taker_frac,
        notional_usd=intent.notional_usd,
        margin_usd=intent.margin_usd,
        qty=intent.qty,
    )


def _draft(ask: Ask, wanted: LevelSet, shape: _Shape) -> Draft:
    levels, instrument = shape.levels, ask.instrument
    asked = asked_price(shape.bounds, ask.intent.stop_loss, instrument)
    stop = asked or stop_price(ask.side, ask.mark, levels.sl_frac, instrument, shape.bounds)
    targets = target_prices(ask.side, ask.mark, levels.tp_frac, instrument)
    notional_usd = money(shape.qty * ask.mark)
    return Draft(
        side=ask.side,
        leverage=ask.leverage,
        reference_price=instrument.nearest_price(ask.mark),
        qty=shape.qty,
        notional_usd=notional_usd,
        margin_usd=initial_usd(notional_usd, ask.leverage),
        fee_usd=money(notional_usd * ask.rules.fees.taker_frac),
        stop_price=stop,
        asked_stop=asked,
        legs=ladder(shape.qty, targets, levels.harvest, instrument),
        risk_usd=money(shape.qty * abs(ask.mark - stop)),
        liquidation_price=shape.liquidation,
        adaptive=wanted,
        effective=levels,
        bounds=shape.bounds,
    )
