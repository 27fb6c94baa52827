"""Positions that no plan owns: a late fill of an entry that was given up, or a hand at the venue.

What our own orders left is closed at once and tried again until it is gone. What a hand made is
adopted, see ``adoption``; where it cannot be, at once or while the last plan of its symbol sees its
orders off, it is closed, or left alone when its symbol is not known here at all, until everything,
or its symbol, is ordered flat.
"""

from quantum_trader.core.events import OrderFact, OrderFilled, OrderInDoubt
from quantum_trader.core.orders.closing import EXIT_SILENT_MS
from quantum_trader.core.orders.commands import command_stray_exit
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.out import Out
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState

LATE_FILL = "late_fill"
UNPROTECTED = "unprotected"


def on_unowned_fill(state: TraderState, fact: OrderFilled, out: Out) -> None:
    """A fill after which nobody owns what stands."""
    stray = state.strays.get(fact.symbol)
    if stray is None:
        stray = state.strays[fact.symbol] = Stray(
            id=f"stray:{fact.id}", trace_id=fact.trace_id, since_ms=min(fact.at_ms, state.now_ms)
        )
    stray.fees_usd += fact.fee_usd
    if fact.plan_id:
        clear(state, fact.symbol, LATE_FILL, out)


def clear(state: TraderState, symbol: str, reason: str, out: Out) -> None:
    """Close what no plan owns; nothing happens while an order to do so is on its way.

    One that is not over after a minute is lost, and commanded again like any other exit.
    """
    stray, position = state.strays[symbol], state.positions[symbol]
    stray.reason = stray.reason or reason
    if stray.exit_id is None or state.now_ms - stray.exit_tried_ms >= EXIT_SILENT_MS:
        stray.exit_tried_ms = state.now_ms
        known = {} if state.rules is None else state.rules.instruments
        command_stray_exit(stray, symbol, position, known.get(symbol), out)


def on_clearing_over(state: TraderState, fact: OrderFact) -> None:
    """An order that should have closed a stray has ended: it may be repeated."""
    stray = state.strays.get(fact.symbol)
    if stray is not None and stray.exit_id == fact.client_order_id:
        stray.exit_id = None


def on_clearing_in_doubt(state: TraderState, fact: OrderInDoubt, out: Out) -> None:
    """Nobody knows of an order that should close a stray: repeat it, the first time at once."""
    stray = state.strays.get(fact.symbol)
    if stray is None or stray.exit_id != fact.client_order_id:
        return
    stray.exit_id = None
    if not stray.exit_hurried and stray.reason is not None:
        stray.exit_hurried = True
        clear(state, fact.symbol, stray.reason, out)


def check_stray(state: TraderState, symbol: str, out: Out) -> None:
    """Time passed: close what is ordered flat, and try again what came to nothing."""
    stray, rules = state.strays[symbol], state.rules
    if rules is None:
        return
    reason = stray.reason or _due(state, rules, symbol)
    if reason is not None and state.now_ms - stray.exit_tried_ms >= rules.exits.retry_after_ms:
        clear(state, symbol, reason, out)


def _due(state: TraderState, rules: Rules, symbol: str) -> str | None:
    """Why a stray has to be closed that nobody gave a reason for; None when it has not."""
    if state.kill_level == "FLATTEN":
        return "flatten"
    waited_ms = state.now_ms - state.strays[symbol].since_ms
    if symbol in rules.instruments and waited_ms > rules.exits.protect_within_ms:
        return UNPROTECTED
    return None
