"""Invariants that hold at every moment, or no longer broken than a bound allows.

A bound counts only while the system can act: it runs, the venue, the streams and the disk answer,
and no request of it is on its way. Whoever is prevented is not late.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.machine import Machine
from quantum_trader.app.simulation.scheduler import Process
from quantum_trader.app.simulation.socket_rules import SocketRules
from quantum_trader.app.simulation.violation import Violated
from quantum_trader.core.events import AccountSeen, OrderRejected
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.core.orders.ids import is_ours
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import PROVED_DEAD

SEEN_MS = 10_000
"""How old a look at the account may be when it is recorded, disk and machine being well."""
QUANTITIES_KEPT = 200
LOOK_EVERY_S = 0.2
"""How often the bounds are asked while nothing happens at all."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long an invariant may be broken while the system can act, in virtual milliseconds.

    ``naked_ms``: a position without enough stops, unless an exit or a stop was tried within
    ``trying_ms``. ``guarded_ms`` and ``guarding_ms`` are the same for the guardian, whatever state
    everybody else is in. ``books_ms``: our books differ from the venue. ``targets_ms``: targets ask
    for more than there is.
    """

    naked_ms: int = 4_500
    trying_ms: int = 3_000
    guarded_ms: int = 12_000
    guarding_ms: int = 10_000
    books_ms: int = 10_000
    targets_ms: int = 10_000


class StandingRules:
    """Looks at the truth of the venue and at the books of whoever leads now."""

    def __init__(
        self, around: Around, machine: Machine, socket: SocketRules, bounds: Bounds
    ) -> None:
        self._around = around
        self._machine = machine
        self._socket = socket
        self._bounds = bounds
        self._since_ms: dict[str, int] = {}
        self._disturbed_ms = self._jolted_ms = self._blind_ms = 0
        self._fills_seen = 0
        self._facts_seen = 0
        self._folded: dict[str, Decimal] = {}
        self._left: deque[tuple[int, str, Decimal]] = deque(maxlen=QUANTITIES_KEPT)
        self._loop, self._venue = around.loop, around.moods.venue
        self._facts = around.disk.written.facts
        self._version = -1
        self._due_s = 0.0
        self._leader: Process | None = None

    def look(self) -> None:
        """Look once, if anything can have changed."""
        loop = self._loop
        if (
            self._venue.version == self._version
            and loop.now_s < self._due_s
            and len(self._facts) == self._facts_seen
        ):
            return
        self._version, self._due_s = self._venue.version, loop.now_s + LOOK_EVERY_S
        self._check_defects()
        self._check_fills()
        self._check_said()
        now_ms = self._around.clock.true_ms()
        if not self._is_able():
            self._disturbed_ms = now_ms
        if not self._machine.sentry.can_act:
            self._blind_ms = now_ms
        positions = self._venue.positions
        for symbol in self._around.market.prices:
            held = abs(positions.get(symbol, ZERO))
            self._check_cover(symbol, held, now_ms)
            self._check_targets(symbol, held, now_ms)
        self._check_books(positions, now_ms)

    def note_disturbance(self) -> None:
        """Something happened after which every bound begins anew."""
        self._disturbed_ms = self._jolted_ms = self._around.clock.true_ms()

    def _is_able(self) -> bool:
        leader, around = self._machine.leader, self._around
        if leader is None or leader.process.frozen or not leader.ready:
            return False
        if leader.process is not self._leader:
            self._leader = leader.process
            self._socket.on_ready(leader.process)
        moods, now_ms = around.moods, around.clock.true_ms()
        is_cut_off = around.server.is_missed or around.disk.full or moods.in_flight > 0
        is_mute = max(moods.banned_until_ms, moods.silent_until_ms) > now_ms
        return not is_cut_off and not is_mute and now_ms >= around.market.silent_until_ms

    def _lasts(self, what: str, *, broken: bool, bound_ms: int, now_ms: int) -> bool:
        """Whether something has been broken for longer than its bound, while we could act."""
        if not broken:
            self._since_ms.pop(what, None)
            return False
        since_ms = self._since_ms.setdefault(what, now_ms)
        return now_ms - max(since_ms, self._disturbed_ms) > bound_ms

    def _check_defects(self) -> None:
        defects = self._machine.defects or self._machine.sentry.defects
        if defects:
            raise defects[0]

    def _check_fills(self) -> None:
        """Folds of fills, and exits that only ever reduce."""
        venue = self._around.moods.venue
        for fill in venue.fills[self._fills_seen :]:
            before = self._folded.get(fill.symbol, ZERO)
            after = before + (fill.qty if fill.side == "BUY" else -fill.qty)
            self._folded[fill.symbol] = after
            self._left.append((self._around.clock.true_ms(), fill.symbol, before))
            name = fill.client_order_id
            if is_ours(name) and venue.entries[name] > 1:
                raise Violated("I3", f"{name} was carried out {venue.entries[name]} times")
            if is_ours(name) and not venue.requests[name].order.reduce_only:
                continue
            reduces = is_ours(name) or is_guardians(name)
            if reduces and (abs(after) > abs(before) or before * after < 0):
                raise Violated("I6", f"{name} turned {before} into {after} {fill.symbol}")
        self._fills_seen = len(venue.fills)
        held = {symbol: qty for symbol, qty in self._folded.items() if qty}
        if held != venue.positions:
            raise Violated("I1", f"the fills make {held}, the venue holds {venue.positions}")

    def _check_said(self) -> None:
        """What the journal was told of an order agrees with what the venue did."""
        facts, venue = self._around.disk.written.facts, self._around.moods.venue
        for fact in facts[self._facts_seen :]:
            if isinstance(fact, AccountSeen):
                self._check_seen(fact)
            if not isinstance(fact, OrderRejected) or not is_ours(fact.client_order_id):
                continue
            request = venue.requests.get(fact.client_order_id)
            if request is None or not request.taken:
                denied = self._socket.denials[fact.client_order_id]
                if fact.code == PROVED_DEAD and denied < 3:
                    raise Violated(
                        "I12", f"{fact.client_order_id} counts as dead after {denied} denials"
                    )
            elif not request.refused and not self._was_excusable(fact):
                raise Violated("I4", f"{fact.client_order_id} is said to be refused, and was taken")
        self._facts_seen = len(facts)

    def _check_seen(self, fact: AccountSeen) -> None:
        """What is recorded as seen was there a moment ago, and is not what nobody answered."""
        since_ms = self._around.clock.true_ms() - SEEN_MS
        if self._jolted_ms >= since_ms:
            return  # Whoever stood still may record what he saw before.
        seen = {one.symbol: one.qty for one in fact.positions}
        for symbol in self._around.market.prices:
            qty, now = seen.get(symbol, ZERO), self._folded.get(symbol, ZERO)
            lately = (
                one for until_ms, name, one in self._left if name == symbol and until_ms >= since_ms
            )
            if symbol not in fact.unsettled and qty != now and qty not in lately:
                raise Violated("I12", f"{qty} {symbol} are said to be seen, and {now} stand")

    def _was_excusable(self, fact: OrderRejected) -> bool:
        """Rejected at its trigger, carried out too late, or over by now without a trade."""
        name, moods = fact.client_order_id, self._around.moods
        if name in moods.rejected_later or name in moods.came_late:
            return True
        request = moods.venue.requests[name]
        resting = moods.venue.resting(fact.symbol)
        return not request.filled_qty and all(one.client_order_id != name for one in resting)

    def _check_cover(self, symbol: str, held: Decimal, now_ms: int) -> None:
        venue = self._venue
        broken = held > ZERO and held > venue.covered(symbol) and not venue.is_closing(symbol)
        bounds, what = self._bounds, f"naked {symbol}"
        if self._lasts(what, broken=broken, bound_ms=bounds.naked_ms, now_ms=now_ms):
            tried_ms = self._socket.tried_ms.get(symbol, 0)
            if now_ms - tried_ms > bounds.trying_ms:
                lasted_ms = now_ms - self._since_ms[what]
                raise Violated("I2", f"{held} {symbol} stand without a stop for {lasted_ms} ms")
        if broken:
            self._check_guarded(symbol, self._since_ms[what], now_ms)

    def _check_guarded(self, symbol: str, since_ms: int, now_ms: int) -> None:
        """Whatever state the system is in: where a guardian can act, it has to."""
        bounds, sentry = self._bounds, self._machine.sentry
        tried_ms = sentry.tried_ms.get(symbol, 0)
        able_ms = max(since_ms, self._blind_ms, sentry.failed_ms)
        is_late = now_ms - able_ms > bounds.guarded_ms
        if is_late and now_ms - tried_ms > bounds.guarding_ms:
            lasted_ms = now_ms - since_ms
            raise Violated("I2", f"the guardian lets {symbol} be without a stop for {lasted_ms} ms")

    def _check_targets(self, symbol: str, held: Decimal, now_ms: int) -> None:
        moods = self._around.moods
        asked = ZERO
        for one in moods.venue.resting(symbol):
            if one.kind == "LIMIT" and one.client_order_id not in moods.came_late:
                asked += one.qty
        if self._lasts(
            f"targets {symbol}",
            broken=asked > held,
            bound_ms=self._bounds.targets_ms,
            now_ms=now_ms,
        ):
            raise Violated("I5", f"targets for {asked} {symbol}, and {held} stand")

    def _check_books(self, positions: Mapping[str, Decimal], now_ms: int) -> None:
        leader = self._machine.leader
        if leader is None:
            return
        booked = {symbol: one.qty for symbol, one in leader.state.positions.items()}
        broken = booked != positions
        if self._lasts("books", broken=broken, bound_ms=self._bounds.books_ms, now_ms=now_ms):
            raise Violated("I1", f"booked are {booked}, the venue holds {positions}")
