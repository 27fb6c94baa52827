"""What a desk reported, booked: orders, trades, money, and the events that tell of it."""

from decimal import Decimal

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.events import (
    Event,
    Execution,
    account_update,
    algo_update,
    order_update,
    trade_lite,
)
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.ticket import Income, Status, Terms, Ticket, Trade
from quantum_trader.core.books.position import after_fill
from quantum_trader.core.matching.sides import side_of_leg, symbol_of
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import VenueCancel, VenueFill, VenueFunding, VenueReject

EXPIRED_REASONS = {"position is flat": 4, "nothing more to take": 0, "liquidation": 1}
REQUESTED = "canceled by request"


class Session:
    """One settling of a desk's reports. Trades are told after the account that they changed."""

    def __init__(self, hall: Hall, account: Account, canceled_as: Status) -> None:
        self.hall = hall
        self.account = account
        self.canceled_as = canceled_as
        self.lites: list[Event] = []
        self.orders: list[Event] = []
        self.legs: dict[str, None] = {}
        self.flat: dict[str, None] = {}

    def fill(self, update: VenueFill) -> None:
        """Book a trade."""
        hall, account = self.hall, self.account
        ticket = self._ticket_of(update)
        trade = self._trade_of(update, ticket)
        ticket.filled_qty += update.qty
        ticket.quote_usd += update.qty * update.price
        ticket.updated_ms = update.at_ms
        ticket.status = "PARTIALLY_FILLED"
        if update.done:
            # A reduce-only order that closed all there was is done, whatever it asked for.
            ticket.status = "FILLED" if ticket.filled_qty >= ticket.terms.qty else "EXPIRED"
        account.records.trades.append(trade)
        self._earn("REALIZED_PNL", trade, trade.realized_usd)
        self._earn("COMMISSION", trade, -trade.fee_usd)
        digits = hall.catalog.digits[trade.symbol]
        kind = "TRADE" if update.cause == "order" else "CALCULATED"
        shown = ticket.status
        if shown == "EXPIRED":
            ticket.status = "PARTIALLY_FILLED"
        self.lites.append(trade_lite(ticket, trade, digits))
        self.orders.append(
            order_update(ticket, Execution(kind=kind, trade=trade), digits, update.at_ms)
        )
        ticket.status = shown
        if shown == "EXPIRED":
            self._tell(ticket, Execution(kind="EXPIRED", expiry_reason=4), update.at_ms)
        self._ended(ticket)

    def _ticket_of(self, update: VenueFill) -> Ticket:
        name = update.client_order_id
        if name.isdecimal():
            return self.account.records.tickets[int(name)]
        self.hall.counters.orders += 1
        prefix = name.partition("-")[0]
        terms = Terms(
            client_id=f"{prefix}-{self.hall.counters.orders}",
            symbol=symbol_of(update.symbol),
            side=update.side,
            position_side=side_of_leg(update.symbol),
            kind="LIMIT",
            qty=update.qty,
            price=update.price,
            force="IOC",
            self_trade="NONE",
        )
        ticket = Ticket(
            order_id=self.hall.counters.orders,
            terms=terms,
            first_kind="LIMIT",
            created_ms=update.at_ms,
            updated_ms=update.at_ms,
        )
        self.account.remember(ticket)
        return ticket

    def _trade_of(self, update: VenueFill, ticket: Ticket) -> Trade:
        """The trade, and what it does to the book of its leg."""
        book = self.account.records.leg(update.symbol)
        change = after_fill(book.position, update.side, update.qty, update.price)
        if change.kind in ("opened", "flipped"):
            book.open_cost_usd = ZERO
        book.open_cost_usd += update.fee_usd - change.realized_usd
        book.position = change.position
        book.realized_usd += change.realized_usd
        book.updated_ms = update.at_ms
        if change.kind in ("closed", "flipped"):
            self.flat[update.symbol] = None
            if change.kind == "closed":
                book.open_cost_usd = ZERO
        self.legs[update.symbol] = None
        self.hall.counters.trades += 1
        return Trade(
            trade_id=self.hall.counters.trades,
            order_id=ticket.order_id,
            symbol=symbol_of(update.symbol),
            side=update.side,
            position_side=side_of_leg(update.symbol),
            qty=update.qty,
            price=update.price,
            fee_usd=update.fee_usd,
            realized_usd=change.realized_usd,
            maker=update.liquidity == "maker",
            at_ms=update.at_ms,
        )

    def _earn(self, kind: str, trade: Trade, amount_usd: Decimal) -> None:
        if amount_usd:
            self.account.records.incomes.append(
                Income(
                    number=self.hall.next_movement(),
                    kind=kind,
                    symbol=trade.symbol,
                    amount_usd=amount_usd,
                    at_ms=trade.at_ms,
                    info=str(trade.trade_id),
                    trade_id=str(trade.trade_id),
                )
            )

    def end(self, update: VenueCancel | VenueReject) -> None:
        """An order came to nothing more."""
        ticket = self.account.records.tickets[int(update.client_order_id)]
        asked = update.reason == REQUESTED
        ticket.status = self.canceled_as if asked else "EXPIRED"
        ticket.updated_ms = update.at_ms
        kind = "CANCELED" if ticket.status == "CANCELED" else "EXPIRED"
        why = EXPIRED_REASONS.get(update.reason, 0)
        self._tell(ticket, Execution(kind=kind, expiry_reason=why), update.at_ms)
        self._ended(ticket)

    def funding(self, update: VenueFunding) -> None:
        """A settlement of funding."""
        number = self.hall.next_movement()
        self.account.records.incomes.append(
            Income(
                number=number,
                kind="FUNDING_FEE",
                symbol=symbol_of(update.symbol),
                amount_usd=update.payment_usd,
                at_ms=update.at_ms,
                info="FUNDING_FEE",
                trade_id="",
            )
        )
        market = self.account.desk.state.markets[update.symbol]
        legs = (update.symbol,) if market.isolated_usd else ()
        self.account.said.append(
            account_update(self.account, "FUNDING_FEE", update.payment_usd, legs)
        )

    def _tell(self, ticket: Ticket, execution: Execution, at_ms: int) -> None:
        digits = self.hall.catalog.digits[ticket.terms.symbol]
        self.orders.append(order_update(ticket, execution, digits, at_ms))

    def _ended(self, ticket: Ticket) -> None:
        if ticket.is_open:
            return
        self.account.open.pop(ticket.order_id, None)
        algo = self.account.records.algos.get(ticket.algo_id)
        if algo is not None:
            algo.status = "FINISHED"
            algo.filled_qty, algo.average_price = ticket.filled_qty, ticket.average_price
            algo.updated_ms = ticket.updated_ms
            digits = self.hall.catalog.digits[ticket.terms.symbol]
            self.orders.append(algo_update(algo, digits, ticket.updated_ms))

    def close(self) -> None:
        """Tell everything, in the venue's order, and end what waited for a position now gone."""
        account = self.account
        account.said += self.lites
        if self.legs:
            account.said.append(account_update(account, "ORDER", ZERO, self.legs))
        account.said += self.orders
        for leg in self.flat:
            expire_with_position(self.hall, account, leg)
        account.records.trim()


def settle(hall: Hall, account: Account, canceled_as: Status = "CANCELED") -> None:
    """Book whatever the desk of an account has to report."""
    desk = account.desk
    if not desk.updates:
        desk.ended.clear()
        return
    session = Session(hall, account, canceled_as)
    for update in desk.updates:
        if isinstance(update, VenueFill):
            session.fill(update)
        elif isinstance(update, VenueFunding):
            session.funding(update)
        elif isinstance(update, VenueCancel | VenueReject):
            session.end(update)
    desk.updates.clear()
    desk.ended.clear()
    session.close()


def expire_with_position(hall: Hall, account: Account, leg: str) -> None:
    """Conditional orders that live with a position end with it."""
    for algo in account.open_algos(symbol_of(leg)):
        terms = algo.terms
        if terms.force == "GTE_GTC" and terms.position_side == side_of_leg(leg):
            end_algo(hall, account, algo.algo_id, "EXPIRED")


def end_algo(hall: Hall, account: Account, algo_id: int, status: str, reason: str = "") -> None:
    """End a conditional order before, or at, its trigger, and tell it."""
    algo = account.records.algos[algo_id]
    algo.status, algo.reason, algo.updated_ms = status, reason, hall.at_ms
    account.algo_open.pop(algo_id, None)
    digits = hall.catalog.digits[algo.terms.symbol]
    account.said.append(algo_update(algo, digits, hall.at_ms))
