"""Intents from the shell: whose, by which clock, and what was answered."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.cli.intent import Options, answer, intent_of, is_good
from quantum_trader.app.config import load
from quantum_trader.app.connection import (
    CLOCK_FRESH_MS,
    account_of,
    server_url,
    time_there,
)
from quantum_trader.core.errors import BusUnreachable, ConfigError, Malformed, UsageError
from quantum_trader.core.events import IntentApplied, IntentRefused, RulesAdopted, SecondPassed
from quantum_trader.core.intent_edge import read_intent, write_intent
from quantum_trader.services.wire import write
from quantum_trader.streams import APPLY_RESULT, CLOCK_STREAM, OPERATOR_STREAM
from tests.app.lives import a_harvested_long
from tests.support import ACCOUNT, NOON_MS, some_rules


def typed(symbol: str = "btcusdt", side: str = "buy", **more: Any) -> Options:
    """What somebody typed."""
    return Options(symbol=symbol, side=side, **more)


def test_what_was_typed_passes_the_door_unchanged() -> None:
    options = typed(notional=Decimal(500), leverage=5, stop=Decimal(59000), confidence=0.5)
    intent = intent_of(options, ACCOUNT, NOON_MS)
    assert read_intent(write_intent(intent), account=ACCOUNT) == intent
    assert (intent.symbol, intent.side, intent.notional_usd) == ("BTCUSDT", "LONG", Decimal(500))


def test_two_askings_are_two_intents_unless_they_bear_one_id() -> None:
    first, second = (intent_of(typed(), ACCOUNT, NOON_MS) for _ in range(2))
    assert first.id != second.id
    same = [intent_of(typed(signal_id="mine"), ACCOUNT, NOON_MS + n) for n in range(2)]
    assert same[0].id == same[1].id


@pytest.mark.parametrize(
    "options",
    [typed(side="up"), typed(qty=Decimal(1), margin=Decimal(1))],
)
def test_what_can_be_no_intent_is_wrong_usage(options: Options) -> None:
    with pytest.raises(UsageError):
        intent_of(options, ACCOUNT, NOON_MS)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (typed(leverage=500), "leverage"),
        (typed(confidence=50.0), "confidence"),
        (typed(stop=Decimal(-1)), "stop_loss"),
        (typed(symbol="BTC USDT"), "symbol"),
    ],
)
def test_what_the_door_would_refuse_is_never_sent(options: Options, field: str) -> None:
    written = write_intent(intent_of(options, ACCOUNT, NOON_MS))
    with pytest.raises(Malformed) as caught:
        read_intent(written, account=ACCOUNT)
    assert caught.value.field == field


async def a_clock(written_ms: int, says_ms: int) -> MemoryBus:
    """A bus on which somebody wrote the clock at a moment."""
    bus = MemoryBus(now_ms=lambda: written_ms)
    second = SecondPassed(id="second", at_ms=says_ms, trace_id="", account="")
    await bus.append(CLOCK_STREAM, [write(second)], writer="clock")
    return bus


@pytest.mark.parametrize(
    ("written_ms", "says_ms", "at_ms", "clock", "words"),
    [
        (NOON_MS - 500, NOON_MS - 900, NOON_MS, "wall", None),
        (NOON_MS - 500, NOON_MS - 10**9, NOON_MS - 10**9, "system", "-1000000 s from"),
        (NOON_MS - 500, NOON_MS + 60_000, NOON_MS + 60_000, "system", "+60 s from"),
        (NOON_MS - CLOCK_FRESH_MS - 1, NOON_MS - 10**9, NOON_MS, "wall", "silent for 10 s"),
    ],
)
async def test_an_intent_is_stamped_by_the_clock_of_the_system_that_runs(
    written_ms: int, says_ms: int, at_ms: int, clock: str, words: str | None
) -> None:
    now = await time_there(await a_clock(written_ms, says_ms), NOON_MS)
    assert (now.at_ms, now.clock) == (at_ms, clock)
    assert now.remark is None if words is None else words in str(now.remark)


async def test_without_any_clock_the_wall_clock_counts_and_that_is_said() -> None:
    now = await time_there(MemoryBus(), NOON_MS)
    assert (now.at_ms, now.clock) == (NOON_MS, "wall")
    assert "no trader has run here" in str(now.remark)


async def test_the_account_is_that_of_the_rules_in_force() -> None:
    bus = MemoryBus()
    assert await account_of(bus) == load().account
    for name in ("old", "new"):
        rules = msgspec.structs.replace(some_rules(), account=name)
        adopted = RulesAdopted(id=name, at_ms=1, trace_id="", account=name, rules=rules)
        await bus.append(OPERATOR_STREAM, [write(adopted)], writer="operator")
    assert await account_of(bus) == "new"


async def test_the_answer_is_found_behind_what_was_there_before() -> None:
    rig = await a_harvested_long()
    entries = await rig.bus.span(APPLY_RESULT, "-", "+", 10)
    first = await answer(rig.bus, "kept", "-", 0.0)
    assert isinstance(first, IntentApplied)
    refused = await answer(rig.bus, "stale", entries[0].id, 0.0)
    assert isinstance(refused, IntentRefused)
    assert await answer(rig.bus, "nobody", "-", 0.0) is None


async def test_only_what_was_done_or_needed_no_doing_is_good() -> None:
    rig = await a_harvested_long()
    applied = await answer(rig.bus, "kept", "-", 0.0)
    assert isinstance(applied, IntentApplied)
    assert is_good(applied)
    assert not is_good(msgspec.structs.replace(applied, status="failed"))
    assert not is_good(await answer(rig.bus, "stale", "-", 0.0))
    assert not is_good(None)


def test_the_server_is_where_the_running_system_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QT_REDIS_URL", raising=False)
    config = load(typed={"data_dir": tmp_path})
    with pytest.raises(BusUnreachable, match="no system runs in"):
        server_url(config)
    (tmp_path / "redis.url").write_text("redis://127.0.0.1:7/0\n")
    assert server_url(config) == "redis://127.0.0.1:7/0"
    (tmp_path / "redis.url").write_text("")
    with pytest.raises(ConfigError, match="empty"):
        server_url(config)
    monkeypatch.setenv("QT_REDIS_URL", "redis://127.0.0.1:8/0")
    assert server_url(load(typed={"data_dir": tmp_path})) == "redis://127.0.0.1:8/0"
    given = {"data_dir": tmp_path, "redis_url": "redis://127.0.0.1:9/0"}
    assert server_url(load(typed=given)) == "redis://127.0.0.1:9/0"
