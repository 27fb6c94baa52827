"""Every question an entry must answer. All are asked; each no is a sentence with its numbers.

Only entries pass here. Nothing that reduces risk is ever asked any of this.
"""

from collections.abc import Callable
from decimal import Decimal

from quantum_trader.core.events import Refusal
from quantum_trader.core.risk.case import EntryCase
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.units import ZERO, percent_text, usd_text

STOPS_EACH = 2
"""Conditional orders a position needs while its stop moves: the old one and the new one."""

Gate = Callable[[EntryCase, RiskLimits], Refusal | None]


def kill_level_run(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """No new risk unless the kill level is RUN."""
    if case.kill_level != "RUN":
        return Refusal("kill_level_run", f"kill level is {case.kill_level}: no new risk")
    return None


def safe_drain_off(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """No order leaves while safe-drain is on."""
    if case.safe_drain:
        return Refusal("safe_drain_off", "safe-drain is on: decided, but not sent")
    return None


def streams_flow(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """No stream has grown beyond its limit: what is not passed on in time would be lost."""
    if not case.blocked:
        return None
    first = case.blocked[0]
    others = f", and {len(case.blocked) - 1} more" if len(case.blocked) > 1 else ""
    return Refusal(
        "streams_flow",
        f"{first.stream} holds {first.entries:,} entries, at most {first.entries_max:,} allowed: "
        f"{first.by} keeps it from being trimmed{others}",
    )


def side_is_directional(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """Only LONG and SHORT are entries."""
    if case.intent.side not in ("LONG", "SHORT"):
        return Refusal("side_is_directional", f"{case.intent.side} is not an entry")
    return None


def not_duplicate(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """One intent has at most one effect."""
    if case.duplicate:
        return Refusal("not_duplicate", f"plan {case.plan_id} was decided before")
    return None


def fresh(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The intent is neither stale nor from the future, by its proposer's own time."""
    age_ms = case.now_ms - case.intent.at_ms
    if age_ms > limits.intent_age_ms_max:
        return Refusal(
            "fresh", f"intent is {age_ms} ms old, at most {limits.intent_age_ms_max} ms allowed"
        )
    if -age_ms > limits.intent_future_ms_max:
        return Refusal(
            "fresh",
            f"intent is {-age_ms} ms ahead of us, at most {limits.intent_future_ms_max} ms allowed",
        )
    return None


def symbol_allowed(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The symbol is on the list, where there is one."""
    allowed = limits.symbols_allowed
    if allowed is not None and case.intent.symbol not in allowed:
        return Refusal(
            "symbol_allowed", f"{case.intent.symbol} is not among the {len(allowed)} allowed"
        )
    return None


def symbol_known(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """We hold the venue's rules for the symbol."""
    if case.instrument is None:
        return Refusal("symbol_known", f"no instrument known as {case.intent.symbol}")
    return None


def symbol_tradable(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The venue takes new positions in the symbol."""
    if case.instrument is None:
        return Refusal("symbol_tradable", f"status of {case.intent.symbol} is not known")
    if not case.instrument.tradable:
        return Refusal(
            "symbol_tradable",
            f"{case.intent.symbol} has status {case.instrument.status}, not TRADING",
        )
    return None


def one_plan_per_symbol(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """A symbol holds one trade at a time: no pyramids, no flips."""
    if case.open_plan is not None:
        return Refusal(
            "one_plan_per_symbol", f"{case.intent.symbol} is held by plan {case.open_plan}"
        )
    return None


def venue_as_agreed(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """Nobody else trades the account, or has changed its modes or a position's terms."""
    if case.alert is not None:
        return Refusal("venue_as_agreed", f"not as agreed at the venue: {case.alert}")
    return None


def not_quarantined(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """Books and venue agree about the symbol, and no order of it is long in doubt."""
    if case.quarantine is not None:
        return Refusal(
            "not_quarantined", f"{case.intent.symbol} is in quarantine: {case.quarantine}"
        )
    return None


def positions_below_max(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """There is room for one more position."""
    most = min(limits.positions_max, limits.stops_max // STOPS_EACH)
    if case.open_positions >= most:
        return Refusal(
            "positions_below_max",
            f"{case.open_positions} positions exist, at most {most} allowed",
        )
    return None


def cooldown_after_close(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The symbol rested after its last close, whichever side that was."""
    return _rested("cooldown_after_close", case, case.last_close_ms, limits.cooldown_close_ms)


def cooldown_after_open(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The symbol rested after its last entry."""
    return _rested("cooldown_after_open", case, case.last_open_ms, limits.cooldown_open_ms)


def _rested(gate: str, case: EntryCase, last_ms: int | None, rest_ms: int) -> Refusal | None:
    if last_ms is not None and case.now_ms - last_ms < rest_ms:
        since_ms, what = case.now_ms - last_ms, gate.removeprefix("cooldown_after_")
        return Refusal(
            gate, f"{case.intent.symbol} {what} was {since_ms} ms ago, must rest {rest_ms} ms"
        )
    return None


def mark_fresh(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """There is a mark price, and it is recent."""
    if case.mark is None or case.mark <= 0 or case.mark_age_ms is None:
        return Refusal("mark_fresh", f"no mark price for {case.intent.symbol}")
    if case.mark_age_ms > limits.mark_age_ms_max:
        return Refusal(
            "mark_fresh",
            f"mark price is {case.mark_age_ms} ms old, at most {limits.mark_age_ms_max} ms allowed",
        )
    return None


def state_known(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The market's state is known and recent, where limits require it."""
    if not limits.state_required:
        return None
    if case.state is None:
        return Refusal("state_known", f"market state of {case.intent.symbol} is not known yet")
    age_ms = case.now_ms - case.state.at_ms
    # A state is as old as its newest bar, so it ages by one interval before it can be renewed.
    most_ms = max(limits.state_age_ms_max, case.state.interval_ms)
    if age_ms > most_ms:
        return Refusal(
            "state_known",
            f"market state is {age_ms} ms old, at most {most_ms} ms allowed",
        )
    return None


def kill_score_low(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """What the exit rules would leave again must not be entered."""
    score = case.kill_score
    if score is not None and score >= case.kill_score_max:
        return Refusal(
            "kill_score_low",
            f"kill score is {score:.2f}: from {case.kill_score_max:.2f} on a position is left",
        )
    return None


def price_sane(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The proposer saw about the price we see: same market, same moment."""
    asked = case.intent.entry_price
    if asked is None:
        return None
    if case.mark is None or case.mark <= 0:
        return Refusal("price_sane", f"no mark price to compare {asked} with")
    away_frac = abs(asked - case.mark) / case.mark
    if away_frac > limits.price_deviation_max_frac:
        return Refusal(
            "price_sane",
            f"entry price {asked} is {percent_text(away_frac)} away from the mark {case.mark}, "
            f"at most {percent_text(limits.price_deviation_max_frac)} allowed",
        )
    return None


def prices_ordered(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The proposer's stop and target lie on the sides of the market that their names say."""
    intent, mark = case.intent, case.mark
    if intent.stop_loss is None and intent.take_profit is None:
        return None
    if mark is None:
        return Refusal("prices_ordered", "no mark price to compare stop and target with")
    low, high = intent.stop_loss, intent.take_profit
    if intent.side == "SHORT":
        low, high = high, low
    if (low is not None and low >= mark) or (high is not None and high <= mark):
        return Refusal(
            "prices_ordered",
            f"{intent.side} at mark {mark} with stop {intent.stop_loss} and target "
            f"{intent.take_profit}: at least one is on the wrong side",
        )
    return None


def draft_exists(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """A trade could be drafted: a size, and a stop that protects it."""
    if case.draft is None:
        return Refusal("draft_exists", case.draft_problem or "no trade could be drafted")
    return None


def stop_protects(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The stop limits the loss, and is met before the liquidation price."""
    draft = case.draft
    if draft is None:
        return _no_draft("stop_protects")
    sign = 1 if draft.side == "LONG" else -1
    if sign * (draft.reference_price - draft.stop_price) <= 0 or draft.stop_price <= 0:
        return Refusal(
            "stop_protects",
            f"stop {draft.stop_price} does not limit a {draft.side} from {draft.reference_price}",
        )
    liquidation = draft.liquidation_price
    if liquidation is not None and sign * (draft.stop_price - liquidation) <= 0:
        return Refusal(
            "stop_protects",
            f"liquidation at {liquidation} would come before the stop at {draft.stop_price}",
        )
    return None


def leverage_within(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """Leverage stays under our limit, and under the venue's for this notional."""
    draft = case.draft
    if draft is None or case.instrument is None:
        return _no_draft("leverage_within")
    if draft.leverage > limits.leverage_max:
        return Refusal(
            "leverage_within", f"leverage {draft.leverage} is above our {limits.leverage_max}"
        )
    allowed = case.instrument.leverage_max_at(draft.notional_usd)
    if draft.leverage > allowed:
        return Refusal(
            "leverage_within",
            f"leverage {draft.leverage} is above the venue's {allowed} "
            f"for {usd_text(draft.notional_usd)}",
        )
    return None


def notional_within(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """One trade stays under its limit."""
    if case.draft is None:
        return _no_draft("notional_within")
    return _amount_within("notional_within", case.draft.notional_usd, limits.notional_max_usd)


def gross_notional_within(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """All trades together, longs plus shorts, stay under their limit."""
    if case.draft is None:
        return _no_draft("gross_notional_within")
    total = case.gross_notional_usd + case.draft.notional_usd
    return _amount_within("gross_notional_within", total, limits.gross_notional_max_usd)


def _amount_within(gate: str, usd: Decimal, limit_usd: Decimal) -> Refusal | None:
    if usd > limit_usd:
        return Refusal(gate, f"{usd_text(usd)} is above the limit of {usd_text(limit_usd)}")
    return None


def above_min_notional(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """The venue takes an order this small."""
    draft, venue = case.draft, case.instrument
    if draft is None or venue is None:
        return _no_draft("above_min_notional")
    if draft.qty < venue.order_qty_min or draft.notional_usd < venue.notional_min_usd:
        return Refusal(
            "above_min_notional",
            f"{draft.qty} worth {usd_text(draft.notional_usd)} is below the venue's "
            f"{venue.order_qty_min} or {usd_text(venue.notional_min_usd)}",
        )
    return None


def margin_available(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """Margin and entry fee can be paid."""
    if case.draft is None:
        return _no_draft("margin_available")
    needed = case.draft.margin_usd + case.draft.fee_usd
    if needed > case.available_usd:
        return Refusal(
            "margin_available",
            f"needs {usd_text(needed)} of margin and fee, {usd_text(case.available_usd)} available",
        )
    return None


def risk_within(case: EntryCase, limits: RiskLimits) -> Refusal | None:
    """What the initial stop may cost is a small part of equity, whoever chose the size."""
    if case.draft is None:
        return _no_draft("risk_within")
    most = max(case.equity_usd, ZERO) * limits.risk_max_frac
    if case.draft.risk_usd > most:
        return Refusal(
            "risk_within",
            f"the stop would cost {usd_text(case.draft.risk_usd)}, at most {usd_text(most)} "
            f"({percent_text(limits.risk_max_frac)} of equity) allowed",
        )
    return None


def _no_draft(gate: str) -> Refusal:
    return Refusal(gate, "there is no drafted trade to judge")


GATES: tuple[Gate, ...] = (
    kill_level_run,
    safe_drain_off,
    streams_flow,
    side_is_directional,
    not_duplicate,
    fresh,
    symbol_allowed,
    symbol_known,
    symbol_tradable,
    one_plan_per_symbol,
    venue_as_agreed,
    not_quarantined,
    positions_below_max,
    cooldown_after_close,
    cooldown_after_open,
    mark_fresh,
    state_known,
    kill_score_low,
    price_sane,
    prices_ordered,
    draft_exists,
    stop_protects,
    leverage_within,
    notional_within,
    gross_notional_within,
    above_min_notional,
    margin_available,
    risk_within,
)
