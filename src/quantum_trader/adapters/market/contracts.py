"""What our contracts are called at other venues, and in which units those count.

A symbol is what Binance calls a USDT-margined linear perpetual. Its cheap coins come in packs of a
thousand (1000SHIBUSDT is the price of 1,000 SHIB); Bybit packs some otherwise (SHIB1000USDT,
10000SATSUSDT), OKX quotes single coins and counts in contracts of its own size. What is not in
these tables and carries a pack in its name is not guessed at: it is not compared.
"""

import re
from collections.abc import Mapping

import msgspec

BINANCE = "binance"
BYBIT = "bybit"
OKX = "okx"
VENUES = (BINANCE, BYBIT, OKX)

_QUOTE = "USDT"
_PACKED = re.compile(r"^(1M|1000+)(?=[A-Z])")

PACKS: Mapping[str, tuple[str, float]] = {
    "1000BONKUSDT": ("BONK", 1_000.0),
    "1000FLOKIUSDT": ("FLOKI", 1_000.0),
    "1000LUNCUSDT": ("LUNC", 1_000.0),
    "1000PEPEUSDT": ("PEPE", 1_000.0),
    "1000SATSUSDT": ("SATS", 1_000.0),
    "1000SHIBUSDT": ("SHIB", 1_000.0),
}
"""The coin of a packed contract, and how many of it one unit of ours is."""

BYBIT_PACKS: Mapping[str, tuple[str, float]] = {
    "BONK": ("1000BONKUSDT", 1_000.0),
    "FLOKI": ("1000FLOKIUSDT", 1_000.0),
    "LUNC": ("1000LUNCUSDT", 1_000.0),
    "PEPE": ("1000PEPEUSDT", 1_000.0),
    "SATS": ("10000SATSUSDT", 10_000.0),
    "SHIB": ("SHIB1000USDT", 1_000.0),
}
"""What Bybit calls the same coin, and how many of it one unit there is."""

OKX_CONTRACT_COINS: Mapping[str, float] = {
    "ADA": 100.0,
    "AVAX": 1.0,
    "BNB": 0.01,
    "BTC": 0.01,
    "DOGE": 1_000.0,
    "DOT": 1.0,
    "ETH": 0.1,
    "LINK": 1.0,
    "LTC": 1.0,
    "PEPE": 10_000_000.0,
    "SHIB": 1_000_000.0,
    "SOL": 1.0,
    "TRX": 1_000.0,
    "XRP": 100.0,
}
"""How many coins one OKX contract is; of others the quantity is not known."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One of our symbols at one venue.

    ``price_factor`` turns a price there into one per unit of ours, ``qty_factor`` a quantity there
    into units of ours; None where the size of a contract there is not known.
    """

    symbol: str
    venue: str
    venue_symbol: str
    price_factor: float
    qty_factor: float | None


def contract_at(venue: str, symbol: str) -> Contract | None:
    """What ``symbol`` is at ``venue``; None where nobody here knows."""
    if venue == BINANCE:
        return Contract(
            symbol=symbol, venue=venue, venue_symbol=symbol, price_factor=1.0, qty_factor=1.0
        )
    coin = _coin_of(symbol)
    if coin is None:
        return None
    name, pack = coin
    if venue == BYBIT:
        theirs, their_pack = BYBIT_PACKS.get(name, (name + _QUOTE, 1.0))
        size: float | None = their_pack
    elif venue == OKX:
        theirs, their_pack = f"{name}-{_QUOTE}-SWAP", 1.0
        size = OKX_CONTRACT_COINS.get(name)
    else:
        return None
    return Contract(
        symbol=symbol,
        venue=venue,
        venue_symbol=theirs,
        price_factor=pack / their_pack,
        qty_factor=None if size is None else size / pack,
    )


def _coin_of(symbol: str) -> tuple[str, float] | None:
    """The coin, and how many of it a unit of ours is; None for a pack that nobody noted."""
    if symbol in PACKS:
        return PACKS[symbol]
    if not symbol.endswith(_QUOTE) or symbol == _QUOTE or _PACKED.match(symbol):
        return None
    return symbol.removesuffix(_QUOTE), 1.0
