"""The paper exchange: a venue of our own that lives off the market's facts."""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.waiter import Waiter
from quantum_trader.core.errors import ConfigError, StoreError
from quantum_trader.core.events import MarketFact
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.account import account, equity_usd, open_order
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import open_desk
from quantum_trader.core.matching.orders import cancel, configure, place
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.matching.state import VenueState
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)

REPORTS_KEPT = 100_000
REPORTS_TRIMMED_AT_ONCE = 10_000
FACTS_UNSAVED_MAX = 200
"""Prices that changed nothing else are written this seldom; the market tells them again."""


class PaperExchange:
    """Implements ``ports.SimulatedVenue`` over ``core/matching``.

    With a store, a new exchange on the same file goes on where the last one was. What orders and
    cancels did is in the file before anybody is shown it (``updates``, ``find``, ``account``) and
    before the market moves; an order that a killed process had not got so far with was never
    placed, and whoever asks for it is told so. Its clock is the market's: an order is placed at
    the time of the newest fact. Raises ``StoreError`` when the file fails; then nothing new is
    shown to anybody, and the process should start again.
    """

    def __init__(self, rules: MatchingRules, store: PaperStore | None = None) -> None:
        saved = None if store is None else store.load()
        if saved is not None:
            _check_instruments(rules, saved.state)
        self._store = store
        self._desk = open_desk(rules, saved.state if saved else None)
        self._reports = saved.updates if saved else []
        self._ended = {one.client_order_id: one for one in saved.ended} if saved else {}
        self._unsaved: dict[str, None] = {}
        self._facts_unsaved = 0
        self._unsettled = False
        self._read_seq = 0
        self._waiting: list[Waiter] = []

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Set the leverage of a symbol."""
        refused = configure(self._desk, symbol, leverage)
        if refused is None:
            self._changed(symbol)
        return refused

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order in; what trades at once has traded when this returns."""
        placement = place(self._desk, order)
        if isinstance(placement, Accepted) or self._desk.updates:
            self._changed(order.symbol)
        return placement

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an open order."""
        placement = cancel(self._desk, symbol, client_order_id)
        if isinstance(placement, Accepted):
            self._changed(symbol)
        return placement

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """An order at rest, or how it ended; None for what was refused, never came or is old."""
        self._settle()
        resting = open_order(self._desk, symbol, client_order_id)
        return resting or self._ended.get(client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after ``after``. Raises ``StoreError`` for numbers this venue cannot serve."""
        self._settle()
        self._read_seq = max(self._read_seq, after)
        if after >= self.reported_seq() and wait_ms > 0:
            await Waiter(lambda: bool(self._desk.updates)).wait(self._waiting, wait_ms)
            self._settle()
        return self._after(after)

    async def account(self) -> VenueAccount:
        """Wallet, positions and open orders now."""
        self._settle()
        return account(self._desk)

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """The trades of a symbol among the reports that are kept."""
        self._settle()
        return [
            one
            for one in self._reports
            if isinstance(one, VenueFill) and one.symbol == symbol and one.at_ms >= since_ms
        ]

    async def capabilities(self) -> Capabilities:
        """Stops may rest without a position: they wait for one."""
        return Capabilities(
            stop_before_entry=True,
            conditional_orders_max=self._desk.rules.conditional_orders_max,
        )

    def equity_usd(self) -> Decimal:
        """Wallet and unrealised profit now."""
        self._settle()
        return equity_usd(self._desk)

    async def advance(self, fact: MarketFact) -> None:
        """Let the market move. Repeats are ignored."""
        desk = self._desk
        self._settle()
        advance(desk, fact)
        if desk.updates:
            self._changed(fact.symbol)
            self._settle()
        elif self._store is not None and fact.symbol in desk.state.markets:
            self._unsaved[fact.symbol] = None
            self._facts_unsaved += 1
            if self._facts_unsaved >= FACTS_UNSAVED_MAX:
                self._write()

    async def close(self) -> None:
        """Write the last prices and let go of the file."""
        if self._store is not None:
            self._write()
            self._store.close()

    def _changed(self, symbol: str) -> None:
        """Something happened that has to be written before it is shown."""
        self._unsettled = True
        if self._store is not None:
            self._unsaved[symbol] = None
        for one in self._waiting:
            one.nudge()

    def _settle(self) -> None:
        """Write what changed, if anything did, and show the new reports."""
        if self._unsettled:
            self._write()

    def _write(self) -> None:
        desk = self._desk
        if self._store is not None:
            changed = self._unsaved | {one.symbol: None for one in desk.updates}
            self._store.save(desk.state, list(changed), desk.updates, desk.ended)
            self._unsaved.clear()
            self._facts_unsaved = 0
        for one in desk.ended:
            self._ended.pop(one.client_order_id, None)
            self._ended[one.client_order_id] = one
        self._reports.extend(desk.updates)
        desk.updates.clear()
        desk.ended.clear()
        self._unsettled = False
        if len(self._reports) > REPORTS_KEPT + REPORTS_TRIMMED_AT_ONCE:
            self._trim()

    def _trim(self) -> None:
        """Forget old reports, but none that its reader has not passed."""
        reader_passed = self._read_seq - self._reports[0].seq + 1
        count = min(REPORTS_TRIMMED_AT_ONCE, reader_passed)
        if count < REPORTS_TRIMMED_AT_ONCE:
            return
        if self._store is not None:
            self._store.trim(self._reports[count - 1].seq)
        del self._reports[:count]
        for name in list(self._ended)[: max(len(self._ended) - REPORTS_KEPT, 0)]:
            del self._ended[name]

    def reported_seq(self) -> int:
        """The number of the newest report anybody may see."""
        return self._reports[-1].seq if self._reports else 0

    def _after(self, after: int) -> Sequence[AnyVenueUpdate]:
        newest = self.reported_seq()
        if after > newest:
            text = f"report {after} was asked for and {newest} is the newest of this paper venue"
            raise StoreError(f"{text}; its file and the journal do not belong together")
        if after == newest:
            return ()
        start = after + 1 - self._reports[0].seq
        if start < 0:
            raise StoreError(f"reports after {after} were asked for and are no longer kept")
        return self._reports[start:]


def _check_instruments(rules: MatchingRules, state: VenueState) -> None:
    for symbol, market in state.markets.items():
        if (market.orders or market.position.qty) and symbol not in rules.instruments:
            raise ConfigError(f"the paper venue holds {symbol}, which has no instrument any more")
