"""The life of an intent, told from what the streams hold."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.chronology import in_order
from quantum_trader.app.cli.explain import facts_of
from quantum_trader.app.cli.frame import Progress
from quantum_trader.app.story import OUTCOMES, Story, span_text, tell, time_text
from quantum_trader.core import events as ev
from quantum_trader.core.events.intents import ResultStatus
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.wire import write
from quantum_trader.streams import TRADE_INTENT, TRADE_INTENT_DLQ
from tests.app.lives import a_harvested_long
from tests.commands import order_command
from tests.support import ACCOUNT, NOON_MS, an_intent


async def found(bus: MemoryBus, name: str) -> list[Sequence[ev.Fact]]:
    return await facts_of(bus, name, ACCOUNT, Progress("reading"))


async def story_of(bus: MemoryBus, name: str) -> Story:
    story = tell(await found(bus, name))
    assert story is not None
    return story


def place(story: Story, words: str) -> int:
    """The number of the only line with these words."""
    places = [number for number, line in enumerate(story.lines) if words in line.text]
    assert len(places) == 1, (words, [line.text for line in story.lines])
    return places[0]


async def test_a_harvested_trade_is_told_from_asking_to_the_books() -> None:
    rig = await a_harvested_long()
    story = await story_of(rig.bus, "kept")
    assert story.outcome == "closed"
    steps = [
        "approved and planned: LONG 0.050 BTCUSDT",
        "to be left by ADAPTIVE (standard ladder, risk normal, market normal)",
        "the entry: BUY 0.050 at market, 10x",
        "the venue took the entry",
        "bought 0.050 at",
        "a stop shall stand at",
        "protected 0 ms after the first fill, 0 ms after we heard of it",
        "answered opened",
        "target 1: SELL 0.015",
        "harvested 0.015 at 60547.5 (target 1, maker), fee 0.1816 USDT",
        "break even moves the stop to 60054.2 at +1.06 R, +19.16 USDT (price 60547.5)",
        "the stop shall move to 60054.2 for 0.035: break-even after stage 1",
        "the stop at 59530.8 shall be canceled",
        "the stop at 59530.8 is gone",
        "profit lock moves the stop to 60120.2 at +1.39 R, +24.50 USDT (price 60700): 1.5 R were",
        "harvested 0.015 at 60824.6",
        "first target moves the stop to 60547.5 at +1.65 R, +16.49 USDT",
        "the stop shall move to 60547.5 for 0.020: the first target after stage 2",
        "harvested 0.020 at 61146.8",
        "closed by targets",
    ]
    places = [place(story, words) for words in steps]
    assert places == sorted(places)
    assert place(story, "after the first fill"), "protection begins once, however the stop moves"


async def test_the_books_are_told_to_the_cent_and_agree_with_the_fact() -> None:
    rig = await a_harvested_long()
    facts = [fact for stream in await found(rig.bus, "kept") for fact in stream]
    (closed,) = [fact for fact in facts if isinstance(fact, ev.TradeClosed)]
    story = await story_of(rig.bus, "kept")
    text = story.lines[place(story, "closed by targets")].text
    assert f"net +{closed.net_usd:,.2f} USDT = {closed.r_net:+.2f} R" in text
    assert f"fees {closed.fees_usd:,.2f} USDT" in text


async def test_a_name_may_be_a_trace_a_plan_or_a_signal() -> None:
    rig = await a_harvested_long()
    by_signal = await story_of(rig.bus, "kept")
    assert by_signal.plan_id is not None
    assert await story_of(rig.bus, by_signal.trace_id) == by_signal
    assert await story_of(rig.bus, by_signal.plan_id) == by_signal
    assert tell(await found(rig.bus, "nobody")) is None


async def test_a_plan_is_told_although_its_intent_was_trimmed_away() -> None:
    rig = await a_harvested_long()
    whole = await story_of(rig.bus, "kept")
    for entry in await rig.bus.span(TRADE_INTENT, "-", "+", 100):
        rig.bus.lose(TRADE_INTENT, entry.id)
    rest = await story_of(rig.bus, str(whole.plan_id))
    assert len(rest.lines) == len(whole.lines) - 2, "the intent was sent twice"


async def test_a_refusal_lists_every_gate_and_a_repeat_changes_nothing() -> None:
    rig = await a_harvested_long()
    refused = await story_of(rig.bus, "old")
    assert refused.outcome == "refused"
    assert "fresh: intent is 10000000 ms old" in refused.lines[-1].text
    kept = await story_of(rig.bus, "kept")
    assert place(kept, "known already") > 0
    assert kept.outcome == "closed"


def test_a_repeat_that_is_skipped_does_not_undo_what_was_done() -> None:
    about = {name: ABOUT[name] for name in ("id", "at_ms", "trace_id", "account", "plan_id")}
    answered = ev.IntentApplied(
        **about,
        symbol="BTCUSDT",
        side="LONG",
        status="opened",
        reason="filled and protected",
        filled_qty=Decimal(1),
        entry_price=Decimal(1),
        stop_price=Decimal(1),
    )
    repeat = ev.IntentSkipped(**about, symbol="BTCUSDT", side="LONG", kind="duplicate", refusals=())
    story = tell([[answered, repeat]])
    assert story is not None
    assert [story.outcome, len(story.lines)] == ["opened", 2]


async def test_an_intent_nobody_could_read_is_found_by_what_it_says() -> None:
    bus = MemoryBus()
    message = {b"signal_id": b"broken", b"symbol": b"BTCUSDT", b"side": b"SIDEWAYS"}
    await bus.append(TRADE_INTENT, [message], writer="somebody")
    (entry,) = await bus.last(TRADE_INTENT, 1)
    letter = dead_letter(entry, "side: got 'SIDEWAYS'", at_ms=NOON_MS, account=ACCOUNT)
    await bus.append(TRADE_INTENT_DLQ, [write(letter)], writer="trader")
    story = await story_of(bus, "broken")
    assert story.outcome == "unreadable"
    assert "side: got 'SIDEWAYS'" in story.lines[0].text
    assert await story_of(bus, entry.id) == story


async def test_long_streams_are_read_to_their_end() -> None:
    bus = MemoryBus()
    for number in range(1_300):
        intent = an_intent(signal_id=f"s{number}", trace_id=f"t{number}")
        await bus.append(TRADE_INTENT, [write(intent)], writer="somebody")
    for name in ("s0", "s511", "s512", "s1299"):
        assert len((await story_of(bus, name)).lines) == 1
    every = await found(bus, "nobody")
    assert not any(every)


async def test_the_order_does_not_depend_on_how_the_streams_are_given() -> None:
    rig = await a_harvested_long()
    streams = await found(rig.bus, "kept")
    kinds = [type(fact) for fact in in_order(streams)]
    shuffled = list(streams)
    random.Random(7).shuffle(shuffled)
    facts = in_order(shuffled)
    assert sorted(map(str, kinds)) == sorted(str(type(fact)) for fact in facts)
    first = {fact.id: number for number, fact in reversed(list(enumerate(facts)))}
    causes = [(first.get(fact.id.rpartition("/")[0]), first[fact.id]) for fact in facts]
    known = [(cause, effect) for cause, effect in causes if cause is not None]
    assert len(known) > 10
    assert all(cause < effect for cause, effect in known)


def test_facts_that_name_each_other_as_causes_are_told_all_the_same() -> None:
    one = an_intent(id="a/b/0", trace_id="t")
    other = an_intent(id="a/b", trace_id="t")
    loop = [msgspec.structs.replace(other, id="a/b/0/0"), one, other]
    assert len(in_order([loop])) == 3


ORDER = order_command("entry")
ABOUT: dict[str, Any] = {
    "id": "x",
    "at_ms": NOON_MS,
    "trace_id": "t",
    "account": ACCOUNT,
    "plan_id": "plan-1",
    "role": "entry",
    "symbol": "BTCUSDT",
    "client_order_id": ORDER.order.client_order_id,
}


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (
            ev.OrderRejected(**ABOUT, code=-2019, reason="Margin is insufficient."),
            "the venue refused the entry: Margin is insufficient. (-2019)",
        ),
        (ev.OrderInDoubt(**ABOUT, reason="timed out"), "not sent again (timed out)"),
        (
            ev.CancelWithheld(**ABOUT, cancel_id="c1", reason="the other one is rejected"),
            "the entry stays: the other one is rejected",
        ),
        (ev.OrderCanceled(**ABOUT, reason="expired"), "the entry is gone: expired"),
        (
            ev.OrderTriggered(**ABOUT, trigger_price=Decimal("59000")),
            "the entry triggered at 59000",
        ),
        (
            ev.OrderFilled(
                **{**ABOUT, "role": "exit", "client_order_id": "autoclose-1"},
                trade_id="9",
                side="SELL",
                qty=Decimal("0.5"),
                price=Decimal(58000),
                fee_usd=Decimal(1),
                liquidity="taker",
                cause="liquidation",
                done=True,
            ),
            "LIQUIDATED 0.5 at 58000 (the exit order autoclose-1",
        ),
        (
            ev.OrderFilled(
                **{**ABOUT, "role": "exit", "client_order_id": "adl_autoclose"},
                trade_id="10",
                side="SELL",
                qty=Decimal("0.5"),
                price=Decimal(64000),
                fee_usd=Decimal(0),
                liquidity="taker",
                cause="adl",
                done=True,
            ),
            "CLOSED BY THE VENUE (auto-deleveraging): 0.5 at 64000 (the exit order adl_autoclose",
        ),
    ],
)
def test_what_goes_wrong_is_told_plainly(fact: ev.Fact, words: str) -> None:
    story = tell([[ORDER], [fact]])
    assert story is not None
    assert words in story.lines[-1].text


def test_every_fact_that_explain_reads_has_a_sentence() -> None:
    story = tell([[an_intent("HOLD")], [an_intent("FLAT", reason="enough")]])
    assert story is not None
    assert [line.text for line in story.lines] == [
        "by_hand (test) asked for nothing in BTCUSDT",
        "by_hand (test) asked to close BTCUSDT because: enough",
    ]


def test_every_answer_is_an_outcome() -> None:
    assert set(get_args(ResultStatus)) <= set(OUTCOMES)


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (3_240, "3.2 s"),
        (245_000, "4 min 05 s"),
        (7_620_000, "2 h 07 min"),
    ],
)
def test_lengths_of_time_read_well(span_ms: int, text: str) -> None:
    assert span_text(span_ms) == text


def test_times_are_utc_to_the_millisecond() -> None:
    assert time_text(NOON_MS + 7) == "2025-01-01 12:00:00.007"
