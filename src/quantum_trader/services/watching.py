"""Orders that were proved dead are watched for a day: venues have been wrong about that.

What is found of one after all is told like anything else: its trades become fills, which the trader
closes or adopts, and what rests is canceled, because its plan has gone on without it.
"""

from collections.abc import Callable, Mapping

from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events import Fact, OrderCommanded
from quantum_trader.core.venue import VenueOrder
from quantum_trader.ports import Exchange, Journal
from quantum_trader.services.venue_facts import trades_of

WATCH_MS = 24 * 3_600_000
ASK_AFTER_MS = tuple(minutes * 60_000 for minutes in (1, 2, 5, 10, 30, *range(60, 1_441, 60)))
"""When to ask again, counted from the funeral: soon at first, then every hour."""
TRADES_FROM_MS = 1_000


class Watch:
    """Asks about the dead. ``now_ms`` is the time that their funerals were dated by."""

    def __init__(self, exchange: Exchange, journal: Journal, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._journal = journal
        self._now_ms = now_ms
        self._asked_ms: dict[str, int] = {}

    async def ask(self) -> list[Fact]:
        """What is due to be asked about, and what the venue shows of it after all."""
        buried = self._journal.buried(self._now_ms() - WATCH_MS)
        if not buried:
            return []
        self._asked_ms = {name: at for name, at in self._asked_ms.items() if name in buried}
        facts: list[Fact] = []
        for name, at_ms in self._due(buried):
            known = self._journal.known(name)
            if known is not None and isinstance(known.command, OrderCommanded):
                try:
                    facts += await self._look(known.command)
                except (Unreachable, InDoubt):
                    continue  # No answer: it is asked again with the next turn.
            self._asked_ms[name] = at_ms
        return facts

    def _due(self, buried: Mapping[str, int]) -> list[tuple[str, int]]:
        """The names to ask about, with the time that they are asked for."""
        now_ms, due = self._now_ms(), []
        for name, buried_ms in buried.items():
            passed = [buried_ms + after for after in ASK_AFTER_MS if buried_ms + after <= now_ms]
            if passed and passed[-1] > self._asked_ms.get(name, 0):
                due.append((name, passed[-1]))
        return due

    async def _look(self, command: OrderCommanded) -> list[Fact]:
        order = command.order
        found: VenueOrder | None = await self._exchange.find(order.symbol, order.client_order_id)
        if found is None:
            return []
        if found.state == "open":
            await self._exchange.cancel(order.symbol, order.client_order_id)
        trades = await self._exchange.trades(order.symbol, command.at_ms - TRADES_FROM_MS)
        return trades_of(command, trades)
