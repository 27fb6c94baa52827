"""Recorded forms of intents, and a maker of broken ones."""

import json
import random
from typing import Any

AT_MS = 1_735_041_600_000

LEAST: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "timestamp": AT_MS}
"""The least that an intent must say."""

ENVELOPE_BODY: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "side": "BUY",
    "confidence": 0.72,
    "entry_price": 3400.5,
    "stop_loss": 3332.49,
    "take_profit": 3536.52,
    "position_size_usd": 200,
    "leverage": 10,
    "timestamp": "2024-12-24T12:00:00.000000",
    "model": "fallback-trend-following",
    "reason": "24h change +6.1%",
    "atr_value": 0.02,
    "volatility_factor": 1.5,
    "exchange_divergence": 0.0,
    "funding_rate": 0.0001,
    "regime": "RANGE",
}

FLAT: dict[bytes, bytes] = {
    b"symbol": b"BTCUSDT",
    b"side": b"short",
    b"timestamp": b"1735041600000",
    b"source": b"live-test",
    b"entry_price": b"95000.1",
    b"position_size_usd": b"150.0",
    b"leverage": b"20",
    b"confidence": b"0.9",
    b"atr_value": b"None",
    b"volatility_factor": b"1.2",
    b"exchange_divergence": b"null",
    b"funding_rate": b"None",
    b"regime": b"",
}


def envelope(body: object, **changes: str) -> dict[bytes, bytes]:
    """Return a message as the old bus wrote it."""
    fields = {
        "event_type": "trade.intent",
        "payload": json.dumps(body),
        "trace_id": "",
        "correlation_id": "8c7a4c1e-0000-4000-8000-000000000000",
        "timestamp": "2024-12-24T12:00:03.123456",
        "source": "trading-bot",
        **changes,
    }
    return {name.encode(): value.encode() for name, value in fields.items()}


def flat(body: dict[str, Any], **changes: str | None) -> dict[bytes, bytes]:
    """Return a message with the body's fields side by side; a change to None leaves one out."""
    whole = {**{name: str(value) for name, value in body.items()}, **changes}
    return {n.encode(): v.encode() for n, v in whole.items() if v is not None}


NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 10.0, 10.5, 125, 126, 1e308, 0.1, -0.0, 10**400, 2**63,
    "", " ", "None", "null", "nan", "NaN", "Infinity", "-inf", "1e400", "1e-400", "1_000",
    "5.", "0x10", "１２", "1,5", "+5", ".5", "--5", "1e", "9" * 70, "true", "BUY", "sell", "Long",
    " SHORT ", "FLAT", "hold", "CLOSE", "BTCUSDT", "币安人生USDT", "BTC USDT", "btc\nusdt",
    "\ud800", "A" * 41, 1735041600, 1735041600.5, 1735041600000, 1735041600000000, "1735041600",
    "1735041600.25", '"ETHUSDT"',
    "2024-12-24T12:00:00Z", "2024-12-24 12:00:00+05:30", "2024-12-24", "2024-13-24T12:00:00",
    "2024-12-24T12:00:00.123456789Z", "1999-01-01T00:00:00", "2100-01-01T00:00:00Z", "20241224",
    "2099-12-31T23:59:59-23:59", "2020-01-01T00:00:00+23:59", "2024-W52-2T12:00",
    float("nan"), float("inf"), [], {}, [1], {"a": 1}, {"a": {"b": [1, 2, {"c": None}]}},
    "margin", "notional", "2", 200, "200.00", "1e15", "1e16", "1e-15", "0.00000000000000000001",
    "trade.intent", "intent.proposed", "execution.result", "main", "other", "\u202eBTC", "x" * 600,
]  # fmt: skip

NAMES = (
    *ENVELOPE_BODY, "ts_ms", "at_ms", "ts", "action", "direction", "signal_id", "intent_id", "id",
    "trace_id", "strategy", "source", "account", "notional_usd", "position_usd", "margin_usd",
    "qty", "quantity", "size", "size_pct", "size_is", "size_type", "sl_pct", "tp_pct",
    "reduceOnly", "reduce_only", "funding_rate_frac", "atr_price", "event_type", "type", "v",
    "unknown", "payload",
)  # fmt: skip

MOMENTS: dict[str, int] = {
    "2024-12-24T12:00:00.000000": AT_MS,
    "1735041600": AT_MS,
    "1735041600.5": AT_MS + 500,
    "1735041600.25": AT_MS + 250,
    "1735041600000": AT_MS,
    "2024-12-24T12:00:00Z": AT_MS,
    "2024-12-24 12:00:00+05:30": AT_MS - 19_800_000,
    "2024-12-24T12:00:00.123456789Z": AT_MS + 123,
}
"""What the times among all these values mean; every other one is no time of an intent."""


def _as_text(value: Any, dice: random.Random) -> str:
    return json.dumps(value) if dice.random() < 0.1 else str(value)


def made_up(dice: random.Random) -> dict[bytes, bytes]:
    """Return a message that is right, nearly right, or nonsense; all of it is UTF-8 or nearly."""
    body = dict(ENVELOPE_BODY)
    for _ in range(dice.randrange(4)):
        name = dice.choice(NAMES)
        if dice.random() < 0.25:
            body.pop(name, None)
        else:
            body[name] = dice.choice(NASTY)
    if dice.random() < 0.5:
        return {
            name.encode(): _as_text(value, dice).encode("utf-8", "surrogatepass")
            for name, value in body.items()
        }
    payload = json.dumps(body, ensure_ascii=dice.random() < 0.5)
    fields = envelope({}, source=dice.choice(["bot", "", "\x00"]))
    return {**fields, b"payload": payload.encode("utf-8", "surrogatepass")}


def scratched(fields: dict[bytes, bytes], dice: random.Random) -> dict[bytes, bytes]:
    """Damage the bytes of one field."""
    name = dice.choice([*fields])
    value = bytearray(fields[name])
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(value) + 1)
        kind = dice.randrange(3)
        if kind == 0:
            value[at:at] = dice.choice([b"[", b"{", b'"', b"\\", b"\xff", b"\x00", b",", b"9"])
        elif kind == 1:
            del value[at : at + dice.randrange(1, 20)]
        else:
            value[at : at + 1] = bytes([dice.randrange(256)])
    return {**fields, name: bytes(value)}
