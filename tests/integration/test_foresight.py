"""Bars that wait to be read change nothing: not one entry of any stream, and no moment's equity."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from quantum_trader.app.foresight import Foresight
from quantum_trader.app.rig import WAITING_MAX, Rig
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import CandleClosed, Fact, FundingRatePublished, MarketFact
from quantum_trader.core.signals import EmaCross, Trend
from quantum_trader.core.state import state_hash
from quantum_trader.ports import Entry
from quantum_trader.services.batch import Received
from quantum_trader.services.fold import Fold
from quantum_trader.services.signals import SignalsState
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.services.wire import read
from tests.support import MINUTE_MS, NOON_MS, a_candle, an_intent, some_rules

MOMENTS = 700
SYMBOLS = ("BTCUSDT", "ETHUSDT")


class _Life:
    """A seeded market with proposals of its own models and of others, and all that came of it."""

    def __init__(self, seed: int, waiting_max: int) -> None:
        self._random = Random(seed)
        self._symbols = SYMBOLS[: 1 + seed % 2]
        models = (EmaCross(fast_bars=8, slow_bars=20 + seed), Trend())
        rules = some_rules(cooldown_close_ms=0, cooldown_open_ms=0)
        self.said: list[tuple[str, list[str]]] = []
        self.rig = Rig(rules, models, self._sink, waiting_max=waiting_max)
        self.moments: list[tuple[int, Decimal, Decimal, int]] = []

    async def live(self) -> None:
        rig, prices, at_ms = self.rig, dict.fromkeys(self._symbols, 3_000.0), NOON_MS
        await rig.start(at_ms)
        for number in range(MOMENTS):
            at_ms += MINUTE_MS * self._random.choices((1, 3), (400, 1))[0]
            facts: list[MarketFact] = [self._bar(one, prices, at_ms) for one in self._symbols]
            if number % 97 == 0:
                facts.insert(0, _funding(self._symbols[0], at_ms))
            await rig.show(facts)
            await self._meddle(number, at_ms)
            state = rig.trader.state
            row = (at_ms, state.equity_usd, rig.venue.equity_usd(), len(state.positions))
            self.moments.append(row)
        await rig.catch_up()

    async def written(self) -> dict[str, list[Entry]]:
        bus = self.rig.bus
        return {key: await bus.span(key, "-", "+", 10**6) for key in await bus.streams()}

    def _bar(self, symbol: str, prices: dict[str, float], at_ms: int) -> CandleClosed:
        path = [prices[symbol]]
        for _ in range(4):
            path.append(path[-1] * (1 + self._random.gauss(0, 0.0008)))
        prices[symbol] = path[-1]
        return a_candle(path[-1], at_ms, symbol, open=path[0], high=max(path), low=min(path))

    async def _meddle(self, number: int, at_ms: int) -> None:
        if number % 61 == 60:
            side = self._random.choice(("LONG", "SHORT", "FLAT"))
            intent = an_intent(side, at_ms=at_ms, symbol=self._symbols[0], signal_id=f"n{number}")
            await self.rig.propose(intent)
        if number % 173 == 172:
            await self.rig.wait_until(at_ms + 1_000)

    def _sink(self, cause: Fact, said: Sequence[Fact]) -> None:
        self.said.append((cause.id, [fact.id for fact in said]))


def _funding(symbol: str, at_ms: int) -> FundingRatePublished:
    return FundingRatePublished(
        id=f"{symbol}:funding:{at_ms}",
        at_ms=at_ms,
        symbol=symbol,
        source="recorded",
        rate_frac=Decimal("0.0001"),
    )


def _counted(read: Any, waiting_max: int, reads: Counter[int]) -> Any:
    def counted(*args: Any, **kwargs: Any) -> Any:
        reads[waiting_max] += 1
        return read(*args, **kwargs)

    return counted


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_what_waits_is_written_and_decided_as_if_it_had_not(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives, reads = {}, Counter[int]()
    for waiting_max in (0, WAITING_MAX):
        life = lives[waiting_max] = _Life(seed, waiting_max)
        monkeypatch.setattr(life.rig.bus, "read", _counted(life.rig.bus.read, waiting_max, reads))
        await life.live()
    at_once, later = lives[0], lives[WAITING_MAX]
    assert len({held for *_, held in later.moments}) > 1, "it was flat, and it was not"
    assert later.moments == at_once.moments
    assert later.said == at_once.said
    assert await later.written() == await at_once.written()
    assert state_hash(later.rig.trader.state) == state_hash(at_once.rig.trader.state)
    assert reads[WAITING_MAX] < reads[0] / 2


async def test_what_is_read_must_be_what_was_asked() -> None:
    fold = Fold(lambda state, fact: [fact], SignalsState, snapshots_of(SignalsState), read)
    foresight = Foresight(fold)
    first, other = a_candle(100.0, NOON_MS), a_candle(101.0, NOON_MS)
    assert foresight.ask(first) == [first]
    with pytest.raises(BrokenInvariant, match="was read where"):
        await fold.handle([Received(Entry("", "0-1", None, 1), other)])
