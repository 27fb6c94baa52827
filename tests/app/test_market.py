"""Which market a system gets, and how recorded and simulated ones keep their promises."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.binance import Venue
from quantum_trader.adapters.market.continued import ContinuedMarket
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.adapters.market.synthetic import SyntheticMarket
from quantum_trader.app.config import Config, load
from quantum_trader.app.instance import InstanceLock, owner_of, settle_owner
from quantum_trader.app.market import SPEED_MAX, Wanted, choose
from quantum_trader.app.parts import rules_on
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import CandleClosed, MarketFact, MarkPriced
from tests.fake_market import FakeMarket, bar_row, serving
from tests.loops import tell
from tests.support import MINUTE_MS, NOON_MS, a_candle

NOWHERE = Venue(rest="http://127.0.0.1:9", streams="ws://127.0.0.1:9")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Settings with a folder of their own."""
    return load(typed={"data_dir": tmp_path, "symbols": ("BTCUSDT",)})


async def test_without_real_prices_the_market_is_simulated_and_says_so(config: Config) -> None:
    market = await choose(Wanted(), config, MemoryBus(), NOWHERE)
    assert (market.label, market.account, market.real) == ("SIMULATED", "paper-SIMULATED", False)
    assert "no real prices" in market.note
    assert {fact.source for fact in market.data.history()} == {"SIMULATED"}


async def test_real_prices_are_taken_where_they_can_be_had(config: Config) -> None:
    venue = FakeMarket(NOON_MS)
    venue.rows["BTCUSDT"] = [bar_row(NOON_MS - n * MINUTE_MS) for n in (3, 2, 1)]
    async with serving(venue) as there:
        market = await choose(Wanted(), config, MemoryBus(), there)
    assert (market.label, market.account, market.real) == ("binance", "paper", True)
    assert len(market.data.history()) == 3


async def test_whoever_insists_on_real_prices_gets_no_others(config: Config) -> None:
    with pytest.raises(ConfigError, match="--market binance"):
        await choose(Wanted(choice="binance"), config, MemoryBus(), NOWHERE)


async def test_real_positions_never_meet_simulated_prices(config: Config) -> None:
    settle_owner(config.home, "paper")
    with pytest.raises(ConfigError, match="no other prices will do"):
        await choose(Wanted(), config, MemoryBus(), NOWHERE)


async def test_a_simulated_account_goes_on_simulated_though_real_prices_are_there(
    config: Config,
) -> None:
    settle_owner(config.home, "paper-SIMULATED")
    venue = FakeMarket(NOON_MS)
    async with serving(venue) as there:
        market = await choose(Wanted(), config, MemoryBus(), there)
    assert market.label == "SIMULATED"
    assert venue.fetched == []


def test_a_folder_belongs_to_its_first_account(tmp_path: Path) -> None:
    assert owner_of(tmp_path) is None
    settle_owner(tmp_path, "paper")
    settle_owner(tmp_path, "paper")
    with pytest.raises(ConfigError, match="belong to another market"):
        settle_owner(tmp_path, "paper-SIMULATED")


def test_a_folder_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    first, second = InstanceLock(tmp_path), InstanceLock(tmp_path)
    first.take()
    with pytest.raises(ConfigError, match="belongs to the running process"):
        second.take()
    first.release()
    second.take()
    second.release()


async def test_a_market_of_second_bars_gets_limits_that_suit_it_where_none_were_set(
    tmp_path: Path,
) -> None:
    typed = {"data_dir": tmp_path, "limits": {"cooldown_open_ms": 123}}
    config = load(typed=typed)
    market = await choose(Wanted(choice="synthetic"), config, MemoryBus())
    rules = rules_on(market, config)
    assert rules.account == "paper-SIMULATED"
    assert rules.limits.cooldown_open_ms == 123
    assert rules.limits.intent_age_ms_max == market.limits["intent_age_ms_max"]
    assert config.rules(DEFAULT_INSTRUMENTS).account == "paper"


@pytest.mark.parametrize("speed", [0.0, -1.0, SPEED_MAX + 1, float("nan")])
async def test_a_speed_at_which_orders_could_not_keep_up_is_refused(
    config: Config, speed: float, tmp_path: Path
) -> None:
    wanted = Wanted(recording=tmp_path, speed=speed)
    with pytest.raises(ConfigError, match="speed"):
        await choose(wanted, config, MemoryBus())


class Tape:
    """A source that has everything ready."""

    label = "recorded"

    def __init__(self, past: Sequence[MarketFact], coming: Sequence[MarketFact]) -> None:
        self._past = past
        self._coming = coming

    def history(self) -> Sequence[MarketFact]:
        return self._past

    async def facts(self) -> AsyncIterator[MarketFact]:
        for fact in self._coming:
            yield fact


async def test_the_time_of_a_recording_is_the_time_of_its_facts() -> None:
    clock = ManualClock()
    bars = [a_candle(100.0, NOON_MS + n * MINUTE_MS) for n in range(4)]
    market = TimedMarket(Tape(bars[:2], bars[2:]), clock)
    assert clock.now_ms() == bars[1].at_ms
    assert list(market.history()) == bars[:2]
    times = [(fact.at_ms, clock.now_ms()) async for fact in market.facts()]
    assert times == [(bar.at_ms, bar.at_ms) for bar in bars[2:]]


async def test_a_simulated_market_goes_on_where_its_last_bar_closed() -> None:
    clock = ManualClock(NOON_MS)
    walk = list(SyntheticMarket(["BTCUSDT"], 1, clock).history())
    stopped = walk[-20]
    assert isinstance(stopped, CandleClosed)
    last = msgspec.structs.replace(stopped, close=stopped.close * 3)
    again = ContinuedMarket(SyntheticMarket(["BTCUSDT"], 1, clock), {"BTCUSDT": last})
    later = [fact for fact in again.history() if fact.at_ms > last.at_ms]
    assert isinstance(later[0], CandleClosed)
    assert later[0].open == pytest.approx(last.close)
    facts = again.facts()
    clock.move_to(NOON_MS + 1_000)
    bar, mark = await anext(facts), await anext(facts)
    assert isinstance(bar, CandleClosed)
    assert isinstance(mark, MarkPriced)
    assert isinstance(later[-1], CandleClosed)
    assert bar.open == pytest.approx(later[-1].close)
    assert mark.mark == bar.close


async def test_after_a_long_rest_a_simulated_market_begins_at_its_last_price() -> None:
    clock = ManualClock(NOON_MS)
    old = a_candle(12_345.0, NOON_MS - 10**9)
    market = ContinuedMarket(SyntheticMarket(["BTCUSDT"], 1, clock), {"BTCUSDT": old})
    first = market.history()[0]
    assert isinstance(first, CandleClosed)
    assert first.open == pytest.approx(12_345.0)


async def test_the_newest_told_bars_are_where_a_simulated_market_goes_on(config: Config) -> None:
    bus = MemoryBus()
    await tell(bus, a_candle(50.0, NOON_MS - MINUTE_MS), a_candle(77.0, NOON_MS))
    market = await choose(Wanted(choice="synthetic"), config, bus)
    first = market.data.history()[0]
    assert isinstance(first, CandleClosed)
    assert first.open == pytest.approx(77.0)


async def test_pauses_grow_are_drawn_by_lot_and_begin_anew_after_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    backoff = Backoff(1.0, 8.0)
    for _ in range(200):
        await backoff.pause()
    assert max(slept) <= 8.0
    assert max(slept[:1]) <= 1.0
    assert min(slept[5:]) < 1.0
    assert max(slept[5:]) > 7.0
    backoff.reset()
    await backoff.pause()
    assert slept[-1] <= 1.0
