"""What people are told of the kill level when something is not as it should be."""

from decimal import Decimal

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.board import PROJECTION, Board, Held
from quantum_trader.app.cli.frame import Progress
from quantum_trader.app.cli.kill_watch import Watching
from quantum_trader.app.kill_words import not_flat, not_in_force, note_of, unreachable
from quantum_trader.app.standing import (
    AHEAD_MAX_MS,
    BARE_MAX_MS,
    Standing,
    is_at,
    is_flat,
    look,
    standing_findings,
    wait_for,
)
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.state import TraderState
from quantum_trader.ports import Commit, Latched
from quantum_trader.streams import CLOCK, TRADER
from tests.support import NOON_MS, Desk, a_candle, an_intent


def held(symbol: str, qty: str = "0.5") -> Held:
    """Something on the board."""
    return Held(
        symbol=symbol,
        side="LONG",
        qty=Decimal(qty),
        entry_price=Decimal(100),
        mark=None,
        mark_ms=None,
        unrealized_usd=None,
    )


def standing(level: KillLevel | None, *on_board: Held, alive: bool = True) -> Standing:
    """A trader as it could be found."""
    return Standing(level=level, alive=alive, held=on_board)


def test_flat_means_the_level_is_in_force_and_nothing_is_held_or_under_way() -> None:
    assert is_flat(standing("FLATTEN"))
    assert not is_flat(standing("HALT")), "a position could still be opened by what is under way"
    assert not is_flat(standing("FLATTEN", held("BTCUSDT")))
    assert not is_flat(standing("FLATTEN", held("BTCUSDT", "0")))
    assert standing("FLATTEN", held("BTCUSDT", "0")).positions == ()


def test_run_is_in_force_only_where_nothing_else_is() -> None:
    assert is_at(standing("RUN"), "RUN")
    assert not is_at(standing("HALT"), "RUN")
    assert is_at(standing("FLATTEN"), "HALT")
    assert not is_at(standing(None), "RUN")


def test_a_trader_that_lives_and_does_not_obey_is_a_problem_and_one_that_rests_is_none() -> None:
    problem = not_in_force(standing("RUN"), "HALT")
    assert problem is not None
    assert problem.code == 1
    assert "still at RUN" in problem.what
    assert not_in_force(standing("HALT"), "HALT") is None
    assert not_in_force(standing("RUN", alive=False), "HALT") is None
    assert "next start" in (note_of(standing("RUN", alive=False), "HALT", "HALT") or "")


@pytest.mark.parametrize(("alive", "why"), [(True, "not closed in time"), (False, "no trader")])
def test_what_is_still_open_is_named_with_its_size(alive: bool, why: str) -> None:
    both = (held("BTCUSDT", "-0.25"), held("ETHUSDT", "0"))
    problem = not_flat(standing("FLATTEN", *both, alive=alive))
    assert problem is not None
    assert problem.what.startswith("BTCUSDT LONG 0.25, ETHUSDT entry ")
    assert why in problem.what
    assert "stops stay at the exchange" in problem.money
    assert not_flat(standing("FLATTEN")) is None


def test_a_latched_halt_is_enough_and_a_latched_flatten_is_not() -> None:
    error = BusUnreachable("no answer.")
    note, problem = unreachable("HALT", "HALT", error)
    assert (problem, note is not None) == (None, True)
    assert unreachable("FLATTEN", "HALT", error)[1] is None
    levels: list[KillLevel] = ["HALT", "FLATTEN"]
    for latched in levels:
        note, problem = unreachable(latched, "FLATTEN", error)
        assert problem is not None
        assert f"{latched} is latched, and nothing is closed yet: no answer" in problem.what
    _, problem = unreachable(None, "HALT", error)
    assert problem is not None
    assert "Nothing was stopped" in problem.money


def test_what_closes_is_told_when_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = held("BTCUSDT"), held("ETHUSDT")
    with Progress("closing", 2, forced=True) as progress:
        watching = Watching((first, second), progress)
        for now in ((first, second), (first, second), (second,), (second,), ()):
            watching(standing("FLATTEN", *now))
        assert progress._done == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "closing:" in line]
    assert said == ["closing: BTCUSDT LONG 0.5, ETHUSDT LONG 0.5", "closing: ETHUSDT LONG 0.5"]


async def test_watching_ends_when_it_holds_when_the_trader_is_gone_and_when_time_is_over() -> None:
    looks = [standing("HALT"), standing("FLATTEN", held("BTCUSDT")), standing("FLATTEN")]

    async def look() -> Standing:
        return looks.pop(0) if len(looks) > 1 else looks[0]

    assert is_flat(await wait_for(look, is_flat, 5))
    looks[:] = [standing("HALT"), standing("HALT", alive=False)]
    assert not (await wait_for(look, is_flat, 60)).alive
    looks[:] = [standing("HALT")]
    assert (await wait_for(look, is_flat, 0)).level == "HALT"


def test_the_doctor_tells_a_level_that_holds_and_a_latch_that_is_not_obeyed() -> None:
    latch = Latched(level="FLATTEN", who="ann", why="", at_ms=NOON_MS)
    cases = [
        (standing("RUN"), None, []),
        (standing("HALT"), None, ["yellow"]),
        (standing("HALT"), latch, ["red"]),
        (standing("FLATTEN"), latch, ["yellow"]),
        (standing(None), latch, ["red"]),
        (standing("RUN", alive=False), latch, []),
    ]
    for now, held_by, colours in cases:
        assert [one.level for one in standing_findings(now, held_by)] == colours
    (holds,) = standing_findings(
        Standing(level="HALT", alive=True, held=(), why="ann: the news"), None
    )
    assert holds.what == "HALT holds, ordered by ann: the news"


def test_a_time_that_ran_ahead_is_told_and_a_little_of_it_is_not() -> None:
    def told(ahead_ms: int) -> list[str]:
        now = Standing(level="RUN", alive=True, held=(), ahead_ms=ahead_ms)
        return [one.what for one in standing_findings(now, None)]

    assert told(AHEAD_MAX_MS) == []
    assert told(3_600_000) == ["its time is 1 h 00 min ahead of the clock"]


def test_a_position_without_a_stop_is_red_once_its_time_is_over() -> None:
    def told(bare_ms: int) -> list[tuple[str, str, str]]:
        now = Standing(level="RUN", alive=True, held=(), bare={"ETHUSDT": bare_ms})
        return [(one.level, one.where, one.what) for one in standing_findings(now, None)]

    assert told(BARE_MAX_MS) == []
    what = "no confirmed stop has covered all of it for 1 min 30 s"
    assert told(90_000) == [("red", "ETHUSDT", what)]


@pytest.mark.parametrize(
    ("alive", "remedy"), [(True, "It is being closed"), (False, "The trader is silent")]
)
def test_a_position_is_said_to_be_closed_only_while_somebody_closes_it(
    alive: bool, remedy: str
) -> None:
    now = Standing(level="RUN", alive=alive, held=(), bare={"ETHUSDT": 90_000})
    (bare,) = standing_findings(now, None)
    assert bare.remedy.startswith(remedy)


async def post(bus: MemoryBus, state: TraderState) -> None:
    """Show a trader's state on the board."""
    commit = Commit(
        service=TRADER,
        epoch=await bus.take_lease(TRADER),
        seq=1,
        inbox=b"record",
        outputs=[],
        acks={},
        projections={PROJECTION: Board()(state, [])[PROJECTION]},
        snapshot=None,
    )
    await bus.commit(commit)


async def test_what_is_bare_is_counted_from_when_it_was_by_the_traders_own_time() -> None:
    desk, bus = Desk(), MemoryBus()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    since_ms = desk.state.now_ms
    desk.second(since_ms + 2_000)
    await post(bus, desk.state)
    assert (await look(bus, NOON_MS)).bare == {"BTCUSDT": 2_000}
    desk.accept(desk.commands("stop")[0])
    bus = MemoryBus()
    await post(bus, desk.state)
    assert (await look(bus, NOON_MS)).bare == {}


async def test_how_far_the_trader_is_ahead_is_his_time_beside_the_clocks() -> None:
    bus, state = MemoryBus(), Desk().state
    state.now_ms = NOON_MS + 50_000
    await post(bus, state)
    assert (await look(bus, NOON_MS)).ahead_ms == 0, "no clock has said anything yet"
    for clock_ms, ahead_ms in ((NOON_MS, 50_000), (NOON_MS + 60_000, 0)):
        await bus.beat(CLOCK, {"at": str(clock_ms).encode()})
        assert (await look(bus, NOON_MS)).ahead_ms == ahead_ms
