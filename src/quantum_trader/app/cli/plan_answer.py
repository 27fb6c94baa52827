"""What ``quantum plan`` answers: the exit plan of one entry, and its legs on the grid."""

from decimal import Decimal

import msgspec

from quantum_trader.app.picture.outline import Outline
from quantum_trader.app.preview import Entry
from quantum_trader.core.books.margin import initial_usd
from quantum_trader.core.events import Leg
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.bounds import target_prices
from quantum_trader.core.exits.outputs import Outputs, outputs_of
from quantum_trader.core.exits.plan import (
    ExitLeg,
    LegCondition,
    LegKind,
    PlanRegime,
    RiskMode,
    Strategy,
    TrailSpec,
)
from quantum_trader.core.risk.case import Draft
from quantum_trader.core.risk.draft import Problem
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import Side, money, sign_of


class LegShown(msgspec.Struct, frozen=True, kw_only=True):
    """One way out as it would be carried out.

    ``size_frac`` and ``asked_frac`` are what the plan asked for, of the initial quantity and of the
    entry price (None for what follows the price or acts at once). ``qty``, ``price`` and
    ``r_multiple`` are after the bounds and on the grid; for a trail they are where it begins.
    """

    kind: LegKind
    stage: int | None
    size_frac: float
    qty: Decimal
    asked_frac: float | None
    price: Decimal | None
    r_multiple: float | None
    gain_usd: Decimal | None
    condition: LegCondition
    reason: str
    trail: TrailSpec | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The exit plan of one entry. With a ``problem`` there would be no entry, and no plan.

    ``assumed`` names what was not given and taken as usual. ``risk_usd`` is what the first stop
    loses on all of it, costs left out; ``fees_usd`` what going in and out costs. ``outputs`` is the
    plan in the forms that others read.
    """

    symbol: str
    side: Side
    leverage: int
    entry_price: Decimal
    qty: Decimal
    notional_usd: Decimal
    margin_usd: Decimal
    fees_usd: Decimal
    policy: str
    strategy: Strategy | None
    profile: str | None
    risk_mode: RiskMode
    regime: PlanRegime | None
    reason: str | None
    assumed: tuple[str, ...]
    confidence: float | None
    valid_ms: int | None
    legs: tuple[LegShown, ...]
    outputs: Outputs | None
    adaptive: LevelSet | None
    effective: LevelSet | None
    bounds: tuple[Bound, ...]
    risk_usd: Decimal | None
    break_even_price: Decimal | None
    liquidation_price: Decimal | None
    problem: str | None


def answer_to(entry: Entry, rules: Rules, found: Draft | Problem) -> Answer:
    """The answer about one entry: with a plan, or with the problem that there is none."""
    cost_usd = money(entry.qty * entry.entry_price)
    bare = Answer(
        symbol=entry.instrument.symbol,
        side=entry.side,
        leverage=entry.leverage,
        entry_price=entry.entry_price,
        qty=entry.qty,
        notional_usd=cost_usd,
        margin_usd=initial_usd(cost_usd, entry.leverage),
        fees_usd=money(2 * cost_usd * rules.fees.taker_frac),
        policy=rules.exits.policy,
        strategy=None,
        profile=None,
        risk_mode=rules.exits.risk_mode,
        regime=entry.regime,
        reason=None,
        assumed=(),
        confidence=entry.confidence,
        valid_ms=None,
        legs=(),
        outputs=None,
        adaptive=None,
        effective=None,
        bounds=(),
        risk_usd=None,
        break_even_price=None,
        liquidation_price=None,
        problem=found.why if isinstance(found, Problem) else None,
    )
    return bare if isinstance(found, Problem) else _with_plan(bare, found, entry, rules)


def outline_of(entry: Entry, draft: Draft, rules: Rules) -> Outline:
    """The position as it would stand after the entry."""
    price, levels = draft.reference_price, draft.effective
    return Outline(
        instrument=entry.instrument,
        side=entry.side,
        leverage=entry.leverage,
        entry_price=price,
        qty=draft.qty,
        stop_price=draft.stop_price,
        target_prices=target_prices(entry.side, price, levels.tp_frac, entry.instrument),
        legs=draft.legs,
        liquidation_price=draft.liquidation_price,
        plan=draft.exit_plan,
        fees=rules.fees,
        exits=rules.exits,
    )


def _with_plan(bare: Answer, draft: Draft, entry: Entry, rules: Rules) -> Answer:
    outline, plan = outline_of(entry, draft, rules), draft.exit_plan
    return msgspec.structs.replace(
        bare,
        strategy=plan.strategy,
        profile=plan.profile,
        regime=plan.regime,
        reason=plan.reason,
        assumed=plan.assumed,
        valid_ms=plan.expires_ms - plan.created_ms,
        legs=_legs_of(outline),
        outputs=outputs_of(plan),
        adaptive=draft.adaptive,
        effective=draft.effective,
        bounds=draft.bounds,
        risk_usd=outline.risk_usd,
        break_even_price=outline.break_even(),
        liquidation_price=draft.liquidation_price,
    )


def _legs_of(outline: Outline) -> tuple[LegShown, ...]:
    """Stop, targets and runner, in the order in which the price can meet them.

    Targets too small to be orders of their own leave together with a neighbour.
    """
    plan, orders = outline.plan, {leg.stage: leg for leg in outline.legs}
    targets = [
        _target(outline, leg, orders[stage])
        for stage, leg in enumerate(plan.legs_of("TP"), 1)
        if stage in orders
    ]
    stops = [_shown(outline, leg, outline.qty, outline.stop_price) for leg in plan.legs_of("SL")]
    runners = [_runner(outline, leg) for leg in plan.legs_of("TRAIL") if outline.runner_qty > 0]
    return (*stops, *targets, *runners)


def _target(outline: Outline, leg: ExitLeg, order: Leg) -> LegShown:
    shown = _shown(outline, leg, order.qty, order.price)
    return msgspec.structs.replace(shown, stage=order.stage, size_frac=float(order.frac))


def _runner(outline: Outline, leg: ExitLeg) -> LegShown:
    """A runner has no price but the one at which its stop begins to follow."""
    begins = None if leg.trail is None else outline.at_r(leg.trail.activation_r)
    shown = _shown(outline, leg, outline.runner_qty, begins)
    return msgspec.structs.replace(shown, gain_usd=None)


def _shown(outline: Outline, leg: ExitLeg, qty: Decimal, price: Decimal | None) -> LegShown:
    return LegShown(
        kind=leg.kind,
        stage=None,
        size_frac=leg.size_frac,
        qty=qty,
        asked_frac=leg.trigger_frac,
        price=price,
        r_multiple=None if price is None else _r_of(outline, price),
        gain_usd=None if price is None else outline.gain_usd(price, qty),
        condition=leg.condition,
        reason=leg.reason,
        trail=leg.trail,
    )


def _r_of(outline: Outline, price: Decimal) -> float:
    way = (price - outline.entry_price) * sign_of(outline.side)
    return float(way / abs(outline.entry_price - outline.stop_price))
