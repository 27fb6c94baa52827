"""What the venue really said, and what it never would: both are read, and neither is a guess."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_trader.adapters.exchanges.binance import answers, events
from quantum_trader.adapters.exchanges.binance.events import (
    AccountEvent,
    AlgoEvent,
    ConfigEvent,
    Event,
    LiteEvent,
    MarginCallEvent,
    OrderEvent,
    Unknown,
    read_event,
)
from quantum_trader.adapters.exchanges.binance.identity import Conditional, Identity
from quantum_trader.adapters.exchanges.binance.reports import (
    Told,
    Unfamiliar,
    of_algo,
    of_algo_row,
    of_order,
    of_order_row,
    of_trade_row,
)
from quantum_trader.adapters.exchanges.binance.rest import UNREADABLE
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events.orders import FillCause
from quantum_trader.core.venue import VenueCancel, VenueFill, VenueTrigger

USER_DATA = "binance/nautilus/user_data_json"
WS = "binance/nautilus/py_ws_messages"
NET = "binance/binance_net"


def told(event: Event) -> list[Told]:
    """What an event reports, without anybody to ask."""
    if isinstance(event, OrderEvent):
        return list(of_order(event.o, event.o.c, Decimal(0)))
    if isinstance(event, AlgoEvent):
        found = Conditional(event.o.caid, event.o.aid, event.o.tp)
        return list(of_algo(event, found))
    return []


def recorded(shared_data: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted((shared_data / folder).glob("*.json")):
        yield path.name, path.read_bytes()


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        ("order_update_adl.json", "adl"),
        ("order_update_calculated.json", "liquidation"),
        ("order_update_insurance.json", "liquidation"),
        ("order_update_settlement.json", "settlement"),
        ("order_update_delivery.json", "settlement"),
        ("order_update_trade.json", "order"),
    ],
)
def test_recorded_trades_are_fills_with_their_cause(
    shared_data: Path, file: str, cause: FillCause
) -> None:
    raw = (shared_data / USER_DATA / file).read_bytes()
    (one,) = told(read_event(raw))
    assert isinstance(one.update, VenueFill)
    said = json.loads(raw)["o"]
    assert one.update.cause == cause
    assert (one.update.qty, one.update.price) == (Decimal(said["l"]), Decimal(said["L"]))
    assert one.update.trade_id == str(said["t"])
    assert one.update.done == (Decimal(said["z"]) == Decimal(said["q"]))


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        (f"{USER_DATA}/order_update_new.json", []),
        (f"{USER_DATA}/order_update_calculated_pending.json", []),
        (f"{WS}/ws_futures_order_update_liquidation_zero_qty.json", []),
        (f"{WS}/ws_futures_order_update_liquidation.json", [VenueFill]),
        (f"{USER_DATA}/algo_update_new.json", []),
        (f"{USER_DATA}/algo_update_canceled.json", [VenueCancel]),
        (f"{WS}/ws_futures_algo_update_triggering.json", [VenueTrigger]),
        (f"{WS}/ws_futures_algo_update_triggered.json", [VenueTrigger]),
        (f"{WS}/ws_futures_algo_update_finished.json", [VenueTrigger]),
    ],
)
def test_what_recorded_events_report(
    shared_data: Path, file: str, kinds: list[type[object]]
) -> None:
    found = told(read_event((shared_data / file).read_bytes()))
    assert [type(one.update) for one in found] == kinds


def test_every_recorded_message_of_the_user_stream_is_read(shared_data: Path) -> None:
    kinds = set()
    for name, raw in [*recorded(shared_data, USER_DATA), *recorded(shared_data, WS)]:
        event = read_event(raw)
        told(event)
        kinds.add(type(event))
        of_the_user = name.startswith("ws_futures_order") or "algo" in name or "lite" in name
        assert not of_the_user or not isinstance(event, Unknown), name
    assert {OrderEvent, AlgoEvent, AccountEvent, LiteEvent} <= kinds


def test_subscriptions_as_another_client_knows_them_are_read(shared_data: Path) -> None:
    expected = {
        "OrderUpdate": OrderEvent,
        "AlgoOrderUpdate": AlgoEvent,
        "AccountUpdate": AccountEvent,
        "Leverage": ConfigEvent,
        "MultiAssetMode": ConfigEvent,
        "MarginUpdate": MarginCallEvent,
        "TradeUpdate": LiteEvent,
        "GridUpdate": Unknown,
        "StrategyUpdate": Unknown,
    }
    for name, kind in expected.items():
        text = (shared_data / NET / "subscriptions" / f"{name}.txt").read_text("utf-8-sig")
        assert isinstance(read_event(text.partition("\n= ")[2].strip()), kind), name


@pytest.mark.parametrize(
    ("file", "decoder"),
    [
        ("Trading/PlaceOrder", answers.ORDER),
        ("Trading/GetOrder", answers.ORDER),
        ("Trading/CancelOrder", answers.ORDER),
        ("Trading/GetOrders", answers.ORDERS),
        ("Trading/GetOpenOrders", answers.ORDERS),
        ("Trading/PlaceConditionalOrder", answers.ALGO),
        ("Trading/GetConditionalOrder", answers.ALGO),
        ("Trading/GetConditionalOrders", answers.ALGOS),
        ("Trading/GetOpenConditionalOrders", answers.ALGOS),
        ("Trading/CancelConditionalOrder", answers.ALGO_NAMED),
        ("Trading/GetUserTrades", answers.TRADES),
        ("Trading/GetPositions", answers.POSITIONS),
        ("Account/GetIncomeHistory", msgspec.json.Decoder(list[answers.IncomeRow], strict=False)),
        ("Account/GetAccountInfoV3", answers.ACCOUNT),
        ("Account/GetAccountConfiguration", answers.ACCOUNT_CONFIG),
        ("Account/GetSymbolConfiguration", answers.SYMBOL_CONFIG),
        ("Account/ChangeInitialLeverage", answers.LEVERAGE),
        ("Account/StartUserStream", answers.LISTEN_KEY),
        ("ExchangeData/GetFundingRates", answers.RATES),
    ],
)
def test_recorded_answers_are_read(
    shared_data: Path, file: str, decoder: msgspec.json.Decoder[Any]
) -> None:
    text = (shared_data / NET / "endpoints" / f"{file}.txt").read_text("utf-8-sig")
    assert decoder.decode(text.split("\n", 3)[3].encode())


def test_a_taker_pays_whichever_sign_its_commission_has() -> None:
    for sign, maker in (("-", False), ("", False), ("", True)):
        row = answers.TRADE.decode(
            b'{"id":1,"orderId":2,"symbol":"BTCUSDT","side":"BUY","price":"1","qty":"1","time":3,'
            b'"maker":%s,"commission":"%s0.5","commissionAsset":"USDT"}'
            % (str(maker).lower().encode(), sign.encode())
        )
        assert row.commission is not None
        assert of_trade_row(row, "x", abs(row.commission), done=True).key == ("trade", "BTCUSDT", 1)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0", "NaN", "1E999999999", "-1", "Infinity", "FILLED", "TRADE", "BUY"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
ORDER_FIELDS = [*events.OrderState.__struct_fields__]
ALGO_FIELDS = [*events.AlgoState.__struct_fields__]
GOOD_ORDER: dict[str, object] = {
    "s": "BTCUSDT",
    "c": "q1E",
    "S": "BUY",
    "x": "TRADE",
    "X": "FILLED",
    "i": 1,
    "q": "2",
    "z": "2",
    "T": 1,
    "l": "2",
    "L": "3",
    "t": 5,
    "m": False,
    "N": "USDT",
    "n": "0.1",
}
GOOD_ALGO: dict[str, object] = {
    "caid": "q1S",
    "aid": 1,
    "s": "BTCUSDT",
    "S": "SELL",
    "X": "NEW",
    "tp": "2",
    "ai": "",
}


def _spoiled(good: dict[str, object], fields: list[str]) -> st.SearchStrategy[dict[str, object]]:
    """A good event with some fields replaced by anything, and some left out."""
    changes = st.dictionaries(st.sampled_from(fields), JSON, max_size=4)
    gone = st.sets(st.sampled_from(fields), max_size=2)
    return st.builds(
        lambda new, without: {k: v for k, v in {**good, **new}.items() if k not in without},
        changes,
        gone,
    )


MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40),
    JSON.map(json.dumps),
    _spoiled(GOOD_ORDER, ORDER_FIELDS).map(
        lambda o: json.dumps({"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1, "o": o})
    ),
    _spoiled(GOOD_ALGO, ALGO_FIELDS).map(
        lambda o: json.dumps({"stream": "x", "data": {"e": "ALGO_UPDATE", "E": 1, "T": 1, "o": o}})
    ),
    st.builds(
        lambda name, body: json.dumps({"e": name, "E": 1, "T": 1, "a": body, "ac": body}),
        st.sampled_from(["ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "TRADE_LITE", "MARGIN_CALL"]),
        JSON,
    ),
)


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_no_message_of_the_user_stream_crashes_or_is_lost_in_silence(message: str | bytes) -> None:
    try:
        found = told(read_event(message))
    except (Malformed, Unfamiliar):
        return
    for one in found:
        if isinstance(one.update, VenueFill):
            assert one.update.qty > 0
            assert one.update.price > 0
            assert int(one.update.trade_id) > 0


def test_an_event_nested_beyond_reason_is_unreadable() -> None:
    with pytest.raises(Malformed):
        read_event("[" * 200_000)
    with pytest.raises(Malformed):
        read_event('{"e":"ORDER_TRADE_UPDATE","o":' + '{"s":' * 100_000)


ROW_FIELDS = {
    "order": [*answers.OrderRow.__struct_encode_fields__],
    "algo": [*answers.AlgoRow.__struct_encode_fields__],
    "trade": [*answers.TradeRow.__struct_encode_fields__],
}
GOOD_ROWS: dict[str, dict[str, object]] = {
    "order": {
        "orderId": 1,
        "clientOrderId": "a",
        "symbol": "B",
        "status": "CANCELED",
        "side": "BUY",
        "type": "LIMIT",
        "origQty": "1",
        "executedQty": "0",
        "updateTime": 5,
    },
    "algo": {
        "algoId": 1,
        "clientAlgoId": "a",
        "symbol": "B",
        "algoStatus": "FINISHED",
        "side": "BUY",
        "orderType": "STOP_MARKET",
        "triggerPrice": "3",
        "actualOrderId": "7",
    },
    "trade": {
        "id": 1,
        "orderId": 1,
        "symbol": "B",
        "side": "BUY",
        "price": "1",
        "qty": "2",
        "time": 5,
        "maker": True,
        "commission": "0.1",
        "commissionAsset": "USDT",
    },
}


def _reported(kind: str, raw: bytes) -> list[Told]:
    identity = Identity()
    if kind == "order":
        row = answers.ORDER.decode(raw)
        identity.note_order(row)
        return list(of_order_row(row, identity.name_of(row.order_id) or row.client_order_id))
    if kind == "algo":
        algo = answers.ALGO.decode(raw)
        identity.note_algo(algo)
        return list(of_algo_row(algo))
    return [of_trade_row(answers.TRADE.decode(raw), "a", Decimal(0), done=False)]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(GOOD_ROWS)).flatmap(
        lambda kind: st.tuples(st.just(kind), _spoiled(GOOD_ROWS[kind], ROW_FIELDS[kind]))
    )
)
def test_no_row_of_an_answer_crashes_or_becomes_a_guess(
    case: tuple[str, dict[str, object]],
) -> None:
    kind, row = case
    try:
        found = _reported(kind, json.dumps(row).encode())
    except (Malformed, *UNREADABLE):
        return
    for one in found:
        if isinstance(one.update, VenueFill):
            assert one.update.qty > 0


@pytest.mark.parametrize("kind", sorted(GOOD_ROWS))
def test_a_good_row_is_reported(kind: str) -> None:
    assert _reported(kind, json.dumps(GOOD_ROWS[kind]).encode())
