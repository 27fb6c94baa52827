"""``quantum plan``: how a position would be left, leg by leg, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar, get_args

import msgspec
import typer

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
from quantum_trader.app.cli.plan_answer import Answer, LegShown, answer_to, outline_of
from quantum_trader.app.cli.position import (
    OnPosition,
    notional_of,
    quantity_of,
    settings_of,
    side_of,
)
from quantum_trader.app.picture.drawing import check_file, save
from quantum_trader.app.picture.position_scene import scene_of
from quantum_trader.app.preview import Entry, preview
from quantum_trader.app.story.exits import LEG_NAMES, plain, signed_percent, trail_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.exits.plan import PlanRegime, RiskMode
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.risk.case import Draft
from quantum_trader.core.risk.draft import Problem
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import percent_text, usd_text

Word = TypeVar("Word", bound=str)

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnPosition):
    """What ``plan`` takes."""

    policy: Annotated[
        str | None,
        typer.Option(help="adaptive, dynamic, profile, profile:NAME, hints or static_3_4."),
    ] = None
    regime: Annotated[str | None, typer.Option(help=f"{', '.join(get_args(PlanRegime))}.")] = None
    trend: Annotated[
        float | None, typer.Option(min=-1, max=1, help="From -1 (falling) to 1 (rising).")
    ] = None
    confidence: Annotated[float | None, typer.Option(min=0, max=1, help="Of the proposer.")] = None
    risk_mode: Annotated[str | None, typer.Option(help=f"{', '.join(get_args(RiskMode))}.")] = None


@command(app, Options)
def plan(options: Options) -> int:
    """How the trader would leave this entry: the plan, its legs on the grid, and every bound.

    It asks what the trader asks, but for the gates: those look at the account. What is not given
    is not known. Exit code 1 when there would be no entry.
    """
    if options.picture is not None:
        check_file(options.picture)
    entry, rules = _asked(options)
    found = _preview(entry, rules)
    answer = answer_to(entry, rules, found)
    if isinstance(found, Draft) and options.picture is not None:
        save(scene_of(outline_of(entry, found, rules)), options.picture)
    _show(answer, options)
    return DONE if answer.problem is None else FOUND


def _asked(options: Options) -> tuple[Entry, Rules]:
    config, instrument = settings_of(options)
    typed = {
        "policy": options.policy,
        "risk_mode": _one_of("--risk-mode", options.risk_mode, get_args(RiskMode)),
    }
    given = {name: value for name, value in typed.items() if value is not None}
    exits = msgspec.structs.replace(config.exit_rules, **given)
    policy_of(exits.policy)
    rules = Rules(
        account=config.account,
        deposit_usd=config.deposit_usd,
        limits=config.risk_limits,
        fees=config.venue_fees,
        exits=exits,
        instruments={instrument.symbol: instrument},
    )
    entry = Entry(
        instrument=instrument,
        side=side_of(options.side),
        leverage=options.leverage,
        entry_price=instrument.nearest_price(options.entry),
        qty=quantity_of(instrument, options),
        notional_usd=notional_of(options),
        confidence=options.confidence,
        regime=_one_of("--regime", options.regime, get_args(PlanRegime)),
        volatility_factor=options.volatility,
        trend=options.trend,
        funding_rate_frac=options.funding,
        divergence=options.divergence,
    )
    return entry, rules


def _one_of(option: str, text: str | None, words: tuple[Word, ...]) -> Word | None:
    if text is None:
        return None
    for word in words:
        if text.strip().upper().replace("-", "_") == word:
            return word
    raise UsageError(f"{option} {text}: expected one of {', '.join(words)}")


def _preview(entry: Entry, rules: Rules) -> Draft | Problem:
    try:
        return preview(entry, rules)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _show(answer: Answer, options: Options) -> None:
    drawn = None if answer.problem or not options.picture else str(options.picture.absolute())
    if options.as_json:
        show_json(msgspec.structs.asdict(answer) | {"picture": drawn})
        return
    _say_plan(answer)
    if answer.legs:
        say("")
        columns = ("leg", "size", "quantity", "asked", "price", "R", "earns", "when", "why")
        show_table(columns, [_cells(leg) for leg in answer.legs])
        say("")
        bounds = [
            (each.name, percent_text(each.frac, 3), "yes" if each.acted else "", each.why)
            for each in answer.bounds
        ]
        show_table(("bound", "at", "acted", "why"), bounds)
    if drawn is not None:
        remark(f"picture: {drawn}")
    if answer.problem is not None:
        remark(f"problem: {answer.problem}")


def _say_plan(answer: Answer) -> None:
    say(
        f"{answer.symbol} {answer.side} {answer.qty} at {answer.entry_price}, {answer.leverage}x: "
        f"worth {usd_text(answer.notional_usd)}, margin {usd_text(answer.margin_usd)}, "
        f"fees in and out {usd_text(answer.fees_usd)}"
    )
    if answer.profile is None:
        return
    known = {
        "policy": answer.policy,
        "profile": answer.profile,
        "strategy": plain(answer.strategy or "").lower(),
        "risk mode": plain(answer.risk_mode).lower(),
        "market": plain(answer.regime or "").lower(),
    }
    say(", ".join(f"{name} {value}" for name, value in known.items()))
    say(f"because: {answer.reason}")
    if answer.assumed:
        say(f"not known and taken as usual: {', '.join(map(plain, answer.assumed))}")
    places = {
        "first stop loses": None if answer.risk_usd is None else usd_text(answer.risk_usd),
        "break-even": answer.break_even_price,
        "liquidation": answer.liquidation_price or "never",
    }
    say(", ".join(f"{name} {value}" for name, value in places.items() if value is not None))


def _cells(leg: LegShown) -> Sequence[object]:
    name = LEG_NAMES[leg.kind] if leg.stage is None else f"{LEG_NAMES[leg.kind]} {leg.stage}"
    why = leg.reason if leg.trail is None else f"{trail_text(leg.trail)}; {leg.reason}"
    return (
        name,
        percent_text(leg.size_frac, 1),
        leg.qty,
        "" if leg.asked_frac is None else signed_percent(leg.asked_frac, 3),
        leg.price,
        "" if leg.r_multiple is None else f"{leg.r_multiple:+.2f}",
        "" if leg.gain_usd is None else f"{leg.gain_usd:+,.2f} USDT",
        leg.condition.lower(),
        why,
    )
