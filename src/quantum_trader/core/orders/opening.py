"""From a proposed intent to a plan and its entry order, or to every reason why not."""

from collections.abc import Mapping
from decimal import Decimal

from quantum_trader.core.books.exposure import expect
from quantum_trader.core.errors import sure
from quantum_trader.core.events import (
    ExitPlanned,
    IntentApplied,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
    MarketStateComputed,
    PlanMade,
    Refusal,
)
from quantum_trader.core.events.intents import SkipKind
from quantum_trader.core.exits import kill_score
from quantum_trader.core.exits.adapt import referenced_volatility
from quantum_trader.core.intent_edge import plan_id_of
from quantum_trader.core.market.publish import known_state, newest_state
from quantum_trader.core.market.state import sigma_ratio, usual_sigma, volatility_now
from quantum_trader.core.market.view import MarketView
from quantum_trader.core.orders.arming import enter
from quantum_trader.core.orders.clearing import clear
from quantum_trader.core.orders.closing import close_now
from quantum_trader.core.orders.evaluation import (
    divergence_now,
    note_market,
    picture_of,
    risk_mode_of,
)
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.risk.case import Draft, EntryCase
from quantum_trader.core.risk.draft import Ask, Problem, draft_entry
from quantum_trader.core.risk.review import ApprovedIntent, review
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, Side

FLAT_INTENT = "flat_intent"
_ENTRIES: Mapping[str, Side] = {"LONG": "LONG", "SHORT": "SHORT"}


def on_intent(state: TraderState, intent: IntentProposed, out: Out) -> None:
    """Give every intent exactly one answer: a plan, a refusal with all reasons, or a skip."""
    plan_id = plan_id_of(intent)
    if intent.side == "HOLD":
        _remember_refused(state, plan_id)
        _skip(intent, plan_id, out, "hold")
    elif intent.side == "FLAT":
        _close(state, intent, plan_id, out)
    else:
        _judge(state, intent, plan_id, out)


def is_repeat(state: TraderState, plan_id: str) -> bool:
    """Whether an intent of this plan id was answered before, as far as that still matters."""
    return plan_id in state.planned or state.refused.get(plan_id, -1) >= state.now_ms


def _remember_refused(state: TraderState, plan_id: str) -> None:
    """Remember a refusal for as long as its age does not refuse it; forget the others.

    The oldest come first. An intent may be dated ahead of us, so that much longer is it young.
    """
    refused = state.refused
    if state.rules is not None:
        limits = state.rules.limits
        young_ms = limits.intent_age_ms_max + limits.intent_future_ms_max
        refused.setdefault(plan_id, state.now_ms + young_ms)
    while refused and (oldest := next(iter(refused))) and refused[oldest] < state.now_ms:
        del refused[oldest]


def _skip(
    intent: IntentProposed,
    plan_id: str,
    out: Out,
    kind: SkipKind,
    refusals: tuple[Refusal, ...] = (),
) -> None:
    out.say(
        IntentSkipped(
            **out.stamp(intent.trace_id),
            plan_id=plan_id,
            symbol=intent.symbol,
            side=intent.side,
            kind=kind,
            refusals=refusals,
        )
    )


def _close(state: TraderState, intent: IntentProposed, plan_id: str, out: Out) -> None:
    """A FLAT intent reduces risk: no gate is asked. An entry under way is closed once it fills."""
    if is_repeat(state, plan_id):
        _skip(intent, plan_id, out, "duplicate")
        return
    state.planned[plan_id] = state.now_ms
    plan = state.plans.get(state.plan_of.get(intent.symbol, ""))
    if plan is not None and plan.flat_ms is None:
        close_now(state, plan, out, FLAT_INTENT)
        _closing(intent, plan_id, f"closing plan {plan.made.plan_id}", out)
    elif intent.symbol in state.strays:
        clear(state, intent.symbol, FLAT_INTENT, out)
        _closing(intent, plan_id, "closing a position that no plan owns", out)
    else:
        _skip(intent, plan_id, out, "nothing_to_close")


def _closing(intent: IntentProposed, plan_id: str, reason: str, out: Out) -> None:
    out.say(
        IntentApplied(
            **out.stamp(intent.trace_id),
            plan_id=plan_id,
            symbol=intent.symbol,
            side=intent.side,
            status="closing",
            reason=reason,
            filled_qty=ZERO,
            entry_price=None,
            stop_price=None,
        )
    )


def _judge(state: TraderState, intent: IntentProposed, plan_id: str, out: Out) -> None:
    rules = state.rules
    if rules is None:
        _refuse(state, intent, plan_id, (Refusal("rules_known", "no rules were adopted yet"),), out)
        return
    case = gather(state, rules, intent, plan_id, out)
    verdict = review(case, rules.limits)
    if isinstance(verdict, ApprovedIntent):
        _open(state, rules, verdict, out)
    elif case.duplicate:
        _skip(intent, plan_id, out, "duplicate", verdict)
    elif state.safe_drain:
        _remember_refused(state, plan_id)
        _skip(intent, plan_id, out, "safe_drain", verdict)
    else:
        _refuse(state, intent, plan_id, verdict, out)


def _refuse(
    state: TraderState,
    intent: IntentProposed,
    plan_id: str,
    refusals: tuple[Refusal, ...],
    out: Out,
) -> None:
    _remember_refused(state, plan_id)
    out.say(
        IntentRefused(
            **out.stamp(intent.trace_id),
            plan_id=plan_id,
            symbol=intent.symbol,
            side=intent.side,
            refusals=refusals,
        )
    )


def gather(
    state: TraderState, rules: Rules, intent: IntentProposed, plan_id: str, out: Out
) -> EntryCase:
    """One consistent moment of the world, for the gates; publishes the market state they use."""
    view = state.markets.get(intent.symbol)
    mark = state.mark_of(intent.symbol)
    holder, duplicate = state.plan_of.get(intent.symbol), is_repeat(state, plan_id)
    if holder is None and intent.symbol in state.positions:
        holder = "a position that no plan owns"
    side = _ENTRIES.get(intent.side)
    market = None
    if rules.limits.state_required or (rules.exits.kill.enabled and not holder and not duplicate):
        market = newest_state(state, intent.symbol, out)
    score = entry_score(state, rules, intent.symbol, side)
    instrument = rules.instruments.get(intent.symbol)
    draft: Draft | Problem = Problem("no instrument or no mark price")
    if instrument is not None and mark is not None and side is not None:
        draft = draft_entry(ask_for(state, rules, intent, side, mark))
    return EntryCase(
        intent=intent,
        plan_id=plan_id,
        now_ms=state.now_ms,
        instrument=instrument,
        mark=mark,
        mark_age_ms=None if view is None or view.mark is None else state.now_ms - view.mark_ms,
        state=market,
        duplicate=duplicate,
        open_plan=holder,
        open_positions=len(state.plans),
        last_open_ms=state.last_open_ms.get(intent.symbol),
        last_close_ms=state.last_close_ms.get(intent.symbol),
        equity_usd=state.equity_usd,
        available_usd=state.available_usd,
        gross_notional_usd=state.exposure.gross_usd + state.exposure.coming_usd,
        quarantine=state.quarantined.get(intent.symbol),
        alert=next(iter(state.alerts.values()), None),
        safe_drain=state.safe_drain,
        kill_level=state.kill_level,
        blocked=state.blocked,
        kill_score=score,
        kill_score_max=rules.exits.kill.threshold,
        draft=draft if isinstance(draft, Draft) else None,
        draft_problem=draft.why if isinstance(draft, Problem) else None,
    )


def _open(state: TraderState, rules: Rules, approved: ApprovedIntent, out: Out) -> None:
    """Make the plan and command its entry. Only an approved intent can get here."""
    case = approved.case
    draft = sure(case.draft, f"the draft of {case.plan_id}, which was approved,")
    plan = plan_for(state, rules, case.intent, draft, out)
    made = plan.made
    state.plans[made.plan_id] = plan
    expect(state, plan)
    state.plan_of[made.symbol] = made.plan_id
    state.planned[made.plan_id] = state.now_ms
    out.say(made)
    exit_planned(plan, out)
    enter(plan, rules, out)


def plan_for(
    state: TraderState, rules: Rules, intent: IntentProposed, draft: Draft, out: Out
) -> Plan:
    """The plan of a drafted trade, before anything of it happened."""
    market = newest_state(state, intent.symbol, out)
    plan = Plan(
        made=_made_of(state, rules, intent, draft, out),
        instrument=rules.instruments[intent.symbol],
        confidence=intent.confidence,
        regime=_regime(intent, market),
        adaptive=draft.adaptive,
        effective=draft.effective,
        bounds=draft.bounds,
        asked_stop=draft.asked_stop,
        exit_plan=draft.exit_plan,
        divergence=divergence_for(state, intent),
    )
    if market is not None:
        note_market(state, plan, market)
    return plan


def exit_planned(plan: Plan, out: Out) -> None:
    """Say how the position is meant to be left."""
    out.say(
        ExitPlanned(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            symbol=plan.symbol,
            plan=plan.exit_plan,
        )
    )


def entry_score(state: TraderState, rules: Rules, symbol: str, side: Side | None) -> float | None:
    """The acting kill score of a position that would be opened now; None where nothing is known."""
    market, kill = known_state(state, symbol), rules.exits.kill
    if market is None or side is None or not kill.enabled:
        return None
    picture = picture_of(market, state.markets[symbol])
    usual_frac = usual_sigma(market.interval_ms)
    components = kill_score.entry_components(picture, side, usual_frac, kill)
    return kill_score.acting(components, kill).score


def ask_for(
    state: TraderState, rules: Rules, intent: IntentProposed, side: Side, price: Decimal
) -> Ask:
    """An intent and the world it wants to be traded in, at this price."""
    view = state.markets.get(intent.symbol)
    return Ask(
        intent=intent,
        plan_id=plan_id_of(intent),
        now_ms=state.now_ms,
        side=side,
        leverage=intent.leverage or rules.limits.leverage_default,
        instrument=rules.instruments[intent.symbol],
        mark=price,
        equity_usd=state.equity_usd,
        available_usd=state.available_usd,
        funding_rate_frac=None if view is None else view.funding_rate_frac,
        volatility_factor=None if view is None else _volatility_factor(view),
        divergence=divergence_for(state, intent),
        market=known_state(state, intent.symbol),
        kill_score=entry_score(state, rules, intent.symbol, side),
        performance=state.performance,
        risk_mode=risk_mode_of(state, rules),
        rules=rules,
    )


def divergence_for(state: TraderState, intent: IntentProposed) -> float | None:
    """What the proposer says of the disagreement between venues, else what we know of it."""
    if intent.exchange_divergence is not None:
        return intent.exchange_divergence
    return divergence_now(state, intent.symbol)


def _volatility_factor(view: MarketView) -> float | None:
    """How lively the market is, by our own measure and for what it usually is.

    None while there are too few bars.
    """
    volatility = volatility_now(view.window)
    if volatility is None:
        return None
    ratio = sigma_ratio(volatility.sigma_frac, view.window.interval_ms)
    return referenced_volatility(ratio, view.volatility_rank)


def _regime(intent: IntentProposed, market: MarketStateComputed | None) -> str | None:
    return intent.regime if market is None else market.regime


def _made_of(
    state: TraderState, rules: Rules, intent: IntentProposed, draft: Draft, out: Out
) -> PlanMade:
    return PlanMade(
        **out.stamp(intent.trace_id),
        plan_id=plan_id_of(intent),
        intent_id=intent.id,
        symbol=intent.symbol,
        side=draft.side,
        strategy=intent.strategy,
        leverage=draft.leverage,
        qty=draft.qty,
        notional_usd=draft.notional_usd,
        reference_price=draft.reference_price,
        stop_price=draft.stop_price,
        legs=draft.legs,
        risk_usd=draft.risk_usd,
        expires_ms=state.now_ms + rules.exits.entry_within_ms,
        hold_max_ms=rules.exits.hold_max_ms,
    )
