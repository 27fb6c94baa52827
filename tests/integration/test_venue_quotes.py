"""Prices of three venues through ccxt.pro, from venues here that behave and misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.contracts import BINANCE, BYBIT, OKX, VENUES, contract_at
from quantum_trader.adapters.market.venue_quotes import UNREADABLE, VenueQuotes, quote_of
from quantum_trader.core.errors import Malformed, Unreachable
from quantum_trader.core.events import VenueQuoted
from tests.fake_venues import HANG_UP, FakeVenues, open_venues, quote_frame

NOW_MS = 1_735_732_800_000

pytestmark = pytest.mark.slow


def all_three() -> FakeVenues:
    """Every venue quotes one price, a little apart."""
    found = FakeVenues()
    found.scripts = {
        BINANCE: [[quote_frame(BINANCE, "BTCUSDT", NOW_MS, "99", "101")]],
        BYBIT: [[quote_frame(BYBIT, "BTCUSDT", NOW_MS, "98", "100")]],
        OKX: [[quote_frame(OKX, "BTC-USDT-SWAP", NOW_MS, "97", "99")]],
    }
    return found


@asynccontextmanager
async def listening(
    venues: FakeVenues, *symbols: str, silence_s: float = 5.0
) -> AsyncIterator[VenueQuotes]:
    """A source on these venues."""
    async with open_venues(venues) as places:
        source = VenueQuotes(symbols, VENUES, ManualClock(NOW_MS + 7), places, silence_s)
        try:
            yield source
        finally:
            await source.close()


async def take(source: VenueQuotes, wanted: int) -> list[VenueQuoted]:
    """The next quotes."""
    found: list[VenueQuoted] = []
    async with asyncio.timeout(20):
        async for quote in source.quotes():
            found.append(quote)
            if len(found) == wanted:
                break
    return found


async def test_three_venues_are_heard_each_by_its_own_stream_and_stamped_twice() -> None:
    venues = all_three()
    async with listening(venues, "BTCUSDT") as source:
        await source.open(10)
        quotes = {quote.source: quote for quote in await take(source, 3)}
    assert {venue: (quote.bid, quote.ask) for venue, quote in quotes.items()} == {
        BINANCE: (99.0, 101.0),
        BYBIT: (98.0, 100.0),
        OKX: (97.0, 99.0),
    }
    assert {(quote.at_ms, quote.received_ms) for quote in quotes.values()} == {(NOW_MS, NOW_MS + 7)}
    asked = {venue: (path, text) for venue, path, text in venues.subscribed}
    assert "btcusdt@bookTicker" in asked[BINANCE][1]
    assert "orderbook.1.BTCUSDT" in asked[BYBIT][1]
    assert asked[OKX][0].endswith("/public")
    assert json.loads(asked[OKX][1])["args"] == [{"channel": "bbo-tbt", "instId": "BTC-USDT-SWAP"}]


async def test_packed_coins_are_told_in_our_units() -> None:
    venues = FakeVenues()
    venues.scripts = {
        BINANCE: [[quote_frame(BINANCE, "1000SHIBUSDT", NOW_MS, "0.012", "0.0121")]],
        BYBIT: [[quote_frame(BYBIT, "SHIB1000USDT", NOW_MS, "0.012", "0.0121")]],
        OKX: [[quote_frame(OKX, "SHIB-USDT-SWAP", NOW_MS, "0.000012", "0.0000121")]],
    }
    async with listening(venues, "1000SHIBUSDT") as source:
        await source.open(10)
        quotes = {quote.source: quote for quote in await take(source, 3)}
    assert {quote.symbol for quote in quotes.values()} == {"1000SHIBUSDT"}
    for quote in quotes.values():
        assert quote.bid == pytest.approx(0.012)
        assert quote.ask == pytest.approx(0.0121)
    # Two contracts of a million coins are 2,000 packs of a thousand; two packs are two packs, and
    # Bybit counts its quantities in packs too.
    assert quotes[OKX].bid_qty == pytest.approx(2_000.0)
    assert quotes[BINANCE].bid_qty == quotes[BYBIT].bid_qty == pytest.approx(2.0)


async def test_a_venue_that_hangs_up_is_asked_again_and_the_others_do_not_wait() -> None:
    venues = all_three()
    first = quote_frame(OKX, "BTC-USDT-SWAP", NOW_MS, "97", "99")
    again = quote_frame(OKX, "BTC-USDT-SWAP", NOW_MS + 1, "96", "98")
    venues.scripts[OKX] = [[first, HANG_UP], [again]]
    async with listening(venues, "BTCUSDT") as source:
        await source.open(10)
        quotes = await take(source, 4)
        assert source.faults["okx: connection lost"] >= 1
    assert [quote.bid for quote in quotes if quote.source == OKX] == [97.0, 96.0]
    assert venues.connections == {BINANCE: 1, BYBIT: 1, OKX: 2}


@pytest.mark.parametrize(
    ("venue", "frame"),
    [
        (BYBIT, "{ this is not JSON }"),
        (BYBIT, '{"topic":"orderbook.1.BTCUSDT","data":5}'),
        (BINANCE, '{"stream":"x@bookTicker","data":{"e":"bookTicker","s":null}}'),
        (
            OKX,
            '{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT-SWAP"},"data":[{"asks":7,"bids":7}]}',
        ),
        (BINANCE, quote_frame(BINANCE, "BTCUSDT", NOW_MS, "NaN", "101")),
        (BINANCE, quote_frame(BINANCE, "BTCUSDT", NOW_MS, "102", "101")),
        (BYBIT, quote_frame(BYBIT, "BTCUSDT", NOW_MS, "0", "101")),
    ],
)
async def test_a_frame_that_cannot_be_read_is_counted_by_venue_and_the_next_one_is_told(
    venue: str, frame: str
) -> None:
    venues = all_three()
    (good,) = venues.scripts[venue][0]
    venues.scripts[venue] = [[frame, good]]
    async with listening(venues, "BTCUSDT") as source:
        await source.open(10)
        quotes = await take(source, 3)
        assert source.faults == {f"{venue}: {UNREADABLE}": 1}
    assert {quote.source for quote in quotes} == set(VENUES)


async def test_a_silent_venue_is_named_when_nobody_else_spoke_and_asked_again_when_they_did() -> (
    None
):
    venues = all_three()
    del venues.scripts[OKX], venues.scripts[BYBIT]
    async with listening(venues, "BTCUSDT") as source:
        with pytest.raises(Unreachable, match="bybit, okx"):
            await source.open(1.5)
    venues = all_three()
    del venues.scripts[OKX]
    async with listening(venues, "BTCUSDT", silence_s=0.3) as source:
        await source.open(10)
        for _ in range(1_000):
            if venues.connections[OKX] >= 2:
                break
            await asyncio.sleep(0.02)
        assert venues.connections[OKX] >= 2
        assert source.faults["okx: connection lost"] >= 1


async def test_a_symbol_nobody_knows_elsewhere_is_not_guessed() -> None:
    venues = FakeVenues()
    async with listening(venues, "1000NEWUSDT") as source:
        with pytest.raises(Unreachable):
            await source.open(0.5)
    assert venues.connections[BYBIT] == venues.connections[OKX] == 0


class Broken:
    """A clock that was made wrong."""

    def now_ms(self) -> int:
        raise AssertionError("a bug of ours")

    async def sleep_until(self, _at_ms: int) -> None:
        raise AssertionError


async def test_a_bug_in_a_watcher_is_not_swallowed() -> None:
    venues = all_three()
    frames = [
        quote_frame(BINANCE, "BTCUSDT", NOW_MS + number, "99", "101") for number in range(300)
    ]
    venues.scripts[BINANCE] = [frames]
    async with listening(venues, "BTCUSDT") as source:
        await source.open(10)
        source._clock = Broken()
        with pytest.raises(AssertionError, match="a bug of ours"):
            await take(source, 1_000)
        source._watchers.clear()


numbers = st.one_of(
    st.none(),
    st.floats(),
    st.text(max_size=5),
    st.integers(),
    st.floats(0.1, 1e6).map(str),
    st.lists(st.integers(), max_size=2),
)


@given(
    st.dictionaries(st.sampled_from(["bid", "ask", "bidVolume", "askVolume", "timestamp"]), numbers)
)
def test_whatever_a_library_hands_over_is_a_quote_or_malformed(ticker: dict[str, object]) -> None:
    contract = contract_at(OKX, "1000SHIBUSDT")
    assert contract is not None
    try:
        quote = quote_of(contract, ticker, NOW_MS)
    except Malformed:
        return
    assert 0 < quote.bid < quote.ask
    assert quote.bid_qty is None or quote.bid_qty >= 0
    assert quote.at_ms > 0
