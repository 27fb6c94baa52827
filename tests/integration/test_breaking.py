"""A venue behind breakers: what is refused at our door, and what never is."""

from collections.abc import Callable

import pytest

from quantum_trader.adapters.exchanges.breaking import FOR_ENTRIES, BreakingExchange
from quantum_trader.core.breaker import BreakerSettings
from quantum_trader.core.errors import ExchangeError, InDoubt, Locked, Unreachable
from quantum_trader.core.venue import Accepted, Rejected
from tests.contracts.test_exchange import BUY, STOP, order
from tests.fake_exchange import FakeExchange

SETTINGS = BreakerSettings(failures_max=3, open_ms=1_000)
CLOSE = order("out", "SELL", "MARKET", reduce_only=True)


class Desk:
    """A venue that fails when it is told to, behind its breakers."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.venue = FakeExchange(lambda: 0)
        self.door = BreakingExchange(self.venue, lambda: self.now_ms, SETTINGS)

    async def fail(self, call: str, how: str = "lost", times: int = 3) -> None:
        """Let the venue fail, and find that out."""
        self.venue.knobs.fail(call, *[how] * times)
        if call == "cancel" and how == "lost":
            self.venue.knobs.failures[call] = ["unreachable"] * times
        calls: dict[str, Callable[[], object]] = {
            "place": lambda: self.door.place(CLOSE),
            "configure": lambda: self.door.configure("BTCUSDT", 5),
            "cancel": lambda: self.door.cancel("BTCUSDT", "x"),
            "find": lambda: self.door.find("BTCUSDT", "x"),
            "updates": lambda: self.door.updates(0, 0),
        }
        for _ in range(times):
            with pytest.raises(ExchangeError):
                await calls[call]()  # type: ignore[misc]


@pytest.mark.parametrize("call", ["place", "configure", "cancel", "find", "updates"])
@pytest.mark.parametrize("how", ["lost", "unreachable", "locked"])
async def test_whatever_the_venue_fails_at_entries_wait_and_exits_go_on(
    call: str, how: str
) -> None:
    desk = Desk()
    await desk.fail(call, how)
    assert len(desk.door.troubles()) == 1
    before = len(desk.venue.calls)
    with pytest.raises(Unreachable, match=r"breaker for .* is open: 3 failures in a row"):
        await desk.door.place(BUY)
    with pytest.raises(Unreachable):
        await desk.door.configure("BTCUSDT", 5)
    assert len(desk.venue.calls) == before, "nothing was sent"
    assert isinstance(await desk.door.place(CLOSE), Accepted)
    assert isinstance(await desk.door.place(STOP), Accepted)
    assert isinstance(await desk.door.cancel("BTCUSDT", "stop"), Accepted)
    assert await desk.door.find("BTCUSDT", "out") is not None


async def test_two_failures_are_bad_luck() -> None:
    desk = Desk()
    await desk.fail("place", times=2)
    assert isinstance(await desk.door.place(BUY), Accepted)


async def test_an_exit_that_succeeds_lets_entries_in_before_the_time_is_over() -> None:
    desk = Desk()
    await desk.fail("place")
    with pytest.raises(Unreachable):
        await desk.door.place(BUY)
    await desk.door.place(CLOSE)
    assert isinstance(await desk.door.place(BUY), Accepted)
    assert desk.door.troubles() == {}


async def test_when_the_time_is_over_an_entry_tries_and_its_failure_counts() -> None:
    desk = Desk()
    await desk.fail("configure")
    desk.now_ms = 1_000
    desk.venue.knobs.fail("configure", "lost")
    with pytest.raises(InDoubt):
        await desk.door.configure("BTCUSDT", 5)
    desk.now_ms = 2_999
    with pytest.raises(Unreachable):
        await desk.door.configure("BTCUSDT", 5)
    desk.now_ms = 3_000
    assert await desk.door.configure("BTCUSDT", 5) is None
    assert isinstance(await desk.door.place(BUY), Accepted)


async def test_a_venue_that_says_it_is_overloaded_has_failed_and_one_that_refuses_has_not() -> None:
    desk = Desk()
    desk.venue.refuse["out"] = -2022
    for _ in range(9):
        assert isinstance(await desk.door.place(CLOSE), Rejected)
    assert isinstance(await desk.door.place(BUY), Accepted)
    desk.venue.refuse["out"] = -1015
    for _ in range(3):
        assert isinstance(await desk.door.place(CLOSE), Rejected)
    assert set(desk.door.troubles()) == {"place"}


async def test_a_key_that_is_refused_is_still_told_as_that() -> None:
    desk = Desk()
    desk.venue.knobs.fail("place", "locked")
    with pytest.raises(Locked):
        await desk.door.place(BUY)


def test_an_entry_needs_all_that_a_venue_can_do() -> None:
    assert set(FOR_ENTRIES) == {"place", "configure", "cancel", "ask", "reports"}
