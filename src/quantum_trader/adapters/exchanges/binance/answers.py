"""What the venue's private endpoints say, as structs: only the fields that are used.

Numbers come as text and become ``Decimal`` without a float in between. Text where a number is
expected, and numbers that are none, are refused. States are text: the venue may invent new ones.
"""

from decimal import Decimal
from typing import TypeVar

import msgspec

from quantum_trader.core.errors import Malformed
from quantum_trader.core.units import ZERO, OrderSide

T = TypeVar("T")
USD = "USDT"
DIGITS_MAX = 40


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Names as the venue spells them."""


class OrderRow(_Row, frozen=True, kw_only=True):
    """A regular order. ``orig_qty`` of it was asked for, ``executed_qty`` has traded."""

    order_id: int
    client_order_id: str
    symbol: str
    status: str
    side: OrderSide
    type: str
    orig_qty: Decimal
    executed_qty: Decimal
    price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    update_time: int = 0


class AlgoRow(_Row, frozen=True, kw_only=True):
    """A conditional order. ``actual_order_id`` is the regular order its trigger made, or nothing.

    ``quantity`` is missing, or nothing, of an order that closes the whole position.
    """

    algo_id: int
    client_algo_id: str
    symbol: str
    algo_status: str
    side: OrderSide
    order_type: str
    trigger_price: Decimal
    quantity: str | None = None
    actual_order_id: int | str | None = None
    actual_qty: str | None = None
    reduce_only: bool = False
    close_position: bool = False
    create_time: int = 0
    update_time: int = 0
    trigger_time: int = 0


class AlgoNamed(_Row, frozen=True, kw_only=True):
    """What a cancel of a conditional order answers with, in its shortest form."""

    algo_id: int
    client_algo_id: str


class TradeRow(_Row, frozen=True, kw_only=True):
    """One trade of ours."""

    id: int
    order_id: int
    symbol: str
    side: OrderSide
    price: Decimal
    qty: Decimal
    time: int
    maker: bool
    commission: Decimal | None = None
    commission_asset: str | None = None


class IncomeRow(_Row, frozen=True, kw_only=True):
    """One change of the wallet. ``tran_id`` is unique among rows of one type."""

    symbol: str
    income_type: str
    income: Decimal
    asset: str
    time: int
    tran_id: int | str


class RateRow(_Row, frozen=True, kw_only=True):
    """One funding settlement of a symbol. ``mark_price`` is nothing for old ones."""

    symbol: str
    funding_rate: Decimal
    funding_time: int
    mark_price: str | None = None


class AssetRow(_Row, frozen=True, kw_only=True):
    """What the wallet holds of one asset, isolated margin included, unrealised profit not."""

    asset: str
    wallet_balance: Decimal


class AccountRow(_Row, frozen=True, kw_only=True):
    """The wallet."""

    assets: tuple[AssetRow, ...]


class PositionRow(_Row, frozen=True, kw_only=True):
    """A position; the venue leaves out symbols without a position or an order."""

    symbol: str
    position_side: str = "BOTH"
    position_amt: Decimal
    entry_price: Decimal
    mark_price: Decimal
    un_realized_profit: Decimal
    liquidation_price: Decimal = ZERO
    isolated_wallet: Decimal = ZERO


class SymbolConfigRow(_Row, frozen=True, kw_only=True):
    """Margin type and leverage of a symbol."""

    symbol: str
    margin_type: str
    leverage: int


class AccountConfigRow(_Row, frozen=True, kw_only=True):
    """The modes of the account: hedge or one-way, several assets as margin or one."""

    dual_side_position: bool
    multi_assets_margin: bool
    can_trade: bool = True


class LeverageRow(_Row, frozen=True, kw_only=True):
    """The leverage that a symbol is at now."""

    symbol: str
    leverage: int


class MarkRow(_Row, frozen=True, kw_only=True):
    """The mark price of a symbol, and the market's time there."""

    symbol: str
    mark_price: Decimal
    time: int


class PriceRow(_Row, frozen=True, kw_only=True):
    """The last price of a symbol."""

    symbol: str
    price: Decimal


class ListenKeyRow(_Row, frozen=True, kw_only=True):
    """What opens the user stream: as good as a key for reading, so it is shown to nobody."""

    listen_key: str


class LimitRow(_Row, frozen=True, kw_only=True):
    """One of the venue's limits."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class LimitsRow(_Row, frozen=True, kw_only=True):
    """The limits in ``exchangeInfo``."""

    rate_limits: tuple[LimitRow, ...] = ()


def _of(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind, strict=False)


ORDER = _of(OrderRow)
ORDERS = _of(list[OrderRow])
ALGO = _of(AlgoRow)
ALGOS = _of(list[AlgoRow])
ALGO_NAMED = _of(AlgoNamed)
TRADES = _of(list[TradeRow])
TRADE = _of(TradeRow)
INCOME_ROW = _of(IncomeRow)
ROWS = _of(list[msgspec.Raw])
RATES = _of(list[RateRow])
ACCOUNT = _of(AccountRow)
POSITIONS = _of(list[PositionRow])
SYMBOL_CONFIG = _of(list[SymbolConfigRow])
ACCOUNT_CONFIG = _of(AccountConfigRow)
LEVERAGE = _of(LeverageRow)
MARK = _of(MarkRow)
PRICE = _of(PriceRow)
LISTEN_KEY = _of(ListenKeyRow)
LIMITS = _of(LimitsRow)


def amount(field: str, value: Decimal | str | None) -> Decimal:
    """A finite number of a bearable length; nothing counts as zero. Raises ``Malformed``."""
    if value is None or value == "":
        return ZERO
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise Malformed(field, value, "a number") from None
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        raise Malformed(field, value, "a number")
    return number


def positive(field: str, value: Decimal | str | None) -> Decimal:
    """A number above zero. Raises ``Malformed``."""
    number = amount(field, value)
    if number <= ZERO:
        raise Malformed(field, value, "a number above zero")
    return number


def order_id_of(value: int | str | None) -> int | None:
    """The regular order a conditional one became; None while it is none. Raises ``Malformed``."""
    if value in (None, "", 0, "0"):
        return None
    if not str(value).isdecimal():
        raise Malformed("actualOrderId", value, "a number")
    return int(str(value))
