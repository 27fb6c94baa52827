"""Whatever stands in ``trade.intent`` is read as it was meant, or refused; nothing else happens."""

import json
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core import intent_edge
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import TAGS, IntentProposed, encode
from quantum_trader.core.intent_edge import fact_id_of, read_generously, read_intent, write_intent
from tests.core.intents import AT_MS, ENVELOPE_BODY, LEAST, MOMENTS, made_up, scratched


def read(fields: dict[bytes, bytes]) -> IntentProposed:
    return read_intent(fields, account="main")


def outcome(fields: dict[bytes, bytes]) -> IntentProposed | Malformed:
    """Return what became of a message; any other exception is a failure of the test."""
    try:
        return read(fields)
    except Malformed as error:
        return error


def check_whole_or_refused(fields: dict[bytes, bytes]) -> IntentProposed | None:
    """Check that a message is a whole intent, or a refusal that names what is wrong."""
    found = outcome(fields)
    if isinstance(found, Malformed):
        assert found.field
        assert found.expected
        return None
    assert read(write_intent(found)) == found
    return found


def check_nothing_made_up(fields: dict[bytes, bytes], intent: IntentProposed) -> None:
    """Check that symbol and time are what the message says."""
    texts = [raw.decode() for raw in fields.values()]
    if b"payload" in fields:
        texts = [str(raw) for raw in json.loads(fields[b"payload"]).values()]
    said = {text.strip() for text in texts}
    assert intent.symbol in {text.upper() for text in said}
    assert intent.at_ms in {MOMENTS[text] for text in said & MOMENTS.keys()}


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_whatever_comes_is_an_intent_or_a_clear_refusal(count: int) -> None:
    dice, whole = random.Random(count), 0
    for number in range(count):
        fields = made_up(dice)
        if number % 5 == 0:
            check_whole_or_refused(scratched(fields, dice))
        elif intent := check_whole_or_refused(fields):
            check_nothing_made_up(fields, intent)
            whole += 1
    assert count * 0.1 < whole < count * 0.7


bytes_or_words = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"BUY", b"BTCUSDT", str(AT_MS).encode(), b"0.5", b"null"]),
)
names = st.sampled_from([name.encode() for name in (*ENVELOPE_BODY, "payload", "ts", "qty")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(names | st.binary(max_size=8), bytes_or_words, max_size=12))
def test_arbitrary_fields_never_raise_anything_else(fields: dict[bytes, bytes]) -> None:
    check_whole_or_refused(fields)


@given(st.dictionaries(st.sampled_from([*ENVELOPE_BODY]), json_values, max_size=3))
def test_arbitrary_values_never_raise_anything_else(changes: dict[str, Any]) -> None:
    check_whole_or_refused({b"payload": json.dumps({**LEAST, **changes}).encode()})


words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["none", "NULL", "", " ", "a  b", "{" * 65, "x" * 129, "y" * 501, "BTC", "main"]
    ),
)
amounts = (
    st.none()
    | st.decimals()
    | st.sampled_from(
        [
            Decimal(text)
            for text in ("3000", "3E+3", "1E-15", "9E-16", "1E+15", "1.1E+15", "0", "-1")
        ]
    )
)
effects = st.none() | st.floats() | st.sampled_from([-0.0, 0.0, 1.0, 1e15, 1.1e15, 5e-324])
sides = st.sampled_from(["LONG", "SHORT", "FLAT", "HOLD"])
times = st.integers() | st.sampled_from(
    [AT_MS, AT_MS // 1000, 1_577_836_800_000, 1_577_836_799_999, 4_102_444_800_000]
)
written = st.builds(
    IntentProposed,
    id=words, at_ms=times, trace_id=words, account=words, v=st.sampled_from([1, 1, 2]),
    symbol=words | st.sampled_from(["BTCUSDT", "btc", "B" * 40, "B" * 41, "币安人生USDT", "A-B"]),
    side=sides, signal_id=words, strategy=words, source=words, confidence=effects,
    entry_price=amounts, stop_loss=amounts, take_profit=amounts, notional_usd=amounts,
    margin_usd=amounts, qty=amounts, leverage=st.none() | st.integers(-1, 130), atr_price=effects,
    volatility_factor=effects, exchange_divergence=effects, funding_rate_frac=effects,
    regime=st.none() | words, reason=st.none() | words,
)  # fmt: skip
GOOD = IntentProposed(
    id="i", at_ms=AT_MS, trace_id="t", account="main", symbol="BTCUSDT", side="LONG",
    signal_id="s", strategy="m", source="bot", confidence=0.5, entry_price=Decimal("95000.1"),
    stop_loss=None, take_profit=None, notional_usd=Decimal(200), margin_usd=None, qty=None,
    leverage=10, atr_price=0.02, volatility_factor=1.5, exchange_divergence=0.0,
    funding_rate_frac=-0.0001, regime="RANGE", reason="24h change",
)  # fmt: skip
TEXTS = ("none", "NULL", "", " ", "a  b", "a\n", "{" * 65, "x" * 129, "y" * 501, "BTC", "other")
AMOUNTS = tuple(
    Decimal(text)
    for text in ("3E+3", "1E-15", "9E-16", "1E+15", "1.1E+15", "0", "-1", "NaN", "1." + "0" * 31)
)
EFFECTS = (-1.1, -1.0, -0.1, -0.0, 0.0, 1.0, 1.1, 1e15, 1.1e15, 5e-324, float("nan"))
TIMES = (
    AT_MS // 1000, 1_577_836_799_999, 1_577_836_800_000, 4_102_444_799_999, 4_102_444_800_000, 0,
)  # fmt: skip
SYMBOLS = ("btc", "B" * 40, "B" * 41, "币安人生USDT", "A-B", "A B", "ẞ")
OF_TEXT = ("id", "trace_id", "account", "symbol", "signal_id", "strategy", "source", "regime",
           "reason")  # fmt: skip
OF_AMOUNT = ("entry_price", "stop_loss", "take_profit", "notional_usd", "margin_usd", "qty")
OF_EFFECT = ("confidence", "atr_price", "volatility_factor", "exchange_divergence",
             "funding_rate_frac")  # fmt: skip
CHANGES: list[dict[str, Any]] = [
    *({name: text} for name in OF_TEXT for text in TEXTS),
    *({name: amount} for name in OF_AMOUNT for amount in AMOUNTS),
    *({"notional_usd": None, name: amount} for name in OF_AMOUNT for amount in AMOUNTS),
    *({name: effect} for name in OF_EFFECT for effect in EFFECTS),
    *({"at_ms": at_ms} for at_ms in TIMES),
    *({"symbol": symbol} for symbol in SYMBOLS),
    *({"leverage": leverage} for leverage in (-1, 0, 1, 125, 126, 2**63)),
    *({"side": side} for side in ("LONG", "SHORT", "FLAT", "HOLD", "BUY")),
    {"v": 2},
    {"margin_usd": Decimal(1)},
    {"regime": None, "reason": None, "leverage": None, "notional_usd": None},
]
one_changed = st.sampled_from(CHANGES).map(lambda change: msgspec.structs.replace(GOOD, **change))


def check_same_both_ways(fields: dict[bytes, bytes], account: str = "main") -> None:
    found: list[object] = []
    for way in (read_intent, read_generously):
        try:
            found.append(encode(way(fields, account=account)))
        except Malformed as error:
            found.append((error.field, error.expected))
    assert found[0] == found[1]


@given(written | one_changed)
def test_a_written_intent_is_read_the_same_in_haste_and_at_leisure(intent: IntentProposed) -> None:
    check_same_both_ways(write_intent(intent), intent.account)
    check_same_both_ways(write_intent(intent))


def test_every_single_change_of_a_written_intent_is_judged_the_same_both_ways() -> None:
    for change in CHANGES:
        changed = msgspec.structs.replace(GOOD, **change)
        check_same_both_ways(write_intent(changed))
        check_same_both_ways(write_intent(changed), changed.account)


@given(one_changed, st.randoms(use_true_random=False))
def test_a_scratched_intent_is_judged_the_same_in_haste_and_at_leisure(
    intent: IntentProposed, dice: random.Random
) -> None:
    check_same_both_ways(scratched(write_intent(intent), dice))


@pytest.mark.parametrize(
    "more",
    [
        b'"sl_pct":"5"',
        b'"reduceOnly":true',
        b'"side":"SHORT"',
        b'"ts":1735041609000',
        b'"event_type":"x"',
    ],
)
def test_a_written_intent_with_one_name_more_is_read_at_leisure(more: bytes) -> None:
    payload = encode(GOOD)[:-1] + b"," + more + b"}"
    fields = {b"type": TAGS[IntentProposed].encode(), b"payload": payload}
    check_same_both_ways(fields)
    with pytest.raises(Malformed):
        read(fields)


def test_our_own_writing_is_read_without_the_generous_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(intent_edge, "read_generously")
    fact_id = fact_id_of("main", "m", "BTCUSDT", "s")
    assert read(write_intent(GOOD)) == msgspec.structs.replace(GOOD, id=fact_id)
