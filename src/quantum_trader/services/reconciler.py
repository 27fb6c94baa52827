"""Looks at the venue's account now and then, and says what two looks in agreement show.

It decides nothing about orders: what it shows goes to the trader as a fact. What it does see to is
that the books' fills are all there: where a position is not what its fills add up to, the trades
are asked for, and what nobody tells in the end is inferred, so that it can be protected.

A question without an answer changes nothing: an account that nobody could see is not flat.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.books.told import Told, infer
from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events import AccountSeen, Fact, OrderFilled, SeenPosition
from quantum_trader.core.orders.ids import is_ours, symbol_of
from quantum_trader.core.orders.proof import PROOF_MS
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import VenueAccount, VenueFill, VenuePosition
from quantum_trader.ports import Clock, Exchange, Journal
from quantum_trader.services.allowance import Allowance
from quantum_trader.services.venue_facts import seen_order

DOUBT_LONG_MS = PROOF_MS + 10_000
STRANGER_MS = 10 * 60_000
"""For so long after its last order somebody else is taken to trade the account, too."""
HURRIES = 4
DAY_MS = 24 * 3_600_000


class ReconcileSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How often to look, and how much asking may weigh.

    ``active_ms`` while anything is held, rests or is under way, ``idle_ms`` otherwise, and
    ``hurry_ms`` after a start, a silence or a doubt. Looks agree when at least ``apart_ms`` and at
    most ``stale_ms`` lie between them. A fill is inferred when the same difference has stood for
    ``infer_after_ms``, and for ``infer_gone_ms`` when it would say that something is gone: an
    answer with nothing in it is soon given, and what stands must not be lost sight of. The weights
    are those of the venue's own count: a whole account, with all its open orders, is dear, and
    twelve looks at it are half of the 2,400 of a minute.
    """

    active_ms: int = 5_000
    idle_ms: int = 60_000
    hurry_ms: int = 1_000
    apart_ms: int = 1_000
    stale_ms: int = 90_000
    infer_after_ms: int = 5_000
    infer_gone_ms: int = 60_000
    weight_per_minute: int = 1_260
    account_weight: int = 101
    trades_weight: int = 5


class Look(msgspec.Struct, frozen=True):
    """What the venue showed. ``marks`` is how much had moved by then, see ``Reconciler.moved``."""

    at_ms: int
    seen_ms: int
    marks: int
    account: VenueAccount


class Sighting(msgspec.Struct, frozen=True):
    """Two looks, and the trades of the symbols whose fills do not add up."""

    earlier: Look
    look: Look
    trades: dict[str, Sequence[VenueFill]]


class Gap(msgspec.Struct, frozen=True):
    """A position that its fills do not add up to, since when."""

    missing: Decimal
    since_ms: int


class Reconciler:
    """One account. ``clock`` waits and cannot be set, ``now_ms`` dates facts."""

    def __init__(
        self,
        exchange: Exchange,
        journal: Journal,
        clock: Clock,
        now_ms: Callable[[], int],
        settings: ReconcileSettings | None = None,
    ) -> None:
        self.settings = settings or ReconcileSettings()
        self.allowance = Allowance(clock, self.settings.weight_per_minute)
        self._exchange = exchange
        self._journal = journal
        self._clock = clock
        self._now_ms = now_ms
        self._marks = 0
        self._moved: dict[str, int] = {}
        self._gaps: dict[str, Gap] = {}
        self._last: Look | None = None
        self._due_ms = 0
        self._hurries = HURRIES
        self._recorded: bytes = b""
        self._price: dict[str, Decimal] = {}
        self._strangers: dict[str, int] = {}

    def hurry(self) -> None:
        """Something happened after which the account must be seen soon, and twice."""
        self._hurries = HURRIES
        self._due_ms = min(self._due_ms, self._clock.now_ms() + self.settings.hurry_ms)

    def named(self, client_order_id: str) -> None:
        """An order was placed lately: nobody else may name one as we do."""
        if is_ours(client_order_id) and self._journal.known(client_order_id) is None:
            self._strangers[client_order_id] = self._clock.now_ms()

    def moved(self, symbols: Iterable[str]) -> None:
        """Something of these symbols was taken or reported: looks from before do not count.

        What was sent is unsettled until it has an answer, and what was refused changed nothing: an
        exit that is refused every second, because nothing is left, must not hide that for ever.
        """
        self._marks += 1
        for symbol in symbols:
            self._moved[symbol] = self._marks

    async def rest(self, most_ms: int) -> None:
        """Wait until it is time to look next, and no longer than that."""
        await self._clock.sleep_until(min(self._due_ms, self._clock.now_ms() + most_ms))

    async def look(self) -> Sighting | None:
        """Look, if it is time; what it and the look before show, once there are two."""
        now_ms = self._clock.now_ms()
        if now_ms < self._due_ms:
            return None
        marks = self._marks
        account = await self._account()
        self._due_ms = now_ms + self._pause_ms(account)
        if account is None:
            return None
        earlier, look = self._last, Look(now_ms, self._now_ms(), marks, account)
        self._last = look
        self._note_strangers(earlier, look)
        self._price |= {one.symbol: one.mark for one in account.positions}
        between_ms = 0 if earlier is None else look.at_ms - earlier.at_ms
        if earlier is None or not self.settings.apart_ms <= between_ms <= self.settings.stale_ms:
            self._due_ms = now_ms + self.settings.hurry_ms
            return None
        return Sighting(earlier, look, await self._missing_trades(earlier, look))

    def _note_strangers(self, earlier: Look | None, look: Look) -> None:
        """Orders named as ours that appeared meanwhile, and that this journal did not write.

        What was there at the first look may be left over from a journal that is gone.
        """
        fresh = set() if earlier is None else _names(look.account) - _names(earlier.account)
        for name in fresh:
            self.named(name)
        since_ms = look.at_ms - STRANGER_MS
        self._strangers = {one: ms for one, ms in self._strangers.items() if ms > since_ms}

    async def _account(self) -> VenueAccount | None:
        if not self.allowance.take(self.settings.account_weight):
            return None
        try:
            return await self._exchange.account()
        except (Unreachable, InDoubt):
            return None

    def _pause_ms(self, account: VenueAccount | None) -> int:
        pace_ms = self.allowance.pace_ms(self.settings.account_weight + self.settings.trades_weight)
        if self._hurries:
            self._hurries -= 1
            return max(self.settings.hurry_ms, pace_ms)
        last = account or (None if self._last is None else self._last.account)
        active = last is not None and bool(last.positions or last.open_orders)
        active = active or bool(self._gaps or self._journal.unresolved())
        active = active or any(told.qty for told in self._journal.books().values())
        return max(self.settings.active_ms, pace_ms) if active else self.settings.idle_ms

    async def _missing_trades(self, earlier: Look, look: Look) -> dict[str, Sequence[VenueFill]]:
        """The trades of every settled symbol whose position is not what its fills add up to."""
        found: dict[str, Sequence[VenueFill]] = {}
        for symbol in self._differing(look.account, self._unsettled(earlier, look)):
            told = self._journal.books().get(symbol, Told())
            if not self.allowance.take(self.settings.trades_weight):
                continue
            try:
                since_ms = max(told.first_ms, (told.last_ms or self._now_ms()) - DAY_MS)
                found[symbol] = await self._exchange.trades(symbol, since_ms)
            except (Unreachable, InDoubt):
                continue
        return found

    def _differing(self, account: VenueAccount, unsettled: Iterable[str]) -> list[str]:
        books = self._journal.books()
        venue = {one.symbol: one.qty for one in account.positions}
        symbols = {*venue, *(symbol for symbol, told in books.items() if told.qty)}
        symbols -= set(unsettled)
        return sorted(
            symbol for symbol in symbols if venue.get(symbol, ZERO) != books.get(symbol, Told()).qty
        )

    def _unsettled(self, earlier: Look, look: Look) -> list[str]:
        """Symbols on which the looks do not agree, or of which anything is under way."""
        open_ones = {symbol_of(command) for command in self._journal.unresolved()}
        moved = {symbol for symbol, mark in self._moved.items() if mark > earlier.marks}
        return sorted({*open_ones, *moved, *_disagreeing(earlier.account, look.account)})

    def inferred(self, sighting: Sighting, at: AccountSeen) -> list[OrderFilled]:
        """The fills that must have been, of gaps that have stood for long enough."""
        fills: list[OrderFilled] = []
        account, now_ms = sighting.look.account, self._clock.now_ms()
        venue = {one.symbol: one for one in account.positions}
        books = self._journal.books()
        gaps: dict[str, Gap] = {}
        for symbol in self._differing(account, ()):
            told, position = books.get(symbol, Told()), venue.get(symbol)
            qty = ZERO if position is None else position.qty
            settled = symbol not in at.unsettled
            gap = self._gap(symbol, qty - told.qty, now_ms, settled=settled)
            if gap is None:
                continue
            patience_ms = self._patience_ms(told, qty)
            asked = settled and symbol in sighting.trades
            if not asked or now_ms - gap.since_ms < patience_ms:
                gaps[symbol] = gap
                if patience_ms <= self.settings.infer_after_ms:
                    # Only this is worth the dear looks: others would have none for the minute.
                    self._hurries = max(self._hurries, 1)
            elif (price := self._price_of(symbol, position, told)) is not None:
                fills.append(infer(told, symbol, qty, price, at))
        self._gaps = gaps
        return fills

    def _gap(self, symbol: str, missing: Decimal, now_ms: int, *, settled: bool) -> Gap | None:
        """The gap of a symbol. What is under way begins none, and makes none younger."""
        gap = self._gaps.get(symbol)
        if gap is not None and gap.missing == missing:
            return gap
        return Gap(missing, now_ms) if settled else None

    def _patience_ms(self, told: Told, qty: Decimal) -> int:
        """How long a difference has to stand before it is believed without a trade."""
        gone = abs(qty) < abs(told.qty)
        return self.settings.infer_gone_ms if gone else self.settings.infer_after_ms

    def _price_of(self, symbol: str, position: VenuePosition | None, told: Told) -> Decimal | None:
        """What an inferred fill may have traded at; the real one puts it right.

        For what stands, the venue says what was paid. At what price something was left nobody
        says: the last mark that was seen is nearest, and the last fill where none was.
        """
        if position is not None and abs(position.qty) > abs(told.qty):
            return position.entry_price
        return self._price.get(symbol, told.last_price)

    def seen(
        self, sighting: Sighting, doubts: dict[str, int], found: dict[str, int], account: str
    ) -> AccountSeen:
        """What both looks show, as a fact."""
        look = sighting.look
        return AccountSeen(
            id=f"{account}:seen:{look.seen_ms}:{look.account.at_ms}",
            at_ms=look.seen_ms,
            trace_id="",
            account=account,
            first_ms=sighting.earlier.seen_ms,
            positions=tuple(_seen_position(one) for one in look.account.positions),
            orders=tuple(seen_order(one.order, one.filled_qty) for one in look.account.open_orders),
            unsettled=tuple(self._unsettled(sighting.earlier, look)),
            doubted=tuple(sorted(one for one, ms in doubts.items() if ms > DOUBT_LONG_MS)),
            found=found,
            hedge_mode=look.account.hedge_mode,
            strangers=tuple(sorted(self._strangers)),
            wallet_usd=look.account.wallet_usd,
        )

    def is_evidence(self, seen: AccountSeen) -> bool:
        """Whether it shows anything that the last recorded one did not: that is written down."""
        positions = tuple(msgspec.structs.replace(one, mark=ZERO) for one in seen.positions)
        what = msgspec.structs.replace(
            seen, id="", at_ms=0, first_ms=0, positions=positions, trace_id=""
        )
        digest = msgspec.json.encode(what)
        is_new = digest != self._recorded
        self._recorded = digest
        return is_new


def _names(account: VenueAccount) -> set[str]:
    return {one.order.client_order_id for one in account.open_orders}


def _disagreeing(earlier: VenueAccount, later: VenueAccount) -> set[str]:
    before, after = _sides(earlier), _sides(later)
    return {one for one in {*before, *after} if before.get(one) != after.get(one)}


def _sides(account: VenueAccount) -> dict[str, list[bytes]]:
    """What an account shows of each symbol, without what moves with the market."""
    shown: dict[str, list[bytes]] = {}
    for position in account.positions:
        what = (position.qty, position.leverage, position.isolated)
        shown.setdefault(position.symbol, []).append(msgspec.json.encode(what))
    for order in sorted(account.open_orders, key=lambda one: one.order.client_order_id):
        shown.setdefault(order.order.symbol, []).append(msgspec.json.encode(order))
    return shown


def _seen_position(position: VenuePosition) -> SeenPosition:
    return SeenPosition(
        symbol=position.symbol,
        qty=position.qty,
        entry_price=position.entry_price,
        mark=position.mark,
        leverage=position.leverage,
        isolated=position.isolated,
    )


def symbols_of(facts: Iterable[Fact]) -> list[str]:
    """The symbols that facts are about."""
    return [symbol for fact in facts if (symbol := getattr(fact, "symbol", ""))]
