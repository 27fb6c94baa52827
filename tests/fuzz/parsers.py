"""What reads the venue's words, each as a function from bytes to what came of them.

Only the adapter's own errors may come out of them, and whatever is left out has to be counted.
"""

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec

from quantum_trader.adapters.exchanges.binance import answers
from quantum_trader.adapters.exchanges.binance import standing as standing_module
from quantum_trader.adapters.exchanges.binance.endpoints import ALL_ORDERS
from quantum_trader.adapters.exchanges.binance.events import (
    ConfigEvent,
    KeyExpiredEvent,
    Unknown,
    read_event,
)
from quantum_trader.adapters.exchanges.binance.history import History
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.reports import (
    Unfamiliar,
    of_algo_row,
    of_income,
    of_order_row,
    of_trade_row,
)
from quantum_trader.adapters.exchanges.binance.rest import _said, read
from quantum_trader.adapters.exchanges.binance.teller import Teller
from quantum_trader.adapters.exchanges.binance.wire import Answer
from quantum_trader.core.errors import InDoubt, Malformed
from quantum_trader.core.instrument import parse_brackets, parse_exchange_info
from quantum_trader.core.orders.venue_codes import explained

Came = Literal["facts", "quiet", "counted", "refused"]
"""Something to report; nothing happened that is to be reported; left out and counted; an error of
the adapter's own."""
OWN_ERRORS = (Malformed, Unfamiliar, InDoubt)
RATE = answers.RateRow(
    symbol="BTCUSDT", funding_rate=Decimal("0.0001"), funding_time=1, mark_price="60000"
)


class Silent:
    """A venue that answers every question of the parsers with the bytes at hand."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def ask(self, endpoint: Any, decoder: Any, params: object = None) -> Any:
        """The body, read."""
        return read(decoder, self.body, endpoint.words)


class Asked(History):
    """A past that has no more to tell than the event at hand."""

    async def algos(self, symbol: str) -> None:
        """Nothing was heard of."""

    async def price_usd(self, asset: str) -> Decimal:
        """Everything costs a dollar."""
        return Decimal(1)

    async def trades_of(self, symbol: str, order_id: int) -> list[answers.TradeRow]:
        """There were none."""
        return []


async def stream_event(body: bytes) -> Came:
    """One message of the user stream, as far as reports."""
    identity = Identity()
    event = read_event(body)
    if isinstance(event, Unknown):
        return "counted"
    teller = Teller(identity, Asked(Silent(b""), identity, ["BTCUSDT"]))  # type: ignore[arg-type]
    taken = await teller.take(event)
    if taken.told or taken.funding is not None:
        return "facts"
    if taken.counts or isinstance(event, ConfigEvent | KeyExpiredEvent):
        return "quiet"
    raise AssertionError(f"left out without a word: {event}")


async def history_rows(body: bytes) -> Came:
    """A list of past orders: every row is a row, or is counted."""
    history = History(Silent(body), Identity(), ["BTCUSDT"])  # type: ignore[arg-type]
    window = (0, 1)
    rows = await history._window(ALL_ORDERS, answers.ORDER, {}, window)
    given = len(msgspec.json.decode(body, type=list[msgspec.Raw]))
    left_out = sum(history.skipped.values())
    if len(rows) + left_out != given:
        raise AssertionError(f"{given} rows, {len(rows)} read, {left_out} counted")
    for row in rows:
        list(of_order_row(row, row.client_order_id))
    return "counted" if left_out else "facts"


def _rows(
    decoder: msgspec.json.Decoder[Any], use: Callable[[Any], object]
) -> Callable[[bytes], Awaitable[Came]]:
    async def target(body: bytes) -> Came:
        found = read(decoder, body, "an answer")
        for row in found if isinstance(found, list) else [found]:
            use(row)
        return "facts"

    return target


def _reports(of: Callable[[Any], Iterable[object]]) -> Callable[[Any], object]:
    return lambda row: list(of(row))


def _position(row: answers.PositionRow) -> object:
    config = answers.SymbolConfigRow(symbol=row.symbol, margin_type="ISOLATED", leverage=5)
    return standing_module._position(row, {row.symbol: config})


def _wallet(row: answers.AccountRow) -> object:
    return [answers.amount("walletBalance", one.wallet_balance) for one in row.assets]


async def error_body(body: bytes) -> Came:
    """What the venue says when it refuses."""
    code, text = _said(Answer(400, {}, body))
    if code is None:
        return "counted"  # No error of the venue's: its HTTP status decides, and nothing is lost.
    explained(code, text)
    return "facts"


async def instruments(body: bytes) -> Came:
    """exchangeInfo, as far as filters."""
    parse_exchange_info(body)
    read(answers.LIMITS, body, "the limits")
    return "facts"


async def brackets(body: bytes) -> Came:
    """leverageBracket, as far as tiers."""
    parse_brackets(body)
    return "facts"


def _resting(row: answers.OrderRow) -> object:
    silent: Any = Silent(b"")
    identity = Identity()
    history = History(silent, identity, ["BTCUSDT"])
    return standing_module.Standing(silent, history, identity)._resting(row)


def _trade(row: answers.TradeRow) -> object:
    return of_trade_row(row, "q1E", Decimal(0), done=False)


PARSERS: dict[str, Callable[[bytes], Awaitable[Came]]] = {
    "event": stream_event,
    "past orders": history_rows,
    "order": _rows(answers.ORDER, _reports(lambda row: of_order_row(row, row.client_order_id))),
    "open orders": _rows(answers.ORDERS, _resting),
    "conditional order": _rows(answers.ALGO, _reports(of_algo_row)),
    "open conditional orders": _rows(answers.ALGOS, standing_module._resting_algo),
    "trades": _rows(answers.TRADES, _trade),
    "income": _rows(answers.INCOME_ROW, lambda row: of_income(row, RATE)),
    "positions": _rows(answers.POSITIONS, _position),
    "account": _rows(answers.ACCOUNT, _wallet),
    "leverages": _rows(answers.SYMBOL_CONFIG, repr),
    "modes": _rows(answers.ACCOUNT_CONFIG, repr),
    "mark": _rows(answers.MARK, lambda row: answers.positive("markPrice", row.mark_price)),
    "error": error_body,
    "instruments": instruments,
    "brackets": brackets,
}
"""By name: what a payload of a kind is given to."""
