"""Leading an account: who may send, when nobody may, and who takes over, in time moved by hand."""

import asyncio

import pytest

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.fenced import FencedExchange
from quantum_trader.app.lead import lease_findings
from quantum_trader.core.errors import BusUnreachable, Fenced, Occupied, Unreachable
from quantum_trader.core.lease import Held, Holder, LeaseRules
from quantum_trader.core.venue import Accepted
from quantum_trader.services.leadership import Leadership
from tests.contracts.test_exchange import BUY, STOP
from tests.fake_exchange import FakeExchange

RULES = LeaseRules()


class Store:
    """``ports.Leases`` by a clock that is moved by hand; silent for those it does not answer."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.deaf: set[str] = set()
        self._held: tuple[str, Holder, int, str | None] | None = None
        self._last: str | None = None

    async def hold(self, name: str, who: str, holder: Holder, ttl_ms: int) -> Held:
        """As the real one."""
        if who in self.deaf:
            raise BusUnreachable("no answer")
        now_ms = self.clock.now_ms()
        if self._held is None or self._held[2] <= now_ms:
            self._held = (who, holder, 0, self._last)
        if self._held[0] == who:
            self._held = (who, holder, now_ms + ttl_ms, self._held[3])
            self._last = who
        return Held(
            who=self._held[0],
            holder=self._held[1],
            left_ms=self._held[2] - now_ms,
            before=self._held[3],
        )

    async def look(self, name: str) -> Held | None:
        """Nobody looks here."""
        raise NotImplementedError


class House:
    """A store and instances beside each other."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_000)
        self.store = Store(self.clock)

    def instance(self, who: str) -> Leadership:
        """One that would like to lead."""
        holder = Holder(host=f"host-{who}", pid=7, since="noon")
        return Leadership(self.store, "paper", who, holder, self.clock)

    async def pass_time(self, ms: int, step_ms: int = 100) -> None:
        """Let time pass, and everybody have turns."""
        for _ in range(ms // step_ms):
            self.clock.move_to(self.clock.now_ms() + step_ms)
            for _ in range(10):
                await asyncio.sleep(0)


async def test_the_first_leads_at_once_and_again_after_a_restart() -> None:
    house = House()
    for _ in range(3):
        ann = house.instance("ann")
        await ann.take()
        assert ann.left_ms() == RULES.ttl_ms
        assert ann.refusal() is None


async def test_a_second_one_refuses_while_the_first_lives_and_says_who_it_is() -> None:
    house = House()
    ann = house.instance("ann")
    await ann.take()
    leading = asyncio.create_task(ann.run())
    bob = asyncio.create_task(house.instance("bob").take())
    await house.pass_time(5_000)
    with pytest.raises(Occupied, match=r"process 7 on host-ann since noon"):
        await bob
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading


async def test_a_dead_leader_is_followed_when_nothing_it_signed_can_be_taken_any_more() -> None:
    house = House()
    ann = house.instance("ann")
    await ann.take()
    died_ms = house.clock.now_ms()
    bob = house.instance("bob")
    taking = asyncio.create_task(bob.take())
    while not taking.done():
        await house.pass_time(100)
        if not taking.done():
            assert bob.refusal() is not None or bob.left_ms() > 0
    await taking
    waited_ms = house.clock.now_ms() - died_ms
    assert waited_ms >= RULES.ttl_ms + RULES.settle_ms
    assert waited_ms <= RULES.ttl_ms + RULES.settle_ms + 1_000
    assert ann.refusal() is not None
    assert bob.refusal() is None


async def test_nothing_is_sent_by_a_lease_that_might_end_before_the_venue_looks() -> None:
    house = House()
    ann = house.instance("ann")
    venue = FakeExchange(house.clock.now_ms)
    door = FencedExchange(venue, ann.refusal)
    with pytest.raises(Unreachable, match="few to send"):
        await door.place(BUY)
    await ann.take()
    assert isinstance(await door.place(BUY), Accepted)
    house.clock.move_to(house.clock.now_ms() + RULES.ttl_ms - RULES.left_ms_min)
    assert isinstance(await door.place(STOP), Accepted)
    house.clock.move_to(house.clock.now_ms() + 1)
    before = list(venue.calls)
    for call in (
        lambda: door.place(STOP),
        lambda: door.place(BUY),
        lambda: door.cancel("BTCUSDT", "stop"),
        lambda: door.configure("BTCUSDT", 3),
    ):
        with pytest.raises(Unreachable, match="not sent"):
            await call()
    assert venue.calls == before
    assert await door.find("BTCUSDT", "stop") is not None, "asking is always allowed"


async def test_a_leader_that_is_not_heard_stops_sending_and_goes_on_when_it_is_heard() -> None:
    house = House()
    ann = house.instance("ann")
    await ann.take()
    leading = asyncio.create_task(ann.run())
    await house.pass_time(60_000)
    assert ann.refusal() is None, "renewed"
    house.store.deaf.add("ann")
    await house.pass_time(RULES.ttl_ms)
    assert ann.refusal() is not None
    house.store.deaf.clear()
    await house.pass_time(1_000)
    assert ann.refusal() is None
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading


async def test_a_leader_that_comes_back_too_late_ends() -> None:
    house = House()
    ann = house.instance("ann")
    await ann.take()
    leading = asyncio.create_task(ann.run())
    await house.pass_time(100)
    house.store.deaf.add("ann")  # It stands still for longer than its lease.
    bob = asyncio.create_task(house.instance("bob").take())
    await house.pass_time(RULES.ttl_ms + RULES.settle_ms + 1_000)
    await bob
    assert ann.refusal() is not None, "by its own clock, without asking"
    house.store.deaf.clear()
    await house.pass_time(1_000)
    with pytest.raises(Fenced, match="host-bob"):
        await leading


def test_a_trader_that_beats_without_a_lease_is_red() -> None:
    holder = Holder(host="here", pid=1, since="noon")
    held = Held(who="a", holder=holder, left_ms=1, before=None)
    assert [one.level for one in lease_findings(None, alive=True)] == ["red"]
    assert not [*lease_findings(held, alive=True), *lease_findings(None, alive=False)]


def test_what_is_signed_before_the_end_is_refused_by_the_venue_before_another_sends() -> None:
    # Signed with left_ms_min left, taken within the receive window, by a clock that is SKEW off.
    assert RULES.left_ms_min >= 2_000 + 1_000
    assert RULES.renew_ms * 2 < RULES.ttl_ms - RULES.left_ms_min + RULES.renew_ms
