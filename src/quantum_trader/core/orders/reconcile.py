"""Books and venue brought together: the venue is the truth, and nothing trades to match a book.

What the venue shows comes as a fact, from two looks that agree. A difference counts when two such
facts in a row show it and nothing of the symbol was heard or said in between, so whatever is only
on its way is left alone. Then the books follow: lost orders are forgotten or placed anew, orders
that belong to nothing are canceled, what nobody owns is adopted. While the positions themselves
differ, the symbol is in quarantine: no entry there, and every exit as before.
"""

from collections.abc import Sequence

import msgspec

from quantum_trader.core.books.position import FLAT
from quantum_trader.core.events import (
    AccountSeen,
    CancelCommanded,
    CloseReconciled,
    Fact,
    OrderCommanded,
    OrderFilled,
    Reconciled,
    SeenOrder,
)
from quantum_trader.core.events.reconcile import ReconcileKind
from quantum_trader.core.orders.adoption import adopt
from quantum_trader.core.orders.closing import end_if_clean
from quantum_trader.core.orders.commands import command_cancel, command_orphan_cancel
from quantum_trader.core.orders.differences import Belief, Difference, Shown, differences
from quantum_trader.core.orders.exiting import shrink_targets
from quantum_trader.core.orders.ids import role_of
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import cover, note_cover, on_stop_gone
from quantum_trader.core.orders.reports import on_entry_over
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.orders.wallet import material_gap, note_wallet
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState

ACCOUNT_WIDE = ""
IN_DOUBT = "an order has been in doubt for longer than a proof takes"
HEDGE_MODE = "hedge mode is on: the venue keeps two positions a symbol, and nothing here can"
WALLET = "the wallet at the venue is {:+} USDT beside the {} of the books, and nobody told why"
SHARED = (
    "another instance of this system trades this account: nobody here placed {}; end one of them"
)


def touch(state: TraderState, said: Sequence[Fact]) -> None:
    """Orders were commanded: what was found about their symbols before is not certain any more."""
    if state.suspects:
        for fact in said:
            if isinstance(fact, OrderCommanded):
                state.suspects.pop(fact.order.symbol, None)
            elif isinstance(fact, CancelCommanded):
                state.suspects.pop(fact.symbol, None)


def on_inferred(fact: OrderFilled, out: Out) -> None:
    """A fill was booked that nobody told: say so."""
    why = f"{fact.side} {fact.qty} at {fact.price} was inferred from the venue's position"
    _say(out, fact.symbol, None, Difference("BOOK_EXTERNAL", fact.client_order_id, why))


def on_account_seen(state: TraderState, seen: AccountSeen, out: Out) -> None:
    """Compare every symbol that is settled, and act on what stood there the last time, too."""
    state.venue_ms = seen.at_ms
    for symbol, count in seen.found.items():
        why = f"{count} trades came to light by asking, and are booked"
        _say(out, symbol, None, Difference("BOOK_EXTERNAL", "", why))
    for symbol in seen.doubted:
        _quarantine(state, symbol, IN_DOUBT, out)
    unsettled = {*seen.unsettled, *seen.doubted}
    for symbol in _symbols(state, seen):
        if symbol not in unsettled:
            _look(state, seen, symbol, out)
    if (booked_usd := note_wallet(state, seen)) is not None:
        why = f"{booked_usd:+} USDT without a trade, a fee or a funding"
        _say(out, ACCOUNT_WIDE, None, Difference("BOOK_EXTERNAL", "", why))
    _note_account(state, seen, out)


def _symbols(state: TraderState, seen: AccountSeen) -> list[str]:
    """Every symbol that either side says something of, in order."""
    return sorted(
        {
            *state.positions,
            *state.plan_of,
            *state.strays,
            *state.quarantined,
            *state.suspects,
            *[symbol for symbol in state.alerts if symbol],
            *[one.symbol for one in seen.positions],
            *[one.symbol for one in seen.orders],
        }
    )


def _look(state: TraderState, seen: AccountSeen, symbol: str, out: Out) -> None:
    belief, shown = belief_of(state, symbol), shown_of(seen, symbol)
    found = differences(belief, shown)
    if seen.strangers:
        # Two who cancel each other's stops would take turns in leaving a position naked.
        found = tuple(one for one in found if one.kind != "CANCEL_ORPHAN")
    if found and state.suspects.get(symbol) != found:
        state.suspects[symbol] = found
        return
    state.suspects.pop(symbol, None)
    kinds = {one.kind for one in found}
    if "QUARANTINE" not in kinds:
        _release(state, symbol, out)
    if "ALERT" not in kinds and state.alerts.pop(symbol, None) is not None:
        _say(out, symbol, None, Difference("RELEASE", "", "as the entry set it again"))
    before = len(out.facts)
    for one in found:
        _act(state, symbol, one, shown, out)
    plan = state.plans.get(state.plan_of.get(symbol, ""))
    if plan is not None and found:
        note_cover(state, plan)
        end_if_clean(state, plan, out)
    _say_closes(out, out.facts[before:])


def belief_of(state: TraderState, symbol: str) -> Belief:
    """What the books say of a symbol."""
    plan = state.plans.get(state.plan_of.get(symbol, ""))
    return Belief(
        symbol=symbol,
        qty=state.positions.get(symbol, FLAT).qty,
        plan=plan,
        stray=state.strays.get(symbol),
        entry_late=plan is not None and state.now_ms > plan.made.expires_ms,
    )


def shown_of(seen: AccountSeen, symbol: str) -> Shown:
    """What the venue shows of a symbol."""
    positions = [one for one in seen.positions if one.symbol == symbol]
    orders = {one.client_order_id: one for one in seen.orders if one.symbol == symbol}
    return Shown(position=positions[0] if positions else None, orders=orders)


def _act(state: TraderState, symbol: str, found: Difference, shown: Shown, out: Out) -> None:
    plan = state.plans.get(state.plan_of.get(symbol, ""))
    match found.kind:
        case "QUARANTINE":
            _quarantine(state, symbol, found.why, out)
            return
        case "ALERT":
            if state.alerts.get(symbol) == found.why:
                return
            state.alerts[symbol] = found.why
        case "CANCEL_ORPHAN":
            _cancel(plan, symbol, found, out)
        case "ADOPT":
            _adopt(state, symbol, out)
        case _ if plan is None:
            # Of what no plan owns, only the order to close it can be missed.
            state.strays[symbol].exit_id = None
        case _:
            _mend(state, plan, found, shown, out)
    _say(out, symbol, plan, found)


def _mend(state: TraderState, plan: Plan, found: Difference, shown: Shown, out: Out) -> None:
    """Let a plan's orders be as the venue has them."""
    name = found.client_order_id
    match found.kind:
        case "PROTECT":
            _protect(state, plan, shown.orders.get(name), name, out)
        case "SHRINK_EXITS":
            _as_shown(plan, shown)
            shrink_targets(plan, state.positions[plan.symbol], out)
        case _ if name:
            plan.forget(name)
        case _:
            on_entry_over(state, plan, out, f"the entry never left: {found.why}")


def _cancel(plan: Plan | None, symbol: str, found: Difference, out: Out) -> None:
    """Order what is in nobody's way out again; of a position's stops one has to stay."""
    name = found.client_order_id
    order = None if plan is None else plan.retiring.get(name) or plan.kept.get(name)
    if plan is None or order is None:
        role = role_of(name)
        stays = plan.stop if plan is not None and role == "stop" and plan.flat_ms is None else None
        command_orphan_cancel(symbol, name, role, out, stays)
    elif name in plan.targets or plan.flat_ms is not None:
        command_cancel(plan, out, order, "its cancel did not end it")
    elif plan.stop is None:
        plan.keep(name)
    else:
        command_cancel(plan, out, order, "its cancel did not end it", plan.stop)


def _adopt(state: TraderState, symbol: str, out: Out) -> None:
    stamp = out.stamp("")
    state.strays[symbol] = Stray(id=f"stray:{stamp['id']}", trace_id="", since_ms=state.now_ms)
    adopt(state, symbol, out)


def _protect(state: TraderState, plan: Plan, shown: SeenOrder | None, name: str, out: Out) -> None:
    """A stop that is gone is replaced; one that the venue has made smaller gets a larger one."""
    if shown is None or plan.stop is None:
        on_stop_gone(state, plan, name, out)
        return
    plan.stop = msgspec.structs.replace(plan.stop, qty=shown.qty)
    cover(state, plan, out)


def _as_shown(plan: Plan, shown: Shown) -> None:
    """The targets' sizes as the venue has them: it lessens what could not be filled any more.

    Those that it does not have were forgotten before.
    """
    for name, target in plan.targets.items():
        plan.targets[name] = msgspec.structs.replace(target, qty=shown.orders[name].qty)


def _note_account(state: TraderState, seen: AccountSeen, out: Out) -> None:
    """What forbids every entry while it is so, whatever the symbol."""
    known, why = state.alerts.get(ACCOUNT_WIDE), _wrong_with_account(state, seen)
    if why is not None and why != known:
        state.alerts[ACCOUNT_WIDE] = why
        _say(out, ACCOUNT_WIDE, None, Difference("ALERT", "", why))
    elif known is not None and why is None:
        del state.alerts[ACCOUNT_WIDE]
        _say(out, ACCOUNT_WIDE, None, Difference("RELEASE", "", f"it is over: {known}"))


def _wrong_with_account(state: TraderState, seen: AccountSeen) -> str | None:
    """Two positions a symbol are none that the books could have, and two traders are one too many.

    Both would take the same signal, and each holds the orders of the other for orphans.
    """
    if seen.hedge_mode:
        return HEDGE_MODE
    if seen.strangers:
        return SHARED.format(", ".join(seen.strangers[:3]))
    gap = material_gap(state, seen)
    return None if gap is None else WALLET.format(gap.usd, state.ledger.wallet_usd)


def _quarantine(state: TraderState, symbol: str, why: str, out: Out) -> None:
    """No entry in a symbol of which nobody knows how it stands; exits as ever."""
    if state.quarantined.get(symbol) != why:
        state.quarantined[symbol] = why
        _say(out, symbol, None, Difference("QUARANTINE", "", why))


def _release(state: TraderState, symbol: str, out: Out) -> None:
    if state.quarantined.pop(symbol, None) is not None:
        _say(out, symbol, None, Difference("RELEASE", "", "books and venue agree again"))


def _say(out: Out, symbol: str, plan: Plan | None, found: Difference) -> None:
    kind: ReconcileKind = found.kind
    out.say(
        Reconciled(
            **out.stamp("" if plan is None else plan.trace_id),
            kind=kind,
            symbol=symbol,
            plan_id="" if plan is None else plan.made.plan_id,
            client_order_id=found.client_order_id,
            why=found.why,
        )
    )


def _say_closes(out: Out, said: Sequence[Fact]) -> None:
    """A close that followed is said on its own, for whoever watches closes."""
    for fact in said:
        if isinstance(fact, OrderCommanded) and fact.role == "exit":
            out.say(
                CloseReconciled(
                    **out.stamp(fact.trace_id),
                    symbol=fact.order.symbol,
                    plan_id=fact.plan_id,
                    qty=fact.order.qty,
                    reason=fact.reason,
                )
            )
