"""The life of one intent in sentences: facts in, lines out."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from quantum_trader.app.chronology import in_order
from quantum_trader.app.story import exits
from quantum_trader.app.story.seen import seen_text
from quantum_trader.app.story.words import signed_usd, span_text
from quantum_trader.core import events as ev
from quantum_trader.core.events.reconcile import ReconcileKind
from quantum_trader.core.units import usd_text

OUTCOMES = {
    "asked": 0,
    "skipped": 1,
    "unreadable": 1,
    "refused": 2,
    "under way": 3,
    "opened": 4,
    "closing": 4,
    "failed": 4,
    "closed": 5,
}
"""Every outcome and its rank: a repeat that is skipped does not undo what was done before."""


_FORCED = {
    "liquidation": "LIQUIDATED",
    "adl": "CLOSED BY THE VENUE (auto-deleveraging):",
    "settlement": "SETTLED BY THE VENUE:",
}


_RECONCILED: dict[ReconcileKind, str] = {
    "ADOPT": "A position that nobody owned is adopted",
    "PROTECT": "The stop at the venue was not as believed, and is placed again",
    "CANCEL_ORPHAN": "An order of ours that belongs to nothing is canceled",
    "FORGET": "An order that was believed in is given up",
    "BOOK_EXTERNAL": "What was traded at the venue without us is booked",
    "SHRINK_EXITS": "Targets for more than there is are taken back",
    "QUARANTINE": "No entry is taken here until books and venue agree",
    "RELEASE": "Books and venue agree again",
    "ALERT": "Somebody changed the terms at the venue; no entry is taken",
}
"""What a reconciliation did, by its kind."""


class Line(msgspec.Struct, frozen=True):
    """One sentence: when, which kind of fact, and what it says."""

    at_ms: int
    kind: str
    text: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an intent. ``outcome`` is one of ``OUTCOMES``."""

    trace_id: str
    plan_id: str | None
    symbol: str
    outcome: str
    lines: tuple[Line, ...]


def tell(streams: Sequence[Sequence[ev.Fact]]) -> Story | None:
    """The story of facts that belong together; None when there are none."""
    facts = in_order(streams)
    if not facts:
        return None
    teller = _Teller()
    lines = tuple(
        Line(fact.at_ms, ev.tag_of(type(fact)), text)
        for fact in facts
        for text in [teller.sentence(fact)]
    )
    plan_ids = [str(found) for fact in facts if (found := getattr(fact, "plan_id", None))]
    symbols = [str(found) for fact in facts if (found := getattr(fact, "symbol", None))]
    return Story(
        trace_id=facts[0].trace_id,
        plan_id=plan_ids[0] if plan_ids else None,
        symbol=symbols[0] if symbols else "",
        outcome=teller.outcome,
        lines=lines,
    )


class _Teller:
    """Remembers what earlier facts said, so that a report can name the order it is about."""

    def __init__(self) -> None:
        self.outcome = "asked"
        self._orders: dict[str, ev.OrderCommanded] = {}
        self._first_fill_ms: int | None = None
        self._heard_ms: int | None = None
        self._protected = False

    def sentence(self, fact: ev.Fact) -> str:
        """What one fact says."""
        word = fact.status if isinstance(fact, ev.IntentApplied) else _WORDS.get(type(fact))
        if word is not None and OUTCOMES[word] >= OUTCOMES[self.outcome]:
            self.outcome = word
        tell_one = _TELLERS.get(type(fact))
        return ev.tag_of(type(fact)) if tell_one is None else tell_one(self, fact)

    def asked(self, fact: ev.IntentProposed) -> str:
        """What was asked for, and by whom."""
        who = f"{fact.strategy} ({fact.source})"
        if fact.side == "HOLD":
            return f"{who} asked for nothing in {fact.symbol}"
        if fact.side == "FLAT":
            return f"{who} asked to close {fact.symbol}{_because(fact.reason)}"
        parts = [_size_text(fact)]
        parts += [f"{fact.leverage}x"] if fact.leverage else []
        parts += [f"price {fact.entry_price:f}"] if fact.entry_price else []
        parts += [f"stop {fact.stop_loss:f}"] if fact.stop_loss else []
        parts += [f"target {fact.take_profit:f}"] if fact.take_profit else []
        parts += [] if fact.confidence is None else [f"confidence {fact.confidence:.2f}"]
        return (
            f"{who} asked for {fact.side} {fact.symbol}: {', '.join(parts)}{_because(fact.reason)}"
        )

    def refused(self, fact: ev.IntentRefused) -> str:
        """Every gate that said no."""
        gates = len(fact.refusals)
        head = f"refused by {gates} gate{'' if gates == 1 else 's'}; nothing was sent"
        return "\n".join([head, *(f"  {each.gate}: {each.reason}" for each in fact.refusals)])

    def skipped(self, fact: ev.IntentSkipped) -> str:
        """Why no action was needed."""
        head = {
            "hold": "nothing was asked, nothing was done",
            "duplicate": "known already: an intent is acted on once",
            "safe_drain": "safe-drain is on: judged and recorded, nothing was sent",
            "nothing_to_close": "there was nothing to close",
        }[fact.kind]
        return "\n".join([head, *(f"  {each.gate}: {each.reason}" for each in fact.refusals)])

    def planned(self, fact: ev.PlanMade) -> str:
        """Size, stop, ladder and risk."""
        legs = ", ".join(f"{leg.qty} at {leg.price}" for leg in fact.legs)
        return (
            f"approved and planned: {fact.side} {fact.qty} {fact.symbol} "
            f"({usd_text(fact.notional_usd)} at {fact.leverage}x) around {fact.reference_price}, "
            f"stop {fact.stop_price} risking {usd_text(fact.risk_usd)}, harvest {legs}"
        )

    def sent(self, fact: ev.OrderCommanded) -> str:
        """What the gateway shall place."""
        order = fact.order
        moved = fact.role == "stop" and any(one.role == "stop" for one in self._orders.values())
        self._orders[order.client_order_id] = fact
        if fact.role == "stop":
            verb = "the stop shall move to" if moved else "a stop shall stand at"
            return f"{verb} {order.trigger_price} for {order.qty}: {fact.reason}"
        price = "at market" if order.price is None else f"at {order.price}"
        return (
            f"{self._name(order.client_order_id, fact.role)}: {order.side} {order.qty} {price}, "
            + (f"{fact.leverage}x" if fact.leverage else fact.reason)
        )

    def cancel(self, fact: ev.CancelCommanded) -> str:
        """What shall go."""
        return f"{self._name(fact.client_order_id, fact.role)} shall be canceled: {fact.reason}"

    def accepted(self, fact: ev.OrderAccepted) -> str:
        """The venue took an order; the first stop ends the time without protection."""
        text = f"the venue took {self._name(fact.client_order_id, fact.role)}"
        if fact.role != "stop" or self._first_fill_ms is None or self._protected:
            return text
        self._protected = True
        naked = span_text(fact.at_ms - self._first_fill_ms)
        if self._heard_ms is None:
            return f"{text}: protected {naked} after the first fill"
        # The venue tells when it filled; how long the news took to reach us is not our slowness.
        known = span_text(fact.at_ms - self._heard_ms)
        return f"{text}: protected {naked} after the first fill, {known} after we heard of it"

    def rejected(self, fact: ev.OrderRejected) -> str:
        """The venue said no."""
        name = self._name(fact.client_order_id, fact.role)
        return f"the venue refused {name}: {fact.reason} ({fact.code})"

    def reconciled(self, fact: ev.Reconciled) -> str:
        return f"{_RECONCILED[fact.kind]}: {fact.why}."

    def close_reconciled(self, fact: ev.CloseReconciled) -> str:
        return f"What stands cannot be protected ({fact.reason}): {fact.qty} is closed."

    def in_doubt(self, fact: ev.OrderInDoubt) -> str:
        """Nobody knows yet."""
        name = self._name(fact.client_order_id, fact.role)
        return f"no answer about {name}: asked for by its id, not sent again ({fact.reason})"

    def withheld(self, fact: ev.CancelWithheld) -> str:
        """A stop stays after all."""
        return f"{self._name(fact.client_order_id, fact.role)} stays: {fact.reason}"

    def triggered(self, fact: ev.OrderTriggered) -> str:
        """A conditional order became a market order."""
        return f"{self._name(fact.client_order_id, fact.role)} triggered at {fact.trigger_price}"

    def filled(self, fact: ev.OrderFilled) -> str:
        """One trade of the venue."""
        if fact.role == "entry" and self._first_fill_ms is None:
            self._first_fill_ms = fact.at_ms
        what = {"entry": "bought" if fact.side == "BUY" else "sold", "target": "harvested"}
        verb = what.get(fact.role, "left")
        verb = _FORCED.get(fact.cause, verb)
        return (
            f"{verb} {fact.qty} at {fact.price} ({self._name(fact.client_order_id, fact.role)}, "
            f"{fact.liquidity}), fee {usd_text(fact.fee_usd, 4)}"
        )

    def gone(self, fact: ev.OrderCanceled) -> str:
        """An order ended without (further) fill."""
        return f"{self._name(fact.client_order_id, fact.role)} is gone: {fact.reason}"

    def levels(self, fact: ev.LevelsComputed) -> str:
        """Levels off the real fill."""
        targets = ", ".join(map(str, fact.target_prices))
        acted = [bound.name for bound in fact.bounds if bound.acted]
        held = f"; bounded by {', '.join(acted)}" if acted else ""
        entry = f"levels off the fill at {fact.entry_price:f}"
        return f"{entry}: stop {fact.stop_price}, targets {targets}{held}"

    def leaving(self, fact: exits.ExitFact) -> str:
        """What the exit brain planned, asked for or measured."""
        return exits.sentence(fact)

    def position(self, fact: ev.PositionFact) -> str:
        """What we hold now."""
        if self._heard_ms is None:
            self._heard_ms = fact.at_ms
        if not fact.qty:
            return f"no position in {fact.symbol} any more"
        price = "" if fact.entry_price is None else f" at {fact.entry_price:f} on average"
        return f"position {fact.qty:+} {fact.symbol}{price}"

    def applied(self, fact: ev.IntentApplied) -> str:
        """The one answer to the proposer."""
        return f"answered {fact.status}: {fact.reason}"

    def booked(self, fact: ev.TradeClosed) -> str:
        """The round trip, to the cent."""
        return (
            f"closed by {fact.reason} after {span_text(fact.hold_ms)}, {fact.stages} stages "
            f"harvested: gross {signed_usd(fact.gross_usd)}, fees {usd_text(fact.fees_usd)}, "
            f"funding {signed_usd(fact.funding_usd)}, net {signed_usd(fact.net_usd)} "
            f"= {fact.r_net:+.2f} R (best {fact.mfe_r:+.2f} R, worst {fact.mae_r:+.2f} R)"
        )

    def funding(self, fact: ev.FundingSettled) -> str:
        """What the venue moved between longs and shorts."""
        verb = "received" if fact.payment_usd > 0 else "paid"
        return f"funding {verb}: {usd_text(abs(fact.payment_usd), 4)}"

    def ended(self, fact: ev.PlanEnded) -> str:
        """Nothing is left to do."""
        return f"nothing is left to do ({fact.reason})"

    def unreadable(self, fact: ev.DeadLettered) -> str:
        """Nobody could read it."""
        return f"could not be processed and was put aside whole: {fact.reason}"

    def shown(self, fact: ev.AccountSeen) -> str:
        """What the venue's account showed."""
        return seen_text(fact)

    def _name(self, order_id: str, role: str) -> str:
        """An order by what it is for."""
        known = self._orders.get(order_id)
        if known is None:
            return f"the {role} order {order_id}"
        if role == "stop":
            return f"the stop at {known.order.trigger_price}"
        return f"target {known.leg}" if role == "target" else f"the {role}"


def _size_text(fact: ev.IntentProposed) -> str:
    if fact.notional_usd is not None:
        return f"worth {usd_text(fact.notional_usd)}"
    if fact.margin_usd is not None:
        return f"margin {usd_text(fact.margin_usd)}"
    return "sized by risk" if fact.qty is None else f"quantity {fact.qty:f}"


def _because(reason: str | None) -> str:
    return f" because: {reason}" if reason else ""


_WORDS: dict[type[ev.Fact], str] = {
    ev.IntentRefused: "refused",
    ev.IntentSkipped: "skipped",
    ev.PlanMade: "under way",
    ev.TradeClosed: "closed",
    ev.DeadLettered: "unreadable",
}
"""What a kind of fact means for the whole; ``IntentApplied`` brings its own word."""

_TELLERS: dict[type[ev.Fact], Callable[[_Teller, Any], str]] = {
    ev.IntentProposed: _Teller.asked,
    ev.IntentRefused: _Teller.refused,
    ev.IntentSkipped: _Teller.skipped,
    ev.IntentApplied: _Teller.applied,
    ev.PlanMade: _Teller.planned,
    ev.PlanEnded: _Teller.ended,
    ev.OrderCommanded: _Teller.sent,
    ev.CancelCommanded: _Teller.cancel,
    ev.OrderAccepted: _Teller.accepted,
    ev.OrderRejected: _Teller.rejected,
    ev.OrderInDoubt: _Teller.in_doubt,
    ev.CancelWithheld: _Teller.withheld,
    ev.Reconciled: _Teller.reconciled,
    ev.CloseReconciled: _Teller.close_reconciled,
    ev.OrderTriggered: _Teller.triggered,
    ev.OrderFilled: _Teller.filled,
    ev.OrderCanceled: _Teller.gone,
    ev.LevelsComputed: _Teller.levels,
    ev.ExitPlanned: _Teller.leaving,
    ev.ExitDecided: _Teller.leaving,
    ev.KillScored: _Teller.leaving,
    ev.HarvestProposed: _Teller.leaving,
    ev.PositionOpened: _Teller.position,
    ev.PositionChanged: _Teller.position,
    ev.PositionClosed: _Teller.position,
    ev.FundingSettled: _Teller.funding,
    ev.TradeClosed: _Teller.booked,
    ev.DeadLettered: _Teller.unreadable,
    ev.AccountSeen: _Teller.shown,
}
