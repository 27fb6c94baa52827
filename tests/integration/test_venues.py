"""Venues compared, from quotes to the trader: told once a second, missing when nobody can tell."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.venue_quotes import VenueQuotes
from quantum_trader.app.venues import compared
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import VenueQuoted, VenuesCompared
from quantum_trader.ports import Clock, Fields
from quantum_trader.services.venues import Venues
from quantum_trader.streams import EXCHANGE_NORMALIZED, EXCHANGE_RAW
from tests.core.market.test_divergence import NOW_MS, VENUES, quoted
from tests.fake_venues import FakeVenues, open_venues
from tests.integration.test_venue_quotes import all_three
from tests.loops import told


class Quotes:
    """Has everything ready, and then nothing for ever."""

    venues = VENUES

    def __init__(self, *quotes: VenueQuoted) -> None:
        self._quotes = quotes

    async def quotes(self) -> AsyncIterator[VenueQuoted]:
        for quote in self._quotes:
            yield quote
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is held."""


async def test_once_a_second_the_newest_quotes_are_told_and_what_they_come_to() -> None:
    bus, clock = MemoryBus(), ManualClock(NOW_MS)
    fast = [quoted("binance", 100.0 + number, at_ms=NOW_MS + number) for number in range(50)]
    source = Quotes(*fast, quoted("okx", 100.0, at_ms=NOW_MS))
    running = asyncio.create_task(Venues(bus, source, "binance", clock).run())
    for now_ms in range(NOW_MS, NOW_MS + 2_001, 250):
        clock.move_to(now_ms)
        for _ in range(20):
            await asyncio.sleep(0)
    running.cancel()
    raw = await told(bus, EXCHANGE_RAW)
    bids = {fact.source: fact.bid for fact in raw if isinstance(fact, VenueQuoted)}
    assert len(raw) == 2
    assert bids["binance"] == pytest.approx(149.0 * 0.9999)
    assert bids["okx"] == pytest.approx(100.0 * 0.9999)
    facts = await told(bus, EXCHANGE_NORMALIZED)
    assert [fact.at_ms - NOW_MS for fact in facts] == [1_000, 2_000]
    assert all(isinstance(fact, VenuesCompared) and fact.fresh == 2 for fact in facts)


async def test_a_venue_that_fell_silent_drops_out_in_the_open() -> None:
    bus = MemoryBus()
    venues = Venues(bus, Quotes(), "binance", ManualClock(NOW_MS))
    venues.take(quoted("binance", 100.0))
    venues.take(quoted("okx", 99.0))
    await venues.tell(NOW_MS + 1_000)
    venues.take(quoted("binance", 100.0, at_ms=NOW_MS + 20_000))
    await venues.tell(NOW_MS + 20_000)
    one, other = await told(bus, EXCHANGE_NORMALIZED)
    assert isinstance(one, VenuesCompared)
    assert isinstance(other, VenuesCompared)
    assert one.divergence_bps == pytest.approx((100 / 99 - 1) * 10_000)
    assert (other.fresh, other.divergence_bps) == (1, None)
    out = next(seen for seen in other.venues if seen.venue == "okx")
    assert (out.fresh, out.age_ms) == (False, 20_000)


class DeafOnce(MemoryBus):
    """Loses the first append."""

    heard = 0

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        self.heard += 1
        if self.heard == 1:
            raise BusUnreachable("no answer")
        await super().append(stream, entries, writer=writer)


async def test_a_second_that_the_streams_did_not_take_is_not_told_later() -> None:
    bus = DeafOnce()
    venues = Venues(bus, Quotes(), "binance", ManualClock(NOW_MS))
    venues.take(quoted("binance", 100.0))
    await venues.tell(NOW_MS + 1_000)
    await venues.tell(NOW_MS + 2_000)
    assert await told(bus, EXCHANGE_RAW) == []
    assert [fact.at_ms for fact in await told(bus, EXCHANGE_NORMALIZED)] == [NOW_MS + 2_000]


async def test_a_source_that_ends_ends_the_service() -> None:
    class Ending(Quotes):
        async def quotes(self) -> AsyncIterator[VenueQuoted]:
            for quote in self._quotes:
                yield quote

    venues = Venues(MemoryBus(), Ending(quoted("okx", 1.0)), "binance", ManualClock(NOW_MS))
    await asyncio.wait_for(venues.run(), 5)


async def test_people_are_told_who_is_compared_and_why_nobody_is() -> None:
    async with open_venues(all_three()) as places:

        def make(symbols: Sequence[str], venues: Sequence[str], clock: Clock) -> VenueQuotes:
            return VenueQuotes(symbols, venues, clock, places)

        quotes, note = await compared(["BTCUSDT"], VENUES, make)
        assert quotes is not None
        await quotes.close()
        assert note == "compared with each other: binance, bybit, okx"
        assert await compared(["BTCUSDT"], (), make) == (
            None,
            "not compared with other venues (compared_venues is empty)",
        )


async def test_venues_that_cannot_be_reached_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantum_trader.app.venues.REACH_S", 0.3)
    async with open_venues(FakeVenues()) as places:

        def make(symbols: Sequence[str], venues: Sequence[str], clock: Clock) -> VenueQuotes:
            return VenueQuotes(symbols, venues, clock, places)

        quotes, note = await compared(["BTCUSDT"], VENUES, make)
    assert quotes is None
    assert "not a word of binance, bybit, okx" in note


async def test_without_the_library_nobody_is_compared_and_the_remedy_is_named() -> None:
    def make(symbols: Sequence[str], venues: Sequence[str], clock: Clock) -> VenueQuotes:
        raise ModuleNotFoundError(name="ccxt")

    quotes, note = await compared(["BTCUSDT"], VENUES, make)
    assert quotes is None
    assert "quantum-trader[binance]" in note
