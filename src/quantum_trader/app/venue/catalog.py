"""What may be traded, as the venue lists it: exchangeInfo rows, brackets, and their instruments.

The rows are the venue's own, from files, or made of our default instruments; every change goes to
the row first and is read from there, so that what is shown is what is enforced.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantum_trader.adapters.market.instrument_files import content
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError, Malformed
from quantum_trader.core.instrument import (
    Instrument,
    combine,
    parse_brackets,
    parse_exchange_info,
)
from quantum_trader.core.matching.sides import legs_of

Row = dict[str, Any]

RATE_LIMITS: tuple[Row, ...] = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
)
ORDER_TYPES = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)
FORCES = ("GTC", "IOC", "FOK", "GTX", "GTD")
ONBOARD_MS = 1_569_398_400_000
DELIVERY_MS = 4_133_404_800_000


class Digits(msgspec.Struct, frozen=True):
    """How many decimals the venue writes prices and quantities with."""

    price: int
    qty: int

    def price_text(self, value: Decimal) -> str:
        """A price as text; zero and averages are written like every other price."""
        return f"{value:.{self.price}f}"

    def qty_text(self, value: Decimal) -> str:
        """A quantity as text."""
        return f"{value:.{self.qty}f}"


class Catalog:
    """The symbols of one venue."""

    def __init__(self, symbols: Iterable[Row], brackets: Iterable[Row]) -> None:
        """Raises ``ConfigError`` where a symbol has no brackets, ``Malformed`` for bad rows."""
        self.rows: dict[str, Row] = {}
        self.brackets: dict[str, Row] = {row["symbol"]: row for row in brackets}
        self.instruments: dict[str, Instrument] = {}
        """By symbol and by leg (see ``core/matching/sides.py``): what the desks trade."""
        self.digits: dict[str, Digits] = {}
        for row in symbols:
            self.put(row)

    def put(self, row: Row) -> None:
        """List a symbol, or list it anew. Raises ``ConfigError`` or ``Malformed``."""
        symbol = row["symbol"]
        tiers = parse_brackets(msgspec.json.encode(self.brackets.get(symbol, [])))
        filters = parse_exchange_info(msgspec.json.encode({"symbols": [row]}))
        known, _ = combine(filters, tiers)
        if symbol not in known:
            raise ConfigError(f"{symbol}: no USDT perpetual with brackets")
        self.rows[symbol] = row
        self.digits[symbol] = Digits(row["pricePrecision"], row["quantityPrecision"])
        for leg in legs_of(symbol):
            self.instruments[leg] = known[symbol]

    def info(self, now_ms: int) -> Row:
        """The answer of exchangeInfo."""
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": RATE_LIMITS,
            "exchangeFilters": [],
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": list(self.rows.values()),
        }


def open_catalog(symbols: Collection[str], info: Path | None, brackets: Path | None) -> Catalog:
    """The symbols wanted, from files where there are some. Raises ``ConfigError``."""
    defaults = {name: _row(one) for name, one in DEFAULT_INSTRUMENTS.items()}
    listed = defaults if info is None else defaults | _read_info(info)
    tiers = {name: _bracket_row(one) for name, one in DEFAULT_INSTRUMENTS.items()}
    if brackets is not None:
        tiers |= {row["symbol"]: row for row in _read(brackets)}
    missing = [one for one in symbols if one not in listed or one not in tiers]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)}: not listed. Known without files: "
            f"{', '.join(DEFAULT_INSTRUMENTS)}; others need --instruments and --brackets"
        )
    try:
        return Catalog([listed[one] for one in symbols], [tiers[one] for one in symbols])
    except Malformed as error:
        raise ConfigError(str(error)) from error


def _read_info(path: Path) -> dict[str, Row]:
    return {row["symbol"]: row for row in _read(path)["symbols"]}


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(content(path))
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error


def _row(one: Instrument) -> Row:
    base = one.symbol.removesuffix("USDT")
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": ONBOARD_MS,
        "status": one.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": _decimals(one.tick),
        "quantityPrecision": _decimals(one.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": f"{one.trigger_protect_frac:.4f}",
        "liquidationFee": f"{one.liquidation_fee_frac:.6f}",
        "marketTakeBound": f"{one.trigger_protect_frac:.2f}",
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(one),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(FORCES),
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(one: Instrument) -> list[Row]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{one.price_min:f}",
            "maxPrice": f"{one.price_max:f}",
            "tickSize": f"{one.tick:f}",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": f"{one.qty_min:f}",
            "maxQty": f"{one.qty_max:f}",
            "stepSize": f"{one.step:f}",
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": f"{one.market_qty_min:f}",
            "maxQty": f"{one.market_qty_max:f}",
            "stepSize": f"{one.market_step:f}",
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": f"{one.notional_min_usd:f}"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{one.price_up_frac:.4f}",
            "multiplierDown": f"{one.price_down_frac:.4f}",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _bracket_row(one: Instrument) -> Row:
    return {
        "symbol": one.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": number,
                "initialLeverage": tier.leverage_max,
                "notionalCap": int(tier.cap_usd),
                "notionalFloor": int(tier.floor_usd),
                "maintMarginRatio": float(tier.maint_frac),
                "cum": float(tier.cum_usd),
            }
            for number, tier in enumerate(one.tiers, 1)
        ],
    }


def _decimals(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))
