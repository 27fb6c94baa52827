"""How names are spelled in a store: one spelling each, and no two modes share any."""

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader import streams
from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.namespace import Namespace, marked_mode
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.redis_info import strays
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.mode import KEY_PREFIXES, TradingMode

NAMES = (
    *(row.key for row in streams.STREAMS.values()),
    *(make(streams.TRADER) for make in (keys.inbox, keys.epoch, keys.state, keys.lease)),
)
MODES = st.sampled_from(list(KEY_PREFIXES))


@given(MODES, st.sampled_from(NAMES))
def test_a_name_is_found_again_and_in_no_other_mode(mode: TradingMode, name: str) -> None:
    key = Namespace(mode).outer(name)
    assert marked_mode(key) == mode
    for other in KEY_PREFIXES:
        assert Namespace(other).inner(key) == (name if other == mode else None)


def test_the_spelling() -> None:
    spelled = {mode: Namespace(mode).outer(streams.TRADE_INTENT) for mode in KEY_PREFIXES}
    assert spelled == {
        "paper": "quantum:stream:trade.intent",
        "testnet": "quantum:testnet:stream:trade.intent",
        "live": "quantum:live:stream:trade.intent",
    }


@given(MODES, st.text().filter(lambda text: not text.startswith("quantum:")))
def test_names_of_others_stay(mode: TradingMode, name: str) -> None:
    assert Namespace(mode).outer(name) == name
    assert Namespace(mode).inner(name) == name


@pytest.mark.parametrize("mode", list(KEY_PREFIXES))
def test_a_name_that_has_a_mode_in_it_is_refused(mode: TradingMode) -> None:
    with pytest.raises(BrokenInvariant, match="has a mode in it"):
        Namespace(mode).outer("quantum:live:stream:trade.intent")


async def test_what_lies_under_the_names_of_another_mode_is_seen_and_never_read(
    bus_url: str,
) -> None:
    live = Namespace("live")
    with redis.Redis.from_url(bus_url) as client:
        client.flushall()
        client.xadd("quantum:stream:trade.intent", {"symbol": "BTCUSDT"})
        client.xadd("quantum:testnet:stream:clock", {"a": "b"})
        client.xtrim("quantum:testnet:stream:clock", 0)
        client.xadd("somebody", {"a": "b"})
    bus = RedisBus(bus_url, consumer="one", names=live)
    await bus.append(streams.CLOCK_STREAM, [{b"a": b"b"}], writer="w")
    await bus.open_group("trader", streams.TRADE_INTENT, "0")
    assert await bus.read("trader", [streams.TRADE_INTENT], count=9, block_ms=0) == []
    assert await bus.span(streams.TRADE_INTENT, "-", "+", 9) == []
    assert await bus.streams() == [streams.CLOCK_STREAM, streams.TRADE_INTENT, "somebody"]
    await bus.close()
    assert await strays(bus_url, live) == {"quantum:stream:trade.intent": 1}
    assert await strays(bus_url, Namespace("paper")) == {"quantum:live:stream:clock": 1}
