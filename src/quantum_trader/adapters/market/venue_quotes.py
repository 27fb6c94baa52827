"""Best bid and ask of several venues through ccxt.pro: a watcher each, and none waits for another.

Nothing is loaded from the venues: their contracts are those of ``contracts.py``, so the only
connections are the streams themselves. This module costs a second and a hundred megabytes to
import; whoever wants it loads it then (see ``app/market.py``).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import ccxt.pro
import msgspec

from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.contracts import BINANCE, BYBIT, OKX, Contract, contract_at
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.core.errors import Malformed, Unreachable
from quantum_trader.core.events import VenueQuoted
from quantum_trader.ports import Clock

SILENCE_S = 20.0
"""A venue that says nothing for so long about any symbol is asked again."""
WAITING_MAX = 4_096
UNREADABLE = "unreadable frame"
LOST = "connection lost"

_FRAME_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ccxt.BaseError,
)
"""What an untyped parser raises over a frame it did not expect."""
_WATCH_ERRORS = (*_FRAME_ERRORS, OSError, TimeoutError)


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where the streams of the venues are; None is where their makers have them."""

    binance: str | None = None
    bybit: str | None = None
    okx: str | None = None


class VenueQuotes:
    """``ports.QuoteSource``: what ``venues`` bid and ask for ``symbols``."""

    def __init__(
        self,
        symbols: Sequence[str],
        venues: Sequence[str],
        clock: Clock,
        places: Places | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.venues = tuple(venues)
        self._clock = clock
        self._silence_s = silence_s
        self._places = places or Places()
        self._faults = {venue: Faults(venue) for venue in venues}
        self._contracts = {venue: _contracts(venue, symbols) for venue in venues}
        self._heard: set[str] = set()
        self._spoke = asyncio.Event()
        self._waiting: asyncio.Queue[VenueQuoted | None] = asyncio.Queue(WAITING_MAX)
        self._watchers: list[asyncio.Task[None]] = []

    async def open(self, timeout_s: float) -> None:
        """Listen until two venues have spoken. Raises ``Unreachable`` when they do not in time."""
        self._watchers = [
            asyncio.create_task(self._watch(venue))
            for venue in self.venues
            if self._contracts[venue]
        ]
        for watcher in self._watchers:
            watcher.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(timeout_s):
                await self._spoke.wait()
        except TimeoutError as error:
            await self.close()
            silent = ", ".join(venue for venue in self.venues if venue not in self._heard)
            raise Unreachable(f"not a word of {silent} within {timeout_s:g} s") from error

    async def quotes(self) -> AsyncIterator[VenueQuoted]:
        """What is bid and asked, as it comes, for ever."""
        while True:
            quote = await self._waiting.get()
            if quote is not None:
                yield quote
                continue
            for watcher in self._watchers:
                if watcher.done():
                    watcher.result()

    @property
    def faults(self) -> Mapping[str, int]:
        """What went wrong so far, by venue and name."""
        return {
            f"{venue}: {name}": count
            for venue, faults in self._faults.items()
            for name, count in faults.counts.items()
        }

    async def close(self) -> None:
        """Let go of every connection."""
        for watcher in self._watchers:
            watcher.cancel()
        for watcher in self._watchers:
            with suppress(asyncio.CancelledError):
                await watcher
        self._watchers = []

    def _ended(self, _watcher: asyncio.Task[None]) -> None:
        """A watcher does not end by itself; whoever listens shall learn why."""
        self._put(None)

    def _put(self, quote: VenueQuoted | None) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()  # The oldest is the least worth.
        self._waiting.put_nowait(quote)

    async def _watch(self, venue: str) -> None:
        """Listen to one venue; what is lost is found again, after a pause that grows."""
        backoff = Backoff()
        contracts = {_unified(one.symbol): one for one in self._contracts[venue]}
        while True:
            client = _client(venue, list(contracts.values()), self._places, self._unreadable(venue))
            try:
                while True:
                    async with asyncio.timeout(self._silence_s):
                        told = await client.watch_bids_asks(list(contracts))
                    for name, ticker in told.items():
                        self._take(venue, contracts.get(name), ticker)
                    backoff.reset()
            except _WATCH_ERRORS as error:
                self._faults[venue].note(LOST, error or f"silent for {self._silence_s:g} s")
            finally:
                await client.close()
            await backoff.pause()

    def _take(self, venue: str, contract: Contract | None, ticker: Mapping[str, Any]) -> None:
        try:
            quote = quote_of(contract, ticker, self._clock.now_ms())
        except Malformed as error:
            self._faults[venue].note(UNREADABLE, error)
            return
        self._put(quote)
        self._heard.add(venue)
        if len(self._heard) >= 2:
            self._spoke.set()

    def _unreadable(self, venue: str) -> Callable[[object], None]:
        return lambda reason: self._faults[venue].note(UNREADABLE, reason)


def quote_of(contract: Contract | None, ticker: Mapping[str, Any], now_ms: int) -> VenueQuoted:
    """A ticker of ccxt as a quote in the units of our contract. Raises ``Malformed``."""
    if contract is None:
        raise Malformed("symbol", ticker.get("symbol"), "a contract that was asked for")
    bid, ask = _price(ticker, "bid"), _price(ticker, "ask")
    if bid >= ask:
        raise Malformed(f"quote of {contract.venue_symbol}", (bid, ask), "a bid below the ask")
    at_ms = ticker.get("timestamp")
    if at_ms is not None and (not isinstance(at_ms, int) or at_ms <= 0):
        raise Malformed("timestamp", at_ms, "epoch milliseconds")
    return VenueQuoted(
        id=f"{contract.venue}:{contract.symbol}:{now_ms if at_ms is None else at_ms}",
        at_ms=now_ms if at_ms is None else at_ms,
        symbol=contract.symbol,
        source=contract.venue,
        received_ms=now_ms,
        venue_symbol=contract.venue_symbol,
        bid=bid * contract.price_factor,
        ask=ask * contract.price_factor,
        bid_qty=_qty(ticker, "bidVolume", contract),
        ask_qty=_qty(ticker, "askVolume", contract),
    )


def _price(ticker: Mapping[str, Any], side: str) -> float:
    price = _number(ticker.get(side))
    if price is None or not 0.0 < price < inf:
        raise Malformed(side, ticker.get(side), "a price above zero")
    return price


def _qty(ticker: Mapping[str, Any], side: str, contract: Contract) -> float | None:
    qty = _number(ticker.get(side))
    if qty is None or contract.qty_factor is None or not 0.0 <= qty < inf:
        return None
    return qty * contract.qty_factor


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None


def _contracts(venue: str, symbols: Sequence[str]) -> list[Contract]:
    found = (contract_at(venue, symbol) for symbol in symbols)
    return [contract for contract in found if contract is not None]


def _unified(symbol: str) -> str:
    """Our symbol as ccxt spells one; it only has to be the same both ways."""
    return f"{symbol.removesuffix('USDT')}/USDT:USDT"


_CLASSES: Mapping[str, Any] = {
    BINANCE: ccxt.pro.binanceusdm,
    BYBIT: ccxt.pro.bybit,
    OKX: ccxt.pro.okx,
}


def _client(
    venue: str, contracts: Sequence[Contract], places: Places, unreadable: Callable[[object], None]
) -> Any:
    """A client of one venue that knows these contracts and nothing else."""

    client = _CLASSES[venue]({"enableRateLimit": False, "newUpdates": True})
    client.number = str
    connection_to = client.client

    def counting(url: str) -> Any:
        """A frame that cannot be read would end the reading without a word."""
        made = connection_to(url)
        if "handle_text_or_binary_message" not in vars(made):
            made.handle_text_or_binary_message = _guarded(made, unreadable)
        return made

    client.client = counting
    client.set_markets([_market(client, contract) for contract in contracts])
    place = getattr(places, venue)
    if place is not None:
        _move(client.urls["api"], venue, place)
    return client


def _guarded(client: Any, unreadable: Callable[[object], None]) -> Callable[[Any], None]:
    read = client.handle_text_or_binary_message

    def guarded(data: Any) -> None:
        try:
            read(data)
        except _FRAME_ERRORS as error:
            unreadable(f"{error!r} over {data!r}")

    return guarded


def _move(urls: dict[str, Any], venue: str, place: str) -> None:
    """Point the stream of a venue elsewhere, and everything else of it nowhere."""
    urls.clear()
    linear: Mapping[str, Any] = {
        BINANCE: {"linear": place},
        BYBIT: {"public": {"linear": place}},
    }
    urls["ws"] = linear.get(venue, place)


def _market(client: Any, contract: Contract) -> Any:
    base = contract.symbol.removesuffix("USDT")
    return client.safe_market_structure(
        {
            "id": contract.venue_symbol,
            "lowercaseId": contract.venue_symbol.lower(),
            "symbol": _unified(contract.symbol),
            "base": base,
            "baseId": base,
            "quote": "USDT",
            "quoteId": "USDT",
            "settle": "USDT",
            "settleId": "USDT",
            "type": "swap",
            "spot": False,
            "swap": True,
            "future": False,
            "option": False,
            "contract": True,
            "linear": True,
            "inverse": False,
            "active": True,
            "contractSize": 1,
        }
    )
