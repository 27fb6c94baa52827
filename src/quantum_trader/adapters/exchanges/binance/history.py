"""What happened since a time, by REST: for whatever the user stream may have missed.

The venue answers for windows of less than seven days and keeps what traded for three months.
Orders are listed by when they were made, so the look goes back a window further than the time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from quantum_trader.adapters.exchanges.binance import answers, endpoints
from quantum_trader.adapters.exchanges.binance.answers import (
    AlgoRow,
    IncomeRow,
    OrderRow,
    RateRow,
    TradeRow,
)
from quantum_trader.adapters.exchanges.binance.endpoints import Endpoint
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.reports import (
    Told,
    fee_of,
    of_algo_row,
    of_income,
    of_order_row,
    of_trade_row,
)
from quantum_trader.adapters.exchanges.binance.rest import UNREADABLE, Params, Rest
from quantum_trader.core.errors import InDoubt, Malformed
from quantum_trader.core.units import ONE

WINDOW_MS = 6 * 86_400_000
"""A little less than the venue answers for in one piece."""
KEPT_MS = 89 * 86_400_000
PAGE = 1_000
RATE_AROUND_MS = 60_000
"""How far the time of a payment may lie from that of its settlement."""
FUNDING = "FUNDING_FEE"
OVER = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
AHEAD_MS = 86_400_000
"""Questions reach so far beyond the market's time there: nothing is left out for a clock."""
TRADED = frozenset({"COMMISSION", "REALIZED_PNL", "INSURANCE_CLEAR", FUNDING})

_log = structlog.get_logger()

Row = TypeVar("Row", OrderRow, AlgoRow, TradeRow, IncomeRow)
_RANKS = {"trigger": 0, "trade": 1, "funding": 2, "end": 3, "algo-end": 3}


class History:
    """Questions about the past of one account. ``symbols`` are asked about in any case."""

    def __init__(self, rest: Rest, identity: Identity, symbols: Iterable[str]) -> None:
        self._rest = rest
        self._identity = identity
        self.symbols = dict.fromkeys(symbols)
        self.skipped: Counter[str] = Counter()

    async def market_ms(self) -> int:
        """The market's time there: the one that trades and orders are stamped with."""
        symbol = next(iter(self.symbols))
        row = await self._rest.ask(endpoints.MARK, answers.MARK, {"symbol": symbol})
        return row.time

    async def since(self, since_ms: int) -> list[Told]:
        """Everything from a time on, in order. Raises what ``Rest.ask`` raises."""
        until_ms = await self.market_ms() + AHEAD_MS
        since_ms = max(since_ms, until_ms - KEPT_MS)
        income = await self._pages(endpoints.INCOME, answers.INCOME_ROW, {}, (since_ms, until_ms))
        for row in income:
            if row.income_type in TRADED and row.symbol:
                self.symbols.setdefault(row.symbol)
        told = await self._settlements(income)
        for symbol in list(self.symbols):
            told += await self._orders(symbol, since_ms, until_ms)
            told += await self._trades(symbol, since_ms, until_ms)
        return sorted(told, key=lambda one: (one.update.at_ms, _RANKS[one.key[0]]))

    async def trades(self, symbol: str, since_ms: int) -> list[Told]:
        """The trades of a symbol from a time on. Raises like ``since``."""
        until_ms = await self.market_ms() + AHEAD_MS
        since_ms = max(since_ms, until_ms - KEPT_MS)
        await self._orders(symbol, since_ms, until_ms)
        return await self._trades(symbol, since_ms, until_ms)

    async def funding(self, since_ms: int) -> list[Told]:
        """Funding settlements from a time on. Raises like ``since``."""
        until_ms = await self.market_ms() + AHEAD_MS
        given = {"incomeType": FUNDING}
        rows = await self._pages(endpoints.INCOME, answers.INCOME_ROW, given, (since_ms, until_ms))
        return await self._settlements(rows)

    async def algos(self, symbol: str) -> None:
        """Learn which regular orders of a symbol conditional ones have become lately."""
        until_ms = await self.market_ms() + AHEAD_MS
        await self._algos(symbol, until_ms - WINDOW_MS, until_ms)

    async def fee_usd(self, row: TradeRow) -> Decimal:
        """The fee of a trade; one in another asset is worth what that asset costs now."""
        if row.commission is None or row.commission_asset is None:
            raise Malformed("commission", row.commission, "a fee and its asset")
        price_usd = ONE
        if row.commission_asset != answers.USD:
            price_usd = await self.price_usd(row.commission_asset)
        return fee_of(row.commission, price_usd, maker=row.maker)

    async def price_usd(self, asset: str) -> Decimal:
        """What another asset costs now. Raises like ``Rest.ask``."""
        given = {"symbol": f"{asset}{answers.USD}"}
        return (await self._rest.ask(endpoints.PRICE, answers.PRICE, given)).price

    async def trades_of(self, symbol: str, order_id: int) -> Sequence[TradeRow]:
        """The trades of one order."""
        given = {"symbol": symbol, "orderId": str(order_id)}
        return await self._rest.ask(endpoints.TRADES, answers.TRADES, given)

    async def _orders(self, symbol: str, since_ms: int, until_ms: int) -> list[Told]:
        """How orders of a symbol ended since a time; their names are learned on the way."""
        told: list[Told] = []
        # Conditional ones first: they say whose the regular ones are.
        for algo in await self._algos(symbol, since_ms - WINDOW_MS, until_ms):
            if max(algo.update_time, algo.trigger_time) >= since_ms:
                told += self._sure("a conditional order", partial(of_algo_row, algo))
        given = {"symbol": symbol}
        times = (since_ms - WINDOW_MS, until_ms)
        for row in await self._pages(endpoints.ALL_ORDERS, answers.ORDER, given, times):
            self._identity.note_order(row)
            if row.update_time >= since_ms:
                name = self._identity.name_of(row.order_id) or row.client_order_id
                told += of_order_row(row, name)
        return told

    async def _algos(self, symbol: str, since_ms: int, until_ms: int) -> list[AlgoRow]:
        given, times = {"symbol": symbol}, (since_ms, until_ms)
        rows = await self._pages(endpoints.ALL_ALGOS, answers.ALGO, given, times)
        for row in rows:
            self._identity.note_algo(row)
        return rows

    async def _trades(self, symbol: str, since_ms: int, until_ms: int) -> list[Told]:
        given, times = {"symbol": symbol}, (since_ms, until_ms)
        rows = await self._pages(endpoints.TRADES, answers.TRADE, given, times)
        rows = [row for row in rows if row.time >= since_ms]
        lasts = {row.order_id: row.id for row in sorted(rows, key=lambda one: one.id)}
        told: list[Told] = []
        for row in sorted(rows, key=lambda one: one.id):
            name, is_over = await self._whose(row)
            done = is_over and lasts[row.order_id] == row.id
            try:
                told.append(of_trade_row(row, name, await self.fee_usd(row), done=done))
            except Malformed as error:
                self._skip("a trade", str(error))
        return told

    async def _whose(self, row: TradeRow) -> tuple[str, bool]:
        """The name of a trade's order, and whether that order is filled."""
        given = {"symbol": row.symbol, "orderId": str(row.order_id)}
        order = self._identity.order(row.order_id)
        if order is None or order.status not in OVER:
            order = await self._rest.ask(endpoints.FIND, answers.ORDER, given)
            self._identity.note_order(order)
        name = self._identity.name_of(row.order_id) or order.client_order_id
        return name, order.status == "FILLED"

    async def _settlements(self, rows: Iterable[IncomeRow]) -> list[Told]:
        told: list[Told] = []
        for row in rows:
            if row.income_type == FUNDING:
                try:
                    told.append(await self._settled(row))
                except Malformed as error:
                    self._skip("a payment of funding", str(error))
        return told

    async def _settled(self, row: IncomeRow) -> Told:
        """A payment of funding with the rate and the mark that made it."""
        given = {
            "symbol": row.symbol,
            "startTime": str(row.time - RATE_AROUND_MS),
            "endTime": str(row.time + RATE_AROUND_MS),
        }
        rates = await self._rest.ask(endpoints.FUNDING_RATES, answers.RATES, given)
        if not rates:
            raise InDoubt(f"the funding of {row.symbol} has no published rate yet")
        return of_income(row, min(rates, key=lambda one: _distance(one, row)))

    async def _pages(
        self,
        endpoint: Endpoint,
        decoder: msgspec.json.Decoder[Row],
        given: Params,
        times: tuple[int, int],
    ) -> list[Row]:
        """All rows of a span of time, window by window."""
        rows: list[Row] = []
        since_ms, until_ms = times
        while since_ms < until_ms:
            last_ms = min(since_ms + WINDOW_MS, until_ms)
            rows += await self._window(endpoint, decoder, given, (since_ms, last_ms))
            since_ms = last_ms + 1
        return rows

    async def _window(
        self,
        endpoint: Endpoint,
        decoder: msgspec.json.Decoder[Row],
        given: Params,
        times: tuple[int, int],
    ) -> list[Row]:
        """All rows of one window. A full page may hide others, before or behind it: look closer."""
        first_ms, last_ms = times
        window = {"startTime": str(first_ms), "endTime": str(last_ms), "limit": str(PAGE)}
        found = await self._rest.ask(endpoint, answers.ROWS, {**given, **window})
        if len(found) < PAGE or first_ms == last_ms:
            return [row for raw in found for row in self._readable(endpoint, decoder, raw)]
        middle_ms = (first_ms + last_ms) // 2
        halves = (first_ms, middle_ms), (middle_ms + 1, last_ms)
        return [
            row for half in halves for row in await self._window(endpoint, decoder, given, half)
        ]

    def _readable(
        self, endpoint: Endpoint, decoder: msgspec.json.Decoder[Row], raw: msgspec.Raw
    ) -> Iterator[Row]:
        """A row, or nothing: one that nobody can read must not hide those that can be read."""
        try:
            yield decoder.decode(raw)
        except UNREADABLE as error:
            self._skip(f"a row of {endpoint.words}", str(error))

    def _skip(self, what: str, reason: str) -> None:
        """Leave out, count, and say so: what is left out shows when accounts are compared."""
        self.skipped[what] += 1
        _log.error("left out: it cannot be read", what=what, reason=reason)

    def _sure(self, what: str, make: Callable[[], Iterable[Told]]) -> list[Told]:
        """Reports from rows whose numbers make sense; others are left out."""
        try:
            return list(make())
        except Malformed as error:
            self._skip(what, str(error))
            return []


def _distance(rate: RateRow, row: IncomeRow) -> int:
    return abs(rate.funding_time - row.time)
