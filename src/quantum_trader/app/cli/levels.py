"""``quantum levels``: the exit levels of a position, and why they are what they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
)
from quantum_trader.app.cli.position import OnPosition, quantity_of, settings_of, side_of
from quantum_trader.app.picture.drawing import check_file, save
from quantum_trader.app.picture.outline import Outline
from quantum_trader.app.picture.position_scene import scene_of
from quantum_trader.core.books.margin import initial_usd, liquidation_price
from quantum_trader.core.books.position import Position
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.bounds import (
    BoundContext,
    Effective,
    effective,
    liquidation_distance,
    stop_price,
    target_prices,
)
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.rules import ExitRules, Fees
from quantum_trader.core.units import Side, money, percent_text, sign_of, usd_text

app = new_app()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A position that somebody thinks of, and the market around it; None is missing."""

    instrument: Instrument
    side: Side
    leverage: int
    entry_price: Decimal
    qty: Decimal
    fees: Fees
    exits: ExitRules
    volatility_factor: float | None
    funding_rate_frac: float | None
    divergence: float | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The levels of one position. Without effective levels ``problem`` says why there are none.

    ``loss_at_stop_usd`` leaves fees out; ``margin_at_stop_frac`` is that loss over the margin.
    """

    symbol: str
    side: Side
    leverage: int
    entry_price: Decimal
    qty: Decimal
    notional_usd: Decimal
    margin_usd: Decimal
    adaptive: LevelSet
    effective: LevelSet | None
    bounds: tuple[Bound, ...]
    problem: str | None
    stop_price: Decimal | None
    target_prices: tuple[Decimal, ...]
    liquidation_price: Decimal | None
    liquidation_frac: float | None
    fees_usd: Decimal
    loss_at_stop_usd: Decimal | None
    margin_at_stop_frac: float | None


@dataclass(frozen=True, kw_only=True)
class Options(OnPosition):
    """What ``levels`` takes."""


@command(app, Options)
def levels(options: Options) -> int:
    """Take-profit and stop levels with every bound that was asked, and what it did.

    Exit code 1 when no stop fits, so that no such entry would be taken.
    """
    if options.picture is not None:
        check_file(options.picture)
    asked = _asked(options)
    answer = answer_for(asked)
    outline = outline_of(asked, answer)
    if outline is not None and options.picture is not None:
        save(scene_of(outline), options.picture)
        remark(f"picture: {options.picture.absolute()}")
    _show(answer, as_json=options.as_json)
    return DONE if answer.problem is None else FOUND


def _asked(options: Options) -> Asked:
    config, instrument = settings_of(options)
    return Asked(
        instrument=instrument,
        side=side_of(options.side),
        leverage=options.leverage,
        entry_price=options.entry,
        qty=quantity_of(instrument, options),
        fees=config.venue_fees,
        exits=config.exit_rules,
        volatility_factor=options.volatility,
        funding_rate_frac=options.funding,
        divergence=options.divergence,
    )


def answer_for(asked: Asked) -> Answer:
    """The levels of a position: the formula, the bounds, and prices on the grid."""
    wanted = _adaptive(asked)
    cost_usd = money(asked.qty * asked.entry_price)
    margin_usd = initial_usd(cost_usd, asked.leverage)
    position = Position(asked.qty * sign_of(asked.side), cost_usd)
    context = BoundContext(
        side=asked.side,
        leverage=float(asked.leverage),
        entry_price=asked.entry_price,
        liquidation_price=liquidation_price(asked.instrument, position, margin_usd),
        taker_fee_frac=asked.fees.taker_frac,
        spread_frac=asked.exits.spread_frac,
        tick=asked.instrument.tick,
    )
    outcome = effective(wanted, context)
    stop, targets = _prices(asked, outcome)
    loss_usd = None if stop is None else money(asked.qty * abs(asked.entry_price - stop))
    return Answer(
        symbol=asked.instrument.symbol,
        side=asked.side,
        leverage=asked.leverage,
        entry_price=asked.entry_price,
        qty=asked.qty,
        notional_usd=cost_usd,
        margin_usd=margin_usd,
        adaptive=wanted,
        effective=outcome.levels,
        bounds=outcome.bounds,
        problem=_venue_problem(asked, cost_usd) or outcome.problem,
        stop_price=stop,
        target_prices=targets,
        liquidation_price=context.liquidation_price
        and asked.instrument.nearest_price(context.liquidation_price),
        liquidation_frac=liquidation_distance(context),
        fees_usd=money(2 * cost_usd * asked.fees.taker_frac),
        loss_at_stop_usd=loss_usd,
        margin_at_stop_frac=None if loss_usd is None else float(loss_usd / margin_usd),
    )


def outline_of(asked: Asked, answer: Answer) -> Outline | None:
    """The position with these levels, left by the adaptive policy; None where no stop fits."""
    levels, stop = answer.effective, answer.stop_price
    if levels is None or stop is None:
        return None
    return Outline(
        instrument=asked.instrument,
        side=asked.side,
        leverage=asked.leverage,
        entry_price=asked.entry_price,
        qty=asked.qty,
        stop_price=stop,
        target_prices=answer.target_prices,
        legs=ladder(asked.qty, answer.target_prices, levels.harvest, asked.instrument),
        liquidation_price=answer.liquidation_price,
        plan=policy_of("adaptive")(_plan_inputs(asked, levels)),
        fees=asked.fees,
        exits=asked.exits,
    )


def _plan_inputs(asked: Asked, levels: LevelSet) -> PlanInputs:
    return PlanInputs(
        symbol=asked.instrument.symbol,
        position_id="levels",
        side=asked.side,
        strategy="levels",
        entry_price=float(asked.entry_price),
        leverage=float(asked.leverage),
        notional_usd=float(asked.qty * asked.entry_price),
        risk_mode="NORMAL",
        regime=None,
        volatility_frac=None,
        volatility_factor=asked.volatility_factor,
        trend=None,
        funding_rate_frac=asked.funding_rate_frac,
        divergence=asked.divergence,
        liquidity_usd=None,
        signal_confidence=None,
        adaptive=levels,
        stop_max_frac=None,
        now_ms=0,
    )


def _prices(asked: Asked, outcome: Effective) -> tuple[Decimal | None, tuple[Decimal, ...]]:
    """Stop and targets on the price grid; none where no levels are in force."""
    found, side, entry = outcome.levels, asked.side, asked.entry_price
    if found is None:
        return None, ()
    stop = stop_price(side, entry, found.sl_frac, asked.instrument, outcome.bounds)
    return stop, target_prices(side, entry, found.tp_frac, asked.instrument)


def _adaptive(asked: Asked) -> LevelSet:
    try:
        return adaptive(
            LevelInputs(
                side=asked.side,
                leverage=float(asked.leverage),
                volatility_factor=asked.volatility_factor,
                funding_rate_frac=asked.funding_rate_frac,
                divergence=asked.divergence,
            )
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _venue_problem(asked: Asked, notional_usd: Decimal) -> str | None:
    most = asked.instrument.leverage_max_at(notional_usd)
    if asked.leverage <= most:
        return None
    return (
        f"{asked.instrument.symbol}: the venue allows at most {most}x for "
        f"{usd_text(notional_usd)}; lower the leverage or the size"
    )


def _show(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    say(
        f"{answer.symbol} {answer.side} {answer.qty} at {answer.entry_price}, {answer.leverage}x: "
        f"worth {usd_text(answer.notional_usd)}, margin {usd_text(answer.margin_usd)}, "
        f"fees in and out {usd_text(answer.fees_usd)}"
    )
    show_table(("level", "formula", "in force", "price", "share"), _level_rows(answer))
    say("")
    show_table(
        ("bound", "at", "acted", "why"),
        [
            (each.name, percent_text(each.frac, 3), "yes" if each.acted else "", each.why)
            for each in answer.bounds
        ],
    )
    if answer.problem is not None:
        remark(f"problem: {answer.problem}")


def _level_rows(answer: Answer) -> list[Sequence[object]]:
    formula, force = answer.adaptive, answer.effective
    lost = "" if answer.loss_at_stop_usd is None else f"-{usd_text(answer.loss_at_stop_usd)}"
    if answer.margin_at_stop_frac is not None:
        lost += f" ({percent_text(answer.margin_at_stop_frac)} of margin)"
    stop = percent_text(force.sl_frac, 3) if force else "none"
    rows: list[Sequence[object]] = [
        ("stop", percent_text(formula.sl_frac, 3), stop, answer.stop_price, lost)
    ]
    for stage, frac in enumerate(formula.tp_frac):
        held = percent_text(force.tp_frac[stage], 3) if force else "none"
        price = answer.target_prices[stage] if force else None
        share = percent_text(formula.harvest[stage], 0)
        rows.append((f"target {stage + 1}", percent_text(frac, 3), held, price, share))
    way = "" if answer.liquidation_frac is None else percent_text(answer.liquidation_frac, 3)
    rows.append(("liquidation", "", way, answer.liquidation_price or "never", ""))
    return rows
