"""Intents from anywhere: read as they were meant, or refused with the field at fault."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import IntentProposed
from quantum_trader.core.intent_edge import fact_id_of, plan_id_of, read_intent, write_intent
from tests.core.intents import AT_MS, ENVELOPE_BODY, FLAT, LEAST, envelope, flat


def read(fields: Any, account: str = "main") -> IntentProposed:
    return read_intent(fields, account=account)


def read_body(**changes: Any) -> IntentProposed:
    return read(envelope({**LEAST, **changes}))


def fault(fields: Any) -> str:
    """Return the field at fault."""
    with pytest.raises(Malformed) as caught:
        read(fields)
    assert caught.value.field
    assert caught.value.expected
    return caught.value.field


def fault_of(**changes: Any) -> str:
    return fault(envelope({**LEAST, **changes}))


def test_an_enveloped_message_is_read_whole() -> None:
    assert read(envelope(ENVELOPE_BODY)) == IntentProposed(
        id="i71564e0ae37bbbfe9198",
        at_ms=AT_MS,
        trace_id="i71564e0ae37bbbfe9198",
        account="main",
        symbol="ETHUSDT",
        side="LONG",
        signal_id="c0715726b8265ffe948c",
        strategy="fallback-trend-following",
        source="trading-bot",
        confidence=0.72,
        entry_price=Decimal("3400.5"),
        stop_loss=Decimal("3332.49"),
        take_profit=Decimal("3536.52"),
        notional_usd=Decimal(200),
        margin_usd=None,
        qty=None,
        leverage=10,
        atr_price=0.02,
        volatility_factor=1.5,
        exchange_divergence=0.0,
        funding_rate_frac=0.0001,
        regime="RANGE",
        reason="24h change +6.1%",
    )


def test_a_flat_message_with_missing_context_is_read_whole() -> None:
    intent = read(FLAT)
    assert (intent.symbol, intent.side, intent.at_ms) == ("BTCUSDT", "SHORT", AT_MS)
    assert (intent.entry_price, intent.notional_usd) == (Decimal("95000.1"), Decimal(150))
    assert (intent.leverage, intent.confidence, intent.volatility_factor) == (20, 0.9, 1.2)
    assert intent.source == "live-test"
    assert intent.strategy == "unnamed"
    for name in ("atr_price", "exchange_divergence", "funding_rate_frac", "regime"):
        assert getattr(intent, name) is None


def test_flat_and_enveloped_say_the_same() -> None:
    one, two = read(flat(ENVELOPE_BODY)), read(envelope(ENVELOPE_BODY))
    assert msgspec.structs.replace(one, source=two.source) == two


def test_what_we_write_we_read() -> None:
    for fields in (envelope(ENVELOPE_BODY), FLAT):
        intent = read(fields)
        written = write_intent(intent)
        assert written.keys() == {b"type", b"payload"}
        assert read(written) == intent


@pytest.mark.parametrize(
    ("said", "at_ms"),
    [
        (AT_MS, AT_MS),
        (AT_MS // 1000, AT_MS),
        (AT_MS / 1000 + 0.25, AT_MS + 250),
        (float(AT_MS), AT_MS),
        (str(AT_MS), AT_MS),
        (" 1735041600.999 ", AT_MS + 999),
        ("2024-12-24T12:00:00", AT_MS),
        ("2024-12-24t12:00:00z", AT_MS),
        ("2024-12-24 12:00:00.250999", AT_MS + 250),
        ("2024-12-24T12:00:00.123456789Z", AT_MS + 123),
        ("2024-12-24T17:30:00+05:30", AT_MS),
        ("2020-01-01T00:00:00Z", 1_577_836_800_000),
        ("2099-12-31T23:59:59.999Z", 4_102_444_799_999),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "ts_ms", "at_ms", "ts"])
def test_a_time_in_any_usual_form_is_read_to_the_millisecond(
    name: str, said: Any, at_ms: int
) -> None:
    body = {"symbol": "BTCUSDT", "side": "BUY", name: said}
    assert read(envelope(body)).at_ms == at_ms
    assert read(flat(body)).at_ms == at_ms


@pytest.mark.parametrize(
    "said",
    [
        None, True, "", "None", "now", "nan", float("nan"), float("inf"), 0, -AT_MS, "1e400",
        AT_MS * 1000, AT_MS * 10**6, "2024-12-24", "20241224", "2024-13-24T12:00:00", "12:00",
        "2019-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2024-12-24T12:00:00 yesterday",
        "2020-01-01T00:00:00+23:59", "2099-12-31T23:59:59-23:59", "2024-12-24T25:00:00", [AT_MS],
        "２０２４-12-24T12:00:00", {"at": AT_MS},
    ],
)  # fmt: skip
def test_a_time_that_is_none_is_never_now(said: Any) -> None:
    assert fault_of(timestamp=said) == "timestamp"


def test_the_time_of_publishing_is_not_the_time_of_the_intent() -> None:
    body = {name: value for name, value in LEAST.items() if name != "timestamp"}
    assert fault(envelope(body)) == "timestamp"
    assert fault(flat(body)) == "timestamp"


def test_times_under_two_names_must_agree() -> None:
    assert read_body(ts=AT_MS // 1000, at_ms=AT_MS + 999).at_ms == AT_MS + 999
    assert fault_of(at_ms=AT_MS + 1000) == "at_ms"
    assert fault_of(ts_ms="soon") == "ts_ms"


@pytest.mark.parametrize(
    ("said", "symbol"),
    [(" ethusdt ", "ETHUSDT"), ("币安人生usdt", "币安人生USDT"), ("BTC-USDT.P", "BTC-USDT.P")],
)
def test_a_symbol_is_text_in_upper_case(said: str, symbol: str) -> None:
    assert read_body(symbol=said).symbol == symbol


@pytest.mark.parametrize(
    "said",
    [None, "", " ", "None", "null", True, [], float("nan"), float("inf"), "BTC USDT", "BTC\tUSDT",
     "BTC\x00", 'BTC"', "\ud800", "\u200bBTCUSDT", "A" * 41, "ß" * 21],
)  # fmt: skip
def test_without_a_symbol_there_is_no_intent(said: Any) -> None:
    assert fault_of(symbol=said) == "symbol"


@pytest.mark.parametrize("name", ["side", "action", "direction"])
@pytest.mark.parametrize(
    ("said", "side"),
    [("BUY", "LONG"), ("long", "LONG"), ("Sell", "SHORT"), (" SHORT", "SHORT"), ("hold", "HOLD"),
     ("FLAT", "FLAT")],
)  # fmt: skip
def test_a_side_is_read_in_either_vocabulary(name: str, said: str, side: str) -> None:
    body = {"symbol": "BTCUSDT", "timestamp": AT_MS, name: said}
    assert read(envelope(body)).side == side
    assert read(flat(body)).side == side


@pytest.mark.parametrize("said", [None, "", "CLOSE", "BOTH", 1, True, ["BUY"], "BUY SELL"])
def test_an_unknown_side_is_refused_and_never_guessed(said: Any) -> None:
    assert fault_of(side=said) == "side"


def test_sides_under_two_names_must_agree() -> None:
    assert read_body(direction="LONG", action="buy").side == "LONG"
    assert fault_of(direction="SHORT") == "side"
    assert fault_of(action="ENTRY_PROPOSED") == "action"


def test_an_order_that_only_reduces_is_no_entry() -> None:
    assert read_body(reduceOnly=False, reduce_only="false").side == "LONG"
    assert fault_of(reduceOnly="True") == "reduceOnly"
    assert fault_of(reduce_only=1) == "reduce_only"
    assert fault_of(reduce_only="perhaps") == "reduce_only"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"position_size_usd": 200}, "notional_usd"),
        ({"position_usd": "200.0"}, "notional_usd"),
        ({"notional_usd": 2e2}, "notional_usd"),
        ({"notional_usd": 200, "position_usd": "200.00"}, "notional_usd"),
        ({"margin_usd": 200}, "margin_usd"),
        ({"position_usd": 200, "size_is": "Margin"}, "margin_usd"),
        ({"position_size_usd": 200, "size_type": "notional"}, "notional_usd"),
        ({"qty": 200}, "qty"),
        ({"quantity": "2e2", "size": 5, "size_pct": 0.1}, "qty"),
    ],
)
def test_a_size_means_one_thing(body: dict[str, Any], name: str) -> None:
    intent = read_body(**body)
    sizes = {each: getattr(intent, each) for each in ("notional_usd", "margin_usd", "qty")}
    assert sizes.pop(name) == 200
    assert set(sizes.values()) == {None}


def test_no_size_is_no_size() -> None:
    intent = read_body(position_size_usd=None, qty="null")
    assert (intent.notional_usd, intent.margin_usd, intent.qty) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"position_usd": 200, "qty": 1}, "notional_usd"),
        ({"margin_usd": 20, "notional_usd": 200}, "notional_usd"),
        ({"margin_usd": 20, "position_usd": 200, "size_is": "margin"}, "margin_usd"),
        ({"position_usd": 200, "position_size_usd": 201}, "position_size_usd"),
        ({"qty": 1, "quantity": 2}, "qty"),
        ({"position_usd": 200, "size_is": "percent"}, "size_is"),
        ({"size": 200}, "size"),
        ({"size_pct": 0.1}, "size_pct"),
        ({"sl_pct": 2.5}, "sl_pct"),
        ({"tp_pct": 2.5}, "tp_pct"),
    ],
)
def test_a_size_or_level_that_could_mean_two_things_is_refused(
    body: dict[str, Any], name: str
) -> None:
    assert fault_of(**body) == name


# --- numbers ----------------------------------------------------------------------------------

PRICES = ("entry_price", "stop_loss", "take_profit", "notional_usd", "margin_usd", "qty")
STATISTICS = ("atr_value", "volatility_factor", "exchange_divergence", "funding_rate")
NO_NUMBERS: list[Any] = [
    True, False, float("nan"), float("inf"), "-Infinity", "1e400", "1e-400x", "1_000", "0x10",
    "１２", "1,5", "two", [], {}, "9" * 70, "1e9999999999",
]  # fmt: skip


@pytest.mark.parametrize("name", [*PRICES, *STATISTICS, "confidence", "leverage"])
@pytest.mark.parametrize("said", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused_by_name_and_never_dropped(name: str, said: Any) -> None:
    assert fault_of(**{name: said}) == name


@pytest.mark.parametrize("name", [*PRICES, *STATISTICS, "confidence", "leverage", "regime"])
@pytest.mark.parametrize("said", [None, "", "None", "null", " NULL "])
def test_an_optional_value_that_is_missing_is_missing(name: str, said: Any) -> None:
    ours = {"atr_value": "atr_price", "funding_rate": "funding_rate_frac"}.get(name, name)
    assert getattr(read_body(**{name: said}), ours) is None


@pytest.mark.parametrize("name", PRICES)
@pytest.mark.parametrize("said", [0, -1, "0.0", "-0", "1e-16", "1e16"])
def test_prices_and_sizes_are_above_zero_and_within_reason(name: str, said: Any) -> None:
    assert fault_of(**{name: said}) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("confidence", 1.01), ("confidence", -0.1), ("confidence", 85), ("leverage", 0),
        ("leverage", 126), ("leverage", 10.5), ("leverage", "-10"), ("atr_value", -0.1),
        ("volatility_factor", -1), ("exchange_divergence", -1), ("funding_rate", 1.5),
        ("funding_rate", "1e16"), ("regime", []), ("reason", "x" * 501), ("source", {"a": 1}),
        ("strategy", "\x07"), ("signal_id", "\ud800"), ("account", "somebody else"),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused_by_name(name: str, said: Any) -> None:
    assert fault_of(**{name: said}) == name


@pytest.mark.parametrize("said", [10, "10", 10.0, "1e1", "+10"])
def test_leverage_is_a_whole_number_in_any_writing(said: Any) -> None:
    assert read_body(leverage=said).leverage == 10


def test_prices_are_taken_digit_by_digit() -> None:
    body = b'{"symbol":"X","side":"BUY","ts":1735041600,"entry_price":0.10000000000000000001}'
    assert str(read({b"payload": body}).entry_price) == "0.10000000000000000001"


def test_a_price_too_fine_to_be_written_back_is_refused() -> None:
    assert fault_of(entry_price="1.000000000000000000000000000001e-5") == "entry_price"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (None, "message"),
        ({}, "message"),
        ({b"x": b"y" * 65_536}, "message"),
        ({b"\xff": b"1"}, "field name"),
        ({b"symbol": b"\xff"}, "b'symbol'"),
        ({b"payload": b""}, "payload"),
        ({b"payload": b"{"}, "payload"),
        ({b"payload": b"[]"}, "payload"),
        ({b"payload": b"{}"}, "payload"),
        ({b"payload": b"null"}, "payload"),
        ({b"payload": b'{"a": 01}'}, "payload"),
        ({b"payload": b"\xef\xbb\xbf{}"}, "payload"),
        ({b"payload": b"[" * 60_000}, "payload"),
        ({b"payload": b'{"a":' * 10_000}, "payload"),
        ({b"payload": b'{"side":"BUY","side":"SELL"}'}, "side"),
        ({b"payload": b'{"a":{"b":1,"b":1}}'}, "b"),
        ({b"payload": b'{"":1,"":1}'}, "payload"),
    ],
)
def test_a_message_that_cannot_be_opened_is_refused(fields: Any, name: str) -> None:
    assert fault(fields) == name


def test_a_message_of_another_kind_is_refused() -> None:
    assert fault(envelope(LEAST, event_type="execution.result")) == "event_type"
    assert fault(flat(LEAST, event_type="execution.result")) == "event_type"
    assert fault(envelope({**LEAST, "event_type": ["trade.intent"]})) == "event_type"
    assert fault({**envelope(LEAST), b"type": b"plan.made"}) == "type"
    assert fault(flat(LEAST, type="plan.made")) == "type"
    assert fault_of(type="plan.made") == "type"
    assert read(flat(LEAST, type="MARKET", event_type="TRADE_INTENT")).symbol == "BTCUSDT"


def test_of_the_envelope_only_where_it_came_from_is_kept() -> None:
    plain = read_body()
    traced = read(envelope(LEAST, trace_id="trace-7", symbol="XRPUSDT"))
    assert plain.trace_id == plain.id
    assert traced == msgspec.structs.replace(plain, trace_id="trace-7")
    assert read(envelope({**LEAST, "source": "desk", "trace_id": "t"})).source == "desk"


def test_an_unknown_field_does_no_harm() -> None:
    assert read_body(consensus_count=3, meta={"a": [1, {"b": 2}]}, v=9) == read_body()


@pytest.mark.parametrize("name", ["signal_id", "intent_id", "id", "trace_id"])
def test_the_proposer_may_name_the_intent(name: str) -> None:
    assert read_body(**{name: "s-1"}).signal_id == "s-1"


def test_of_several_names_the_most_telling_counts() -> None:
    named = read_body(signal_id="s", intent_id="n", id="x", trace_id="t")
    assert (named.signal_id, named.trace_id) == ("s", "t")


def test_the_same_signal_is_the_same_plan_however_it_is_told() -> None:
    first = read_body(signal_id="s-1", confidence=0.5)
    again = read(flat(LEAST, signal_id="s-1", reason="told again", timestamp=str(AT_MS + 60_000)))
    assert first.id == again.id == fact_id_of("main", "unnamed", "BTCUSDT", "s-1")
    assert plan_id_of(first) == plan_id_of(again) == "p" + first.id[1:]


def test_without_a_name_the_content_is_the_name() -> None:
    base = read_body(notional_usd=200)
    assert base.signal_id == read_body(position_usd="200.00", reason="again").signal_id
    changed = [
        read_body(notional_usd=201),
        read_body(margin_usd=200),
        read_body(notional_usd=200, side="SELL"),
        read_body(notional_usd=200, timestamp=AT_MS + 1),
        read_body(notional_usd=200, symbol="ETHUSDT"),
        read_body(notional_usd=200, stop_loss=5),
        read_body(notional_usd=200, take_profit=5),
        read_body(notional_usd=200, strategy="other"),
    ]
    assert len({base.id, *(each.id for each in changed)}) == 9


def test_plans_differ_by_account_strategy_symbol_and_signal() -> None:
    base = read_body(signal_id="s")
    others = [
        read(envelope({**LEAST, "signal_id": "s"}), account="second"),
        read_body(signal_id="s", strategy="other"),
        read_body(signal_id="s", symbol="ETHUSDT"),
        read_body(signal_id="t"),
    ]
    assert len({plan_id_of(base), *map(plan_id_of, others)}) == 5
    assert len({base.id, *(each.id for each in others)}) == 5


def test_names_cannot_be_shifted_across_their_boundaries() -> None:
    assert fact_id_of("a|b", "c", "d", "e") != fact_id_of("a", "b|c", "d", "e")
    assert fact_id_of('a","b', "c", "d", "e") != fact_id_of("a", 'b","c', "d", "e")


def test_ids_are_short_ascii_whatever_the_symbol() -> None:
    intent = read_body(symbol="币安人生USDT")
    for each in (intent.id, plan_id_of(intent)):
        assert len(each) == 21
        assert each.isascii()
        assert each.isalnum()
