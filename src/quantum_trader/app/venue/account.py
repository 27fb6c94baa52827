"""One account of the venue: its desk, its records, and the orders that are open."""

from collections.abc import Iterator
from typing import Any

from quantum_trader.app.venue.records import Records
from quantum_trader.app.venue.refusals import refuse
from quantum_trader.app.venue.ticket import Algo, Ticket
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.sides import PositionSide, leg_of, symbol_of
from quantum_trader.core.matching.state import Market

Event = dict[str, Any]


class Account:
    """``said`` collects the events of its user stream until the hall takes them away."""

    def __init__(self, name: str, desk: Desk, records: Records) -> None:
        self.name = name
        self.desk = desk
        self.records = records
        self.said: list[Event] = []
        self.warned_ms = 0
        self.by_client: dict[str, Ticket] = {}
        """The newest order of every client id."""
        self.open: dict[int, Ticket] = {}
        self.algo_by_client: dict[str, Algo] = {}
        self.algo_open: dict[int, Algo] = {}
        for ticket in records.tickets.values():
            self.remember(ticket)
        for algo in records.algos.values():
            self.remember_algo(algo)

    def remember(self, ticket: Ticket) -> None:
        """Keep an order under its numbers."""
        self.records.tickets[ticket.order_id] = ticket
        self.by_client[ticket.terms.client_id] = ticket
        if ticket.is_open:
            self.open[ticket.order_id] = ticket

    def remember_algo(self, algo: Algo) -> None:
        """Keep a conditional order under its numbers."""
        self.records.algos[algo.algo_id] = algo
        self.algo_by_client[algo.terms.client_id] = algo
        if algo.is_open:
            self.algo_open[algo.algo_id] = algo

    def market(self, symbol: str, side: PositionSide) -> Market | None:
        """The market of a leg, None before the first price or outside hedge mode."""
        return self.desk.state.markets.get(leg_of(symbol, side))

    def markets(self) -> Iterator[Market]:
        """The legs of the mode that the account is in, by symbol."""
        for name, market in sorted(self.desk.state.markets.items()):
            if (name != symbol_of(name)) == self.records.hedge:
                yield market

    def open_tickets(self, symbol: str | None) -> list[Ticket]:
        """The open regular orders, oldest first."""
        return [one for one in self.open.values() if symbol in (None, one.terms.symbol)]

    def open_algos(self, symbol: str | None) -> list[Algo]:
        """The waiting conditional orders, oldest first."""
        return [one for one in self.algo_open.values() if symbol in (None, one.terms.symbol)]

    def ticket(self, symbol: str, order_id: int | None, client_id: str | None) -> Ticket:
        """An order by its number, else by the client's name for it. Refuses with -2013."""
        if order_id is not None:
            found = self.records.tickets.get(order_id)
        else:
            found = self.by_client.get(client_id or "")
        if found is None or found.terms.symbol != symbol:
            refuse(-2013)
        return found

    def algo(self, algo_id: int | None, client_id: str | None) -> Algo:
        """A conditional order by its number or name. Refuses with -2013."""
        if algo_id is not None:
            found = self.records.algos.get(algo_id)
        else:
            found = self.algo_by_client.get(client_id or "")
        if found is None:
            refuse(-2013)
        return found

    def has_position(self, symbol: str, side: PositionSide | None = None) -> bool:
        """Whether anything is held in a symbol, on one side or any."""
        sides: tuple[PositionSide, ...] = ("BOTH", "LONG", "SHORT") if side is None else (side,)
        found = (self.market(symbol, each) for each in sides)
        return any(one is not None and one.position.qty for one in found)
