"""Requests to the venue over real HTTP: what is sent, and what every kind of answer means."""

import json
import socket
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest

from quantum_trader.adapters.exchanges.binance import endpoints, wire
from quantum_trader.adapters.exchanges.binance.hosts import DEMO, LIVE, Hosts, hosts_of
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.orders import Orders
from quantum_trader.adapters.exchanges.binance.rest import Refused, Rest
from quantum_trader.adapters.exchanges.binance.server_clock import ServerClock
from quantum_trader.adapters.exchanges.binance.wire import Wire, check_hosts, point_at
from quantum_trader.core.errors import (
    BrokenInvariant,
    ConfigError,
    InDoubt,
    Locked,
    Unreachable,
)
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.mode import TradingMode
from quantum_trader.core.venue import Accepted, Rejected
from tests.scripted_venue import (
    KEY,
    NOW_MS,
    SECRET,
    SYMBOL,
    Reply,
    ScriptedVenue,
    credentials,
    serving,
)

ORDER = "POST /fapi/v1/order"
ALGO = "POST /fapi/v1/algoOrder"
CID = "q1E" + "0" * 24
STOP_CID = "q1S" + "0" * 24
BUY = OrderRequest(
    client_order_id=CID,
    symbol=SYMBOL,
    side="BUY",
    kind="MARKET",
    qty=Decimal("0.00000100"),
    price=None,
    trigger_price=None,
    reduce_only=False,
)
STOP = OrderRequest(
    client_order_id=STOP_CID,
    symbol=SYMBOL,
    side="SELL",
    kind="STOP_MARKET",
    qty=Decimal("1E+3"),
    price=None,
    trigger_price=Decimal("58000.10"),
    reduce_only=True,
)
PLACED = {
    "orderId": 7,
    "clientOrderId": CID,
    "symbol": SYMBOL,
    "status": "FILLED",
    "side": "BUY",
    "type": "MARKET",
    "origQty": "0.000001",
    "executedQty": "0.000001",
    "updateTime": NOW_MS,
}
ALGO_ROW = {
    "algoId": 9,
    "clientAlgoId": STOP_CID,
    "symbol": SYMBOL,
    "side": "SELL",
    "orderType": "STOP_MARKET",
    "quantity": "1000",
    "algoStatus": "NEW",
    "triggerPrice": "58000.10",
    "reduceOnly": True,
}


@pytest.fixture
async def venue() -> ScriptedVenue:
    return ScriptedVenue()


@pytest.fixture
async def rest(venue: ScriptedVenue) -> AsyncIterator[Rest]:
    async with serving(venue) as hosts:
        rest = Rest(hosts, *credentials(), lambda: NOW_MS)
        await rest.sync_clock()
        yield rest
        await rest.close()


@pytest.fixture
def orders(rest: Rest) -> Orders:
    return Orders(rest, Identity())


async def test_a_market_order_is_signed_text_and_asks_for_its_result(
    venue: ScriptedVenue, orders: Orders
) -> None:
    venue.say(ORDER, Reply(PLACED))
    assert await orders.place(BUY) == Accepted(CID, "7")
    (asked,) = venue.requests(ORDER)
    assert asked.signed
    assert asked.headers["x-mbx-apikey"] == KEY
    assert {name: asked.params[name] for name in asked.params if name != "signature"} == {
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.00000100",
        "newClientOrderId": CID,
        "newOrderRespType": "RESULT",
        "recvWindow": "2000",
        "timestamp": str(NOW_MS),
    }


async def test_a_stop_goes_to_the_algo_service_with_a_trigger_and_its_own_name(
    venue: ScriptedVenue, orders: Orders
) -> None:
    venue.say(ALGO, Reply(ALGO_ROW))
    assert await orders.place(STOP) == Accepted(STOP_CID, "9")
    (asked,) = venue.requests(ALGO)
    assert asked.signed
    sent = {"triggerPrice": "58000.10", "clientAlgoId": STOP_CID, "quantity": "1000"}
    assert sent.items() <= asked.params.items()
    assert asked.params["workingType"] == "CONTRACT_PRICE"
    assert asked.params["reduceOnly"] == "true"
    assert "stopPrice" not in asked.params
    assert not venue.requests(ORDER)


async def test_what_closes_the_position_has_no_quantity_and_is_not_called_reduce_only(
    venue: ScriptedVenue, orders: Orders
) -> None:
    venue.say(ALGO, Reply({**ALGO_ROW, "closePosition": True, "quantity": None}))
    closing = OrderRequest(
        client_order_id=STOP_CID,
        symbol=SYMBOL,
        side="SELL",
        kind="STOP_MARKET",
        qty=Decimal(0),
        price=None,
        trigger_price=Decimal(58000),
        reduce_only=True,
        close_position=True,
    )
    assert isinstance(await orders.place(closing), Accepted)
    (asked,) = venue.requests(ALGO)
    assert asked.params["closePosition"] == "true"
    assert not {"quantity", "reduceOnly"} & set(asked.params)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply({"code": -1007, "msg": "Timeout"}, 408), InDoubt),
        (Reply({"code": -1006, "msg": "Unexpected"}, 400), InDoubt),
        (Reply(b"Unknown error, please check your request or try again later.", 503), InDoubt),
        (Reply(b"Service Unavailable.", 503), Unreachable),
        (Reply({"code": -1008, "msg": "overloaded"}, 503), Unreachable),
        (Reply(b"<html>502 Bad Gateway</html>", 502), InDoubt),
        (Reply(b"<html>fine</html>", 200), InDoubt),
        (Reply(b'{"orderId": 7, "clientOr', 200), InDoubt),
        (Reply({"orderId": 7}, 200), InDoubt),
        (Reply({**PLACED, "clientOrderId": "other"}, 200), InDoubt),
        (Reply(PLACED, how="cut"), InDoubt),
        (Reply(how="drop"), InDoubt),
        (Reply({"code": -1021, "msg": "Timestamp"}, 400), Unreachable),
        (Reply({"code": -1015, "msg": "Too many new orders"}, 400), Unreachable),
        (Reply(b"too many", 429, {"Retry-After": "3"}), Unreachable),
        (Reply(b"banned", 418), Unreachable),
        (Reply(b"<html>WAF</html>", 403), Unreachable),
        (Reply({"code": -2015, "msg": "Invalid API-key"}, 401), Locked),
        (Reply({"code": -2014, "msg": "API-key format"}, 400), Locked),
        (Reply({"code": -1022, "msg": "Signature"}, 400), Locked),
        (Reply(b"", 301, {"Location": "http://127.0.0.1:1/"}), InDoubt),
    ],
)
async def test_an_answer_that_is_no_answer_says_what_became_of_the_order(
    venue: ScriptedVenue, orders: Orders, reply: Reply, error: type[Exception]
) -> None:
    venue.say(ORDER, reply)
    with pytest.raises(error) as caught:
        await orders.place(BUY)
    assert len(venue.requests(ORDER)) == 1, "an order was sent twice"
    for secret in (KEY, SECRET, "signature="):
        assert (
            secret not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
        )


async def test_an_order_that_gets_no_answer_is_in_doubt(
    venue: ScriptedVenue, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_S", 0.2)
    venue.say(ORDER, Reply(how="hang"))
    with pytest.raises(InDoubt, match="no answer within"):
        await orders.place(BUY)
    assert len(venue.requests(ORDER)) == 1


async def test_a_connection_that_cannot_be_made_sent_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        rest = Rest(Hosts(f"http://127.0.0.1:{port}", "ws://x"), *credentials(), lambda: NOW_MS)
        with pytest.raises(Unreachable, match="cannot be reached"):
            await rest.call(endpoints.PLACE, {}, "exit")
        await rest.close()


async def test_a_refusal_is_a_value_with_the_venues_words_and_ours(
    venue: ScriptedVenue, orders: Orders
) -> None:
    venue.say(ORDER, Reply({"code": -2019, "msg": "Margin is insufficient."}, 400))
    answer = await orders.place(BUY)
    assert answer == Rejected(CID, -2019, "Margin is insufficient. (-2019: not enough margin)")


async def test_a_name_the_venue_would_not_take_never_leaves(
    venue: ScriptedVenue, orders: Orders
) -> None:
    for name in ("", "x" * 37, "a b", "é"):
        with pytest.raises(BrokenInvariant):
            await orders.place(msgspec.structs.replace(BUY, client_order_id=name))
    assert not venue.requests(ORDER)


async def test_a_wrong_time_is_measured_anew_before_anybody_tries_again(
    venue: ScriptedVenue, rest: Rest, orders: Orders
) -> None:
    venue.now_ms = NOW_MS + 300
    venue.say(
        ORDER, Reply({"code": -1021, "msg": "Timestamp for this request"}, 400), Reply(PLACED)
    )
    with pytest.raises(Unreachable):
        await orders.place(BUY)
    assert rest.clock.offset_ms == 300
    await orders.place(BUY)
    assert venue.requests(ORDER)[-1].params["timestamp"] == str(NOW_MS + 300)


async def test_a_clock_that_is_off_holds_entries_and_no_exit(
    venue: ScriptedVenue, rest: Rest, orders: Orders
) -> None:
    venue.now_ms = NOW_MS + 501
    await rest.sync_clock()
    with pytest.raises(Unreachable, match="501 ms behind"):
        await orders.place(BUY)
    assert not venue.requests(ORDER)
    venue.say(ALGO, Reply(ALGO_ROW))
    assert isinstance(await orders.place(STOP), Accepted)


async def test_a_clock_in_doubt_is_measured_again_before_an_entry_is_held(
    venue: ScriptedVenue, rest: Rest, orders: Orders
) -> None:
    rest.clock = ServerClock(lambda: NOW_MS)
    assert rest.clock.note(NOW_MS - 1_200, NOW_MS - 600, NOW_MS)
    assert "give or take 600 ms" in str(rest.clock.refusal())
    venue.say(ORDER, Reply(PLACED))
    assert isinstance(await orders.place(BUY), Accepted)
    assert len(venue.requests("GET /fapi/v1/time")) == 2, "at the start, and for the entry"


async def test_entries_stop_before_the_counts_are_used_up_and_exits_do_not(
    venue: ScriptedVenue, orders: Orders
) -> None:
    used = {"X-MBX-ORDER-COUNT-10S": "211", "X-MBX-ORDER-COUNT-1M": "300"}
    venue.say(ORDER, Reply(PLACED, headers=used))
    await orders.place(BUY)
    with pytest.raises(Unreachable, match="211 of 300 orders in 10 s are used"):
        await orders.place(BUY)
    venue.say(ALGO, Reply(ALGO_ROW))
    assert isinstance(await orders.place(STOP), Accepted)


async def test_weight_that_runs_out_holds_entries_then_questions_and_never_exits(
    venue: ScriptedVenue, rest: Rest, orders: Orders
) -> None:
    venue.say(
        "GET /fapi/v1/time", Reply({"serverTime": NOW_MS}, headers={"X-MBX-USED-WEIGHT-1M": "2200"})
    )
    await rest.sync_clock()
    with pytest.raises(Unreachable, match="2200 of 2400 request weight"):
        await rest.call(endpoints.LEVERAGE, {}, "entry")
    with pytest.raises(Unreachable, match="request weight"):
        await rest.call(endpoints.INCOME)
    venue.say("DELETE /fapi/v1/order", Reply(PLACED))
    assert isinstance(await orders.cancel(SYMBOL, CID), Accepted)


async def test_after_a_429_only_exits_leave_and_after_a_418_nothing_does(
    venue: ScriptedVenue, rest: Rest, orders: Orders
) -> None:
    venue.say(ORDER, Reply(b"slow down", 429, {"Retry-After": "7"}))
    with pytest.raises(Unreachable):
        await orders.place(BUY)
    with pytest.raises(Unreachable, match="7 s are left"):
        await orders.place(BUY)
    assert len(venue.requests(ORDER)) == 1
    venue.say(ALGO, Reply(ALGO_ROW), Reply(b"banned", 418, {"Retry-After": "120"}))
    await orders.place(STOP)
    for _ in range(2):
        with pytest.raises(Unreachable, match="ban"):
            await orders.place(STOP)
    assert len(venue.requests(ALGO)) == 2


async def test_a_question_is_asked_again_and_an_order_that_would_be_is_our_bug(
    venue: ScriptedVenue, rest: Rest
) -> None:
    venue.say("GET /fapi/v1/openOrders", Reply(how="drop"), Reply(b"oops", 500), Reply([]))
    decoder = endpoints_decoder()
    assert await rest.ask(endpoints.OPEN_ORDERS, decoder) == []
    assert len(venue.requests("GET /fapi/v1/openOrders")) >= 3
    with pytest.raises(BrokenInvariant):
        await rest.ask(endpoints.PLACE, decoder)


def endpoints_decoder() -> msgspec.json.Decoder[list[int]]:
    return msgspec.json.Decoder(list[int])


async def test_what_is_so_already_is_no_refusal(venue: ScriptedVenue, rest: Rest) -> None:
    venue.say("POST /fapi/v1/marginType", Reply({"code": -4046, "msg": "No need to change"}, 400))
    answer = await rest.call(endpoints.MARGIN_TYPE, {"symbol": SYMBOL})
    assert isinstance(answer, Refused)
    assert answer.done


async def test_nothing_that_is_shown_of_the_client_tells_the_secret(
    venue: ScriptedVenue, rest: Rest, orders: Orders, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.say(ORDER, Reply(PLACED))
    await orders.place(BUY)
    shown = f"{vars(rest)!r}{vars(rest._wire)!r}{rest._wire}" + "".join(capsys.readouterr())
    assert SECRET not in shown
    assert KEY not in shown


def test_hosts_follow_from_the_mode() -> None:
    assert hosts_of("live") == LIVE
    assert hosts_of("testnet") == DEMO
    assert hosts_of("paper", "http://127.0.0.1:8900/") == Hosts(
        "http://127.0.0.1:8900", "ws://127.0.0.1:8900"
    )


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ("live", "http://127.0.0.1:1"),
        ("testnet", "https://fapi.binance.com"),
        ("paper", None),
        ("paper", "https://fapi.binance.com"),
        ("paper", "http://127.0.0.1.example.org:80"),
        ("paper", "http://127.0.0.1:80/fapi"),
        ("paper", "http://user:pass@127.0.0.1:80"),
        ("paper", "127.0.0.1:80"),
    ],
)
def test_no_other_host_can_be_put_beside_a_mode(mode: TradingMode, url: str | None) -> None:
    with pytest.raises(ConfigError):
        hosts_of(mode, url)


@pytest.mark.parametrize("hosts", [LIVE, DEMO, Hosts("http://127.0.0.1:1", "ws://127.0.0.1:1")])
async def test_no_address_of_another_host_is_left_in_the_client(hosts: Hosts) -> None:
    client = Wire(hosts, *credentials(), lambda: NOW_MS)
    texts = json.dumps(client.urls)
    assert texts.count("://") == texts.count(hosts.rest)
    for product in ("sapi", "dapi", "eapi", "papi", "spot", "testnet.binance"):
        assert f"{product}." not in texts
    await client.close()


def test_an_address_of_another_host_is_found() -> None:
    urls = {"api": {"fapiPublic": "https://fapi.binance.com/fapi/v1", "sapi": "https://x.org/s"}}
    assert point_at(urls, DEMO) == {"api": {"fapiPublic": f"{DEMO.rest}/fapi/v1"}}
    with pytest.raises(BrokenInvariant, match=r"x\.org"):
        check_hosts({"deep": [{"er": ("https://x.org/s",)}]}, LIVE)
