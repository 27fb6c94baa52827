"""The wiring on memory: what happens before the first price, and that the parts fit together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.archive.memory import MemoryArchive
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.latch import FILE, FileLatch
from quantum_trader.adapters.market.synthetic import SyntheticMarket
from quantum_trader.app.parts import Parts
from quantum_trader.app.rig import matching_rules
from quantum_trader.app.wiring import System
from quantum_trader.core.events import DrainSwitched, Fact, KillLevelSet, RulesAdopted
from quantum_trader.core.rules import Rules
from quantum_trader.services import inbox, wire
from quantum_trader.streams import (
    APPLY_RESULT,
    CLOCK_STREAM,
    OPERATOR_STREAM,
    TRADE_INTENT,
    TRADER,
    groups,
)
from tests.loops import told
from tests.support import NOON_MS, an_intent, refused_by, some_rules


def parts_on(
    bus: MemoryBus, rules: Rules, folder: Path | None = None, at_ms: int = NOON_MS
) -> Parts:
    """A whole system on one memory; its files are memory too."""
    clock = ManualClock(at_ms)
    venue = PaperExchange(matching_rules(rules))
    return Parts(
        rules=rules,
        models=[],
        data=SyntheticMarket(["BTCUSDT"], 1, clock),
        venue=venue,
        simulated=venue,
        journal=MemoryJournal(),
        latch=FileLatch(folder or Path("no folder, so no latch")),
        archive=MemoryArchive(),
        bus_of=lambda _service: bus,
        wall=clock,
        time=clock,
    )


async def started(
    bus: MemoryBus,
    rules: Rules,
    *,
    drain: bool = False,
    folder: Path | None = None,
    at_ms: int = NOON_MS,
) -> System:
    """A system that could begin now."""
    system = System(parts_on(bus, rules, folder, at_ms))
    await system.start(drain)
    return system


def kinds(facts: Sequence[Fact]) -> list[type[Fact]]:
    """What they are."""
    return [type(fact) for fact in facts]


async def test_every_group_exists_and_the_rules_are_the_first_thing_the_trader_took() -> None:
    bus = MemoryBus()
    system = await started(bus, some_rules())
    for service, stream in groups():
        info = await bus.info(stream)
        assert info is not None
        assert service in {group.service for group in info.groups}
    records = [inbox.decode(record) for _, record in await bus.inbox(TRADER, "0-0", 9)]
    assert [run.stream for run in records[0].took] == [OPERATOR_STREAM, CLOCK_STREAM]
    assert system.trader.state.rules == some_rules()


async def test_what_waited_while_nobody_ran_is_judged_by_the_time_of_now() -> None:
    """It was judged by the last second before the crash: old as new, and new as not yet true."""
    bus = MemoryBus()
    before = await started(bus, some_rules())
    assert before.trader.state.now_ms == NOON_MS
    later_ms = NOON_MS + 400_000
    await bus.append(TRADE_INTENT, [wire.write(an_intent(at_ms=NOON_MS))], writer="somebody")
    await bus.read(TRADER, [TRADE_INTENT], count=9, block_ms=0)
    await bus.append(TRADE_INTENT, [wire.write(an_intent(at_ms=later_ms - 900))], writer="somebody")
    system = await started(bus, some_rules(), at_ms=later_ms)
    running = asyncio.create_task(system.services()[TRADER]())
    for _ in range(1_000):
        if len(await told(bus, APPLY_RESULT)) == 2:
            break
        await asyncio.sleep(0.01)
    running.cancel()
    old, new = await told(bus, APPLY_RESULT)
    assert "fresh" in refused_by(old)
    assert "fresh" not in refused_by(new)


async def test_rules_that_are_known_are_not_adopted_again_and_changed_ones_are() -> None:
    bus = MemoryBus()
    system = await started(bus, some_rules())
    for rules in (some_rules(), some_rules(positions_max=3), some_rules()):
        system = await started(bus, rules)
        assert system.trader.state.rules == rules
    adopted = [fact for fact in await told(bus, OPERATOR_STREAM) if isinstance(fact, RulesAdopted)]
    assert [fact.rules.limits.positions_max for fact in adopted] == [10, 3, 10]
    assert system.trader.state.ledger.wallet_usd == 10_000


async def test_rules_that_were_ordered_but_not_taken_before_a_crash_are_not_ordered_twice() -> None:
    bus = MemoryBus()
    rules = some_rules()
    adopted = RulesAdopted(id="r", at_ms=NOON_MS, trace_id="", account="paper", rules=rules)
    await bus.append(OPERATOR_STREAM, [wire.write(adopted)], writer="operator")
    system = await started(bus, rules)
    assert await told(bus, OPERATOR_STREAM) == [adopted]
    assert system.trader.state.rules == rules


async def test_safe_drain_is_on_before_the_first_price_and_stays_until_switched_off() -> None:
    bus = MemoryBus()
    system = await started(bus, some_rules(), drain=True)
    assert system.trader.state.safe_drain
    again = await started(bus, some_rules(), drain=True)
    assert again.trader.state.safe_drain
    without = await started(bus, some_rules())
    assert without.trader.state.safe_drain
    assert kinds(await told(bus, OPERATOR_STREAM)) == [RulesAdopted, DrainSwitched]


@pytest.mark.parametrize(
    ("text", "level"), [("", "HALT"), ("FLATTEN\n", "FLATTEN"), ("RUN", "HALT")]
)
async def test_what_is_latched_holds_before_the_first_price_and_is_ordered_once(
    tmp_path: Path, text: str, level: str
) -> None:
    bus = MemoryBus()
    (tmp_path / FILE).write_text(text)
    for _ in range(2):
        system = await started(bus, some_rules(), folder=tmp_path)
        assert system.trader.state.kill_level == level
    assert kinds(await told(bus, OPERATOR_STREAM)) == [RulesAdopted, KillLevelSet]


async def test_what_is_latched_between_two_runs_holds_before_the_first_price_of_the_next(
    tmp_path: Path,
) -> None:
    bus = MemoryBus()
    await started(bus, some_rules(), folder=tmp_path)
    (tmp_path / FILE).touch()
    assert (await started(bus, some_rules(), folder=tmp_path)).trader.state.kill_level == "HALT"


async def test_a_latch_that_was_taken_away_by_hand_resumes_nothing(tmp_path: Path) -> None:
    bus = MemoryBus()
    (tmp_path / FILE).touch()
    await started(bus, some_rules(), folder=tmp_path)
    (tmp_path / FILE).unlink()
    assert (await started(bus, some_rules(), folder=tmp_path)).trader.state.kill_level == "HALT"


async def test_an_order_nobody_can_read_does_not_hide_the_rules_before_it() -> None:
    bus = MemoryBus()
    await started(bus, some_rules())
    await bus.append(OPERATOR_STREAM, [{b"payload": b"nonsense"}], writer="operator")
    await started(bus, some_rules())
    entries = await bus.span(OPERATOR_STREAM, "-", "+", 9)
    assert len(entries) == 2


async def test_every_service_is_there_to_be_run() -> None:
    system = System(parts_on(MemoryBus(), some_rules()))
    assert set(system.services()) == {
        "paper",
        "signals",
        "gateway",
        "trader",
        "clock",
        "feed",
        "latch",
        "exchange",
        "archiver",
        "janitor",
        "canary",
    }


async def test_rules_survive_the_way_through_the_log() -> None:
    rules = some_rules()
    assert msgspec.json.decode(msgspec.json.encode(rules), type=Rules) == rules
