"""The user stream over a line that fails: nothing lost, and the past before the news."""

import asyncio

import pytest

from quantum_trader.adapters.exchanges.binance import door as door_module
from quantum_trader.adapters.exchanges.binance import stream as stream_module
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.report_log import seq_at
from quantum_trader.core.errors import Locked, Unreachable
from quantum_trader.core.venue import (
    VenueFill,
)
from tests.binance_words import (
    CID,
    algo_event,
    buy,
    door,
    order_event,
    order_row,
    reports,
    trade_row,
    true,
    until,
    venue,
)
from tests.scripted_venue import (
    NOW_MS,
    SYMBOL,
    Reply,
    ScriptedVenue,
    credentials,
    serving,
)

__all__ = ["door", "venue"]


async def test_what_was_missed_between_two_connections_comes_before_what_is_new(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    await venue.tell(order_event())
    (first,) = await reports(door, 1)
    venue.usual["GET /fapi/v1/userTrades"] = Reply(
        [trade_row(100), trade_row(101, order_id=8, at_ms=NOW_MS - 1)]
    )
    venue.usual["GET /fapi/v1/allOrders"] = Reply([order_row(), order_row(8, "q1X" + "1" * 24)])
    await venue.streams[-1].close()
    (missed,) = await reports(door, 1, first.seq)
    assert isinstance(missed, VenueFill)
    assert (missed.trade_id, missed.client_order_id) == ("101", "q1X" + "1" * 24)
    assert missed.done
    assert missed.seq > first.seq
    await venue.tell(order_event(i=9, t=102, c="q1E" + "2" * 24))
    assert [one.seq for one in await reports(door, 3)] == sorted(
        one.seq for one in await reports(door, 3)
    )
    assert len(venue.requests("POST /fapi/v1/listenKey")) == 2


async def test_while_the_past_cannot_be_had_nothing_newer_is_shown(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    venue.usual["GET /fapi/v1/userTrades"] = Reply(b"oops", 500)
    await venue.streams[-1].close()
    await true(lambda: len(venue.stream_paths) == 2)
    await venue.tell(order_event())
    await asyncio.sleep(0.3)
    with pytest.raises(Unreachable, match="is down"):
        await door.updates(0, 0)
    venue.usual["GET /fapi/v1/userTrades"] = Reply([trade_row(100)])
    venue.usual["GET /fapi/v1/allOrders"] = Reply([order_row()])
    (fill,) = await reports(door, 1)
    assert isinstance(fill, VenueFill)


async def test_a_trade_that_is_announced_and_never_told_is_asked_for(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    venue.usual["GET /fapi/v1/userTrades"] = Reply([trade_row(100, at_ms=NOW_MS - 10_000)])
    venue.usual["GET /fapi/v1/allOrders"] = Reply([order_row()])
    await venue.tell({"e": "TRADE_LITE", "E": NOW_MS, "T": NOW_MS, "s": SYMBOL, "t": 100})
    await reports(door, 1)
    assert door.counts["not heard of in time"] == 1
    await until(door, "connections lost")
    assert door.counts["missed"] == 1


async def test_an_order_the_stream_is_silent_about_is_asked_for(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    venue.say("POST /fapi/v1/order", Reply(order_row()))
    venue.usual["GET /fapi/v1/userTrades"] = Reply([trade_row(100, at_ms=NOW_MS - 10_000)])
    venue.usual["GET /fapi/v1/allOrders"] = Reply([order_row()])
    await door.place(buy())
    (fill,) = await reports(door, 1)
    assert fill.client_order_id == CID


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ({"e": "listenKeyExpired", "E": NOW_MS}, "connections lost"),
        ({"e": "SOMETHING_NEW", "E": NOW_MS}, "unknown: SOMETHING_NEW"),
        ({"e": "MARGIN_CALL", "E": NOW_MS}, "margin calls"),
        ({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "ORDER"}}, "quiet"),
        ("not json", "unreadable"),
        (order_event(l=None), "unreadable"),
        (order_event(x="TELEPORTED"), "unfamiliar"),
        (algo_event(X="LEVITATING"), "unfamiliar"),
        (order_event(X="FILLED", l="0.000", z="0.000", q="0.000"), "quiet"),
    ],
)
async def test_what_is_not_understood_is_counted_and_nothing_after_it_is_lost(
    venue: ScriptedVenue, door: BinanceExchange, message: object, count: str
) -> None:
    await door.updates(0, 0)
    asked = len(venue.requests("GET /fapi/v1/userTrades"))
    await venue.tell(message)
    await until(door, count)
    if count in ("unreadable", "unfamiliar", "connections lost"):
        await true(lambda: len(venue.requests("GET /fapi/v1/userTrades")) > asked)
    if count == "connections lost":
        await true(lambda: len(venue.stream_paths) == 2)
    await venue.tell(order_event(t=500))
    (fill,) = await reports(door, 1)
    assert isinstance(fill, VenueFill)


async def test_a_new_process_asks_for_the_past_from_the_journals_number_alone(
    venue: ScriptedVenue,
) -> None:
    cursor = seq_at(NOW_MS - 3_600_000) + 17
    venue.usual["GET /fapi/v1/userTrades"] = Reply([trade_row(90, at_ms=NOW_MS - 3_700_000)])
    venue.usual["GET /fapi/v1/allOrders"] = Reply([order_row()])
    venue.usual["GET /fapi/v1/income"] = lambda asked: Reply(
        [
            {
                "symbol": "ETHUSDT",
                "incomeType": "COMMISSION",
                "income": "-1",
                "asset": "USDT",
                "time": NOW_MS,
                "tranId": 1,
            }
        ]
    )
    async with serving(venue) as hosts:
        door = BinanceExchange(hosts, *credentials(), [SYMBOL], lambda: NOW_MS)
        await door.open()
        found = await door.updates(cursor, 0)
        await door.close()
    assert all(one.seq > cursor for one in found)
    (asked, *_) = venue.requests("GET /fapi/v1/userTrades")
    assert int(asked.params["startTime"]) == NOW_MS - 3_600_000 - stream_module.OVERLAP_MS
    symbols = {one.params["symbol"] for one in venue.requests("GET /fapi/v1/userTrades")}
    assert symbols == {SYMBOL, "ETHUSDT"}, "what the income shows was traded is asked for, too"


async def test_a_new_journal_begins_when_the_venue_was_opened(door: BinanceExchange) -> None:
    assert door.opened_seq == seq_at(NOW_MS)


async def test_a_refused_key_is_told_to_the_reader(venue: ScriptedVenue) -> None:
    venue.usual["POST /fapi/v1/listenKey"] = Reply({"code": -2015, "msg": "Invalid API-key"}, 401)
    async with serving(venue) as hosts:
        door = BinanceExchange(hosts, *credentials(), [SYMBOL], lambda: NOW_MS)
        await door.open()
        for _ in range(2):
            with pytest.raises(Locked, match="key, address or permission"):
                await door.updates(0, 0)
        await door.close()


async def test_a_stream_that_cannot_be_had_is_unreachable(
    venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "FIRST_WORD_S", 0.3)
    venue.usual["POST /fapi/v1/listenKey"] = Reply(b"oops", 500)
    async with serving(venue) as hosts:
        door = BinanceExchange(hosts, *credentials(), [SYMBOL], lambda: NOW_MS)
        await door.open()
        with pytest.raises(Unreachable, match="user stream"):
            await door.updates(0, 0)
        await door.close()


async def test_the_streams_key_is_kept_alive_and_its_loss_makes_a_new_one(
    venue: ScriptedVenue, door: BinanceExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "KEEP_ALIVE_S", 0.05)
    gone = Reply({"code": -1125, "msg": "This listenKey does not exist."}, 400)
    venue.usual["PUT /fapi/v1/listenKey"] = Reply({})
    await door.updates(0, 0)
    await true(lambda: len(venue.requests("PUT /fapi/v1/listenKey")) >= 3)
    assert len(venue.requests("POST /fapi/v1/listenKey")) == 1
    venue.say("PUT /fapi/v1/listenKey", gone)
    await until(door, "connections lost")
    await true(lambda: len(venue.requests("POST /fapi/v1/listenKey")) >= 2)
