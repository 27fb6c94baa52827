"""A position that nobody here opened: it gets a stop first, and then a plan like any other.

What is not known is assumed, and its exit plan says what: the leverage is what our last entry in
the symbol set, else the account's usual one, and it was entered now. Time alone does not close what
somebody else opened.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from quantum_trader.core.books.exposure import keep
from quantum_trader.core.books.position import Position
from quantum_trader.core.books.trade import OpenTrade
from quantum_trader.core.events import IntentProposed
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.orders.clearing import check_stray, clear
from quantum_trader.core.orders.evaluation import note_liquidation
from quantum_trader.core.orders.exiting import shrink_targets
from quantum_trader.core.orders.harvest import send_targets
from quantum_trader.core.orders.opening import ask_for, exit_planned, plan_for
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.orders.protection import note_cover, protect_first_fill
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.out import Out
from quantum_trader.core.risk.draft import Problem, draft_entry
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import side_of

ADOPTED = "adopted"
UNPROTECTABLE = "no_stop_fits"
HOLD_FOR_EVER_MS = 100 * 365 * 86_400_000


class Found(NamedTuple):
    """Orders of ours that rest for a position already: stops, the tightest first, and targets."""

    stops: Sequence[Resting]
    targets: Sequence[Resting]


NOTHING = Found((), ())


def look_after(state: TraderState, symbol: str, out: Out) -> None:
    """Time passed: adopt what could not be adopted before, and go on closing what is closed."""
    if not adopt(state, symbol, out):
        check_stray(state, symbol, out)


def adopt(state: TraderState, symbol: str, out: Out, found: Found = NOTHING) -> bool:
    """Take a position of somebody else over: its stop is commanded at once.

    What was ``found`` there stays: no other stop is needed where the first is good enough, and no
    targets where there are some.

    False for what is being closed, for a symbol that is not known, and while the last plan of the
    symbol sees its orders off. Where no stop fits, the position is closed: it could not be
    protected.
    """
    rules, stray, position = state.rules, state.strays[symbol], state.positions[symbol]
    if rules is None or symbol not in rules.instruments or symbol in state.plan_of:
        return False
    if stray.reason is not None or state.kill_level == "FLATTEN" or position.entry_price is None:
        return False
    intent = _as_intent(state, symbol, stray, position)
    draft = draft_entry(ask_for(state, rules, intent, side_of(position.qty), position.entry_price))
    if isinstance(draft, Problem):
        clear(state, symbol, UNPROTECTABLE, out)
        return True
    exit_plan = msgspec.structs.replace(
        draft.exit_plan,
        adopted=True,
        assumed=(*draft.exit_plan.assumed, *_assumed(rules, intent, draft.leverage)),
    )
    draft = msgspec.structs.replace(draft, exit_plan=exit_plan)
    plan = plan_for(state, rules, intent, draft, out)
    _take_over(state, plan, position, stray)
    out.say(plan.made)
    exit_planned(plan, out)
    plan.targets = {one.client_order_id: one for one in found.targets}
    plan.targets_sent = bool(found.targets)
    protect_first_fill(state, plan, out, found.stops)
    send_targets(state, plan, out)
    shrink_targets(plan, position, out)
    note_liquidation(state, plan)
    note_cover(state, plan)
    return True


def _assumed(rules: Rules, intent: IntentProposed, leverage: int) -> tuple[str, ...]:
    whose = "the account's usual one" if intent.leverage is None else "as our last entry set it"
    return (
        f"leverage {leverage}x, {whose}",
        f"entered when it was first seen, by policy {rules.exits.policy}",
        "no time limit",
    )


def _take_over(state: TraderState, plan: Plan, position: Position, stray: Stray) -> None:
    """The plan and the trade as if the position had been entered by us, just now."""
    plan.made = msgspec.structs.replace(
        plan.made, hold_max_ms=HOLD_FOR_EVER_MS, strategy=ADOPTED, qty=abs(position.qty)
    )
    plan.entry_done, plan.answered = True, True
    plan.entry_qty, plan.entry_notional_usd = abs(position.qty), position.cost_usd
    state.plans[plan.made.plan_id] = plan
    state.plan_of[plan.symbol] = plan.made.plan_id
    state.strays.pop(plan.symbol, None)
    trade = state.trades[plan.symbol] = OpenTrade(
        plan=plan.made,
        confidence=None,
        regime=plan.regime,
        opened_ms=state.now_ms,
        entry_qty=abs(position.qty),
        entry_usd=position.cost_usd,
        fees_usd=stray.fees_usd,
    )
    trade.mark(float(plan.entry_price))
    keep(state, plan.symbol, position, position, plan.made.leverage)
    state.last_open_ms[plan.symbol] = state.now_ms


def _as_intent(state: TraderState, symbol: str, stray: Stray, position: Position) -> IntentProposed:
    """What somebody must have wanted who holds this position."""
    name = f"{ADOPTED}:{stray.id}"
    intent = IntentProposed(
        id=name,
        at_ms=state.now_ms,
        trace_id=stray.trace_id or name,
        account=state.account,
        symbol=symbol,
        side=side_of(position.qty),
        signal_id=name,
        strategy=ADOPTED,
        source=ADOPTED,
        confidence=None,
        entry_price=position.entry_price,
        notional_usd=None,
        leverage=state.leverages.get(symbol),
        reason=None,
        **UNSAID,
    )
    return msgspec.structs.replace(intent, qty=abs(position.qty))
