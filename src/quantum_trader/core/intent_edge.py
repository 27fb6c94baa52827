"""The door for intents: generous in form, strict in content.

Accepted forms: flat fields; a JSON object in the field ``payload`` with the old bus's envelope
beside it; our own ``{type, payload}``. Beside a payload only ``source`` and ``trace_id`` are taken
from the envelope, as provenance: its ``timestamp`` is when the message was published, and a
message published again would look fresh.

Sizes: ``notional_usd``, ``position_usd`` and ``position_size_usd`` are the worth of the position,
leverage included; ``margin_usd`` is what is put up for it. ``size_is`` (or ``size_type``) set to
``margin`` says that the ``position`` names mean margin too. ``qty`` and ``quantity`` count units.
No size means: size by risk.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

import msgspec

from quantum_trader.core import edge_values as edge
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import TAGS, IntentProposed, encode
from quantum_trader.core.events.intents import IntentSide

MESSAGE_BYTES_MAX = 64 * 1024
NESTED_MAX = 64
OWN_BYTES_MAX = MESSAGE_BYTES_MAX // 2
"""Of the payload alone, so that names and tag have room beside it."""
UNNAMED = "unnamed"
"""Strategy or source of a proposer who does not say."""

TAG = TAGS[IntentProposed]
_TAG_BYTES = TAG.encode()
_own_decoder = msgspec.json.Decoder(IntentProposed)
OTHER_TAGS = frozenset(TAGS.values()) - {TAG}
KINDS = frozenset((TAG, "trade.intent"))
SIDES: Mapping[str, IntentSide] = {
    "BUY": "LONG",
    "LONG": "LONG",
    "SELL": "SHORT",
    "SHORT": "SHORT",
    "FLAT": "FLAT",
    "HOLD": "HOLD",
}
TIMES = ("at_ms", "ts_ms", "timestamp", "ts")
TIMES_APART_MS_MAX = 999
TRACE = ("trace_id",)
SOURCE = ("source",)
IDS = ("signal_id", "intent_id", "id", "trace_id")
NOTIONALS = ("notional_usd",)
POSITION_SIZES = ("position_size_usd", "position_usd")
MARGINS = ("margin_usd",)
QUANTITIES = ("qty", "quantity")
SIZES = NOTIONALS + POSITION_SIZES + MARGINS + QUANTITIES
UNCLEAR = {
    "size": (SIZES, "one of notional_usd, margin_usd, qty instead"),
    "size_pct": (SIZES, "one of notional_usd, margin_usd, qty instead"),
    "sl_pct": (("stop_loss",), "stop_loss as a price instead"),
    "tp_pct": (("take_profit",), "take_profit as a price instead"),
}
"""Fields that would change the trade and that nobody can read for certain, unless what they
mean is also said clearly, under one of the names beside them."""

Body = Mapping[str, Any]
T = TypeVar("T")


def read_intent(fields: Mapping[bytes, bytes] | None, *, account: str) -> IntentProposed:
    """Read one message of ``trade.intent``, for this account.

    Raises ``Malformed``, and nothing else, naming the field at fault. Nothing is made up: there is
    no default symbol, side or time.
    """
    if fields and len(fields) == 2 and fields.get(b"type") == _TAG_BYTES:
        intent = _read_own(fields.get(b"payload", b""), account)
        if intent is not None:
            return intent
    return read_generously(fields, account=account)


def read_generously(fields: Mapping[bytes, bytes] | None, *, account: str) -> IntentProposed:
    """What ``read_intent`` does with every message that is not exactly as we would write it."""
    body, envelope = _open(fields)
    _check_for_us(body, account)
    _check_clear(body)
    content = _content(body)
    strategy = _first(body, ("strategy", "model", "meta_strategy")) or UNNAMED
    signal_id = _first(body, IDS) or _derived_id(strategy, content)
    fact_id = fact_id_of(account, strategy, content["symbol"], signal_id)
    return IntentProposed(
        id=fact_id,
        trace_id=_first(body, TRACE) or _first(envelope, TRACE) or fact_id,
        account=account,
        signal_id=signal_id,
        strategy=strategy,
        source=_first(body, SOURCE) or _first(envelope, SOURCE) or UNNAMED,
        **content,
    )


def write_intent(intent: IntentProposed) -> dict[bytes, bytes]:
    """The fields of a message that ``read_intent`` turns into the same intent."""
    return {b"type": _TAG_BYTES, b"payload": encode(intent)}


def fact_id_of(account: str, strategy: str, symbol: str, signal_id: str) -> str:
    """The id of the fact that this signal was proposed: the same however often it is sent."""
    return "i" + _digest((account, strategy, symbol, signal_id))


def plan_id_of(intent: IntentProposed) -> str:
    """The id of the plan an intent becomes: from what is meant, never from clock or stream."""
    return "p" + _digest((intent.account, intent.strategy, intent.symbol, intent.signal_id))


def _digest(content: tuple[object, ...]) -> str:
    # As a JSON list, so that no choice of texts can shift a boundary.
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:20]


def _derived_id(strategy: str, content: Mapping[str, Any]) -> str:
    names = ("symbol", "side", "at_ms", "entry_price", "stop_loss", "take_profit")
    sizes = ("notional_usd", "margin_usd", "qty")
    values = (content[name] for name in names + sizes)
    # 200, 200.0 and 2e2 are one number and make one id.
    plain = (each.normalize() if isinstance(each, Decimal) else each for each in values)
    return _digest((strategy, *plain))


# --- our own writing --------------------------------------------------------------------------


def _read_own(payload: bytes, account: str) -> IntentProposed | None:
    """The intent that ``write_intent`` wrote; None for anything read better the generous way.

    What is written again to the same bytes holds no name twice, no name that we do not know and
    no number in another form, so only values are left to be checked.
    """
    if len(payload) > OWN_BYTES_MAX or payload.count(b"{") + payload.count(b"[") > NESTED_MAX:
        return None
    try:
        intent = _own_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if intent.account != account or intent.v != 1 or encode(intent) != payload:
        return None
    if not (_are_plain_texts(intent) and _are_plain_numbers(intent)):
        return None
    fact_id = fact_id_of(account, intent.strategy, intent.symbol, intent.signal_id)
    return intent if intent.id == fact_id else msgspec.structs.replace(intent, id=fact_id)


def _are_plain_texts(intent: IntentProposed) -> bool:
    names = (intent.trace_id, intent.account, intent.signal_id, intent.strategy, intent.source)
    return (
        edge.is_symbol(intent.symbol)
        and all(map(edge.is_label, names))
        and (intent.regime is None or edge.is_label(intent.regime))
        and (intent.reason is None or edge.is_words(intent.reason))
    )


def _are_plain_numbers(intent: IntentProposed) -> bool:
    sizes = (intent.notional_usd, intent.margin_usd, intent.qty)
    amounts = (*sizes, intent.entry_price, intent.stop_loss, intent.take_profit)
    effects = (intent.atr_price, intent.volatility_factor, intent.exchange_divergence)
    return (
        edge.is_time_ms(intent.at_ms)
        and sizes.count(None) >= len(sizes) - 1
        and all(value is None or edge.is_amount(value) for value in amounts)
        and all(value is None or 0 <= value <= edge.STATISTIC_MAX for value in effects)
        and (intent.leverage is None or 1 <= intent.leverage <= edge.LEVERAGE_MAX)
        and (intent.confidence is None or 0 <= intent.confidence <= 1)
        and (intent.funding_rate_frac is None or abs(intent.funding_rate_frac) <= 1)
    )


# --- from bytes to a body ---------------------------------------------------------------------


def _open(fields: Mapping[bytes, bytes] | None) -> tuple[Body, Body]:
    """The business content and the envelope around it, which is empty for flat messages."""
    if not fields:
        raise Malformed("message", fields, "fields: a tombstone or an empty message says nothing")
    length = sum(len(name) + len(value) for name, value in fields.items())
    if length > MESSAGE_BYTES_MAX:
        raise Malformed("message", f"{length} bytes", f"at most {MESSAGE_BYTES_MAX} bytes")
    flat = {_text("field name", name): _text(repr(name), value) for name, value in fields.items()}
    outer = _said(flat)
    _check_kind(outer)
    if "payload" not in flat:
        return outer, {}
    body = _said(_parsed(flat["payload"]))
    _check_kind(body)
    return body, outer


def _check_kind(fields: Body) -> None:
    """Other facts have symbol, side and time too; one that strayed here is no intent."""
    kind = fields.get("event_type")
    if kind is not None and str(kind).strip().lower().replace("_", ".") not in KINDS:
        raise Malformed("event_type", kind, "trade.intent or intent.proposed")
    tag = fields.get("type")
    if isinstance(tag, str) and tag.strip() in OTHER_TAGS:
        raise Malformed("type", tag, f"{TAG}, or no fact of ours")


def _said(fields: Body) -> Body:
    """The fields without those that only say that a value is missing."""
    return {name: raw for name, raw in fields.items() if not edge.is_missing(raw)}


def _text(field: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(field, raw, "UTF-8") from error


def _parsed(payload: str) -> Body:
    """A JSON object whose numbers are kept as their text, so that flat and JSON read alike."""
    if payload.count("{") + payload.count("[") > NESTED_MAX:
        raise Malformed("payload", payload, f"at most {NESTED_MAX} objects and lists")
    try:
        body = _decoder.decode(payload)
    except ValueError as error:
        raise Malformed("payload", payload, f"JSON ({error})") from error
    if not isinstance(body, dict) or not body:
        raise Malformed("payload", payload, "a JSON object with fields")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(twice or "payload", names.count(twice), "each name once")
    return found


_decoder = json.JSONDecoder(parse_int=str, parse_float=str, object_pairs_hook=_unique)


# --- from a body to content -------------------------------------------------------------------


def _check_for_us(body: Body, account: str) -> None:
    whose = _first(body, ("account",))
    if whose is not None and whose != account:
        raise Malformed("account", whose, f"{account}: intents for others are not ours to take")
    for name in ("reduce_only", "reduceOnly"):
        if name in body and edge.yes_or_no(name, body[name]):
            raise Malformed(name, body[name], "an entry; to close a position send side FLAT")


def _check_clear(body: Body) -> None:
    for name, (clear, expected) in UNCLEAR.items():
        if name in body and not any(other in body for other in clear):
            raise Malformed(name, body[name], expected)


def _content(body: Body) -> dict[str, Any]:
    """Everything but identity and provenance."""
    return {
        "at_ms": _at_ms(body),
        "symbol": edge.symbol("symbol", body.get("symbol")),
        "side": _side(body),
        **_size(body),
        "confidence": _one(body, ("confidence",), edge.share),
        "entry_price": _one(body, ("entry_price",), edge.amount),
        "stop_loss": _one(body, ("stop_loss",), edge.amount),
        "take_profit": _one(body, ("take_profit",), edge.amount),
        "leverage": _one(body, ("leverage",), edge.multiple),
        "atr_price": _one(body, ("atr_price", "atr_value"), edge.size_of_effect),
        "volatility_factor": _one(body, ("volatility_factor",), edge.size_of_effect),
        "exchange_divergence": _one(body, ("exchange_divergence",), edge.size_of_effect),
        "funding_rate_frac": _one(body, ("funding_rate_frac", "funding_rate"), edge.signed_share),
        "regime": _one(body, ("regime",), edge.label),
        "reason": _one(body, ("reason",), edge.words),
    }


def _at_ms(body: Body) -> int:
    found = {name: edge.time_ms(name, body[name]) for name in TIMES if name in body}
    if not found:
        raise Malformed("timestamp", None, f"the proposer's own time: {edge.TIME_EXPECTED}")
    if max(found.values()) - min(found.values()) > TIMES_APART_MS_MAX:
        _disagree(body, tuple(found))
    return next(iter(found.values()))


def _side(body: Body) -> IntentSide:
    side = _one(body, ("side", "action", "direction"), _side_of)
    if side is None:
        raise Malformed("side", body.get("side"), f"one of {', '.join(SIDES)}")
    return side


def _side_of(field: str, raw: object) -> IntentSide:
    side = SIDES.get(raw.strip().upper()) if isinstance(raw, str) else None
    if side is None:
        raise Malformed(field, raw, f"one of {', '.join(SIDES)}")
    return side


def _size(body: Body) -> dict[str, Decimal | None]:
    """At most one of notional, margin and quantity."""
    means = _one(body, ("size_is", "size_type"), _size_kind)
    notionals, margins = (
        (NOTIONALS, MARGINS + POSITION_SIZES)
        if means == "margin"
        else (NOTIONALS + POSITION_SIZES, MARGINS)
    )
    sizes = {
        "notional_usd": _one(body, notionals, edge.amount),
        "margin_usd": _one(body, margins, edge.amount),
        "qty": _one(body, QUANTITIES, edge.amount),
    }
    given = [name for name, value in sizes.items() if value is not None]
    if len(given) > 1:
        raise Malformed(given[0], sizes[given[0]], f"one size, but {' and '.join(given)} are given")
    return sizes


def _size_kind(field: str, raw: object) -> str:
    kind = raw.strip().lower() if isinstance(raw, str) else ""
    if kind not in ("margin", "notional"):
        raise Malformed(field, raw, "margin or notional")
    return kind


def _first(body: Body, names: tuple[str, ...]) -> str | None:
    """The first of several names that is given, in order of preference."""
    for name in names:
        if name in body:
            return edge.label(name, body[name])
    return None


def _one(body: Body, names: tuple[str, ...], read: Callable[[str, object], T]) -> T | None:
    """The one value that several names mean; None when all are missing, ``Malformed`` when
    they disagree."""
    found: T | None = None
    for name in names:
        if name in body:
            value = read(name, body[name])
            if found is not None and value != found:
                _disagree(body, names)
            found = value
    return found


def _disagree(body: Body, names: tuple[str, ...]) -> NoReturn:
    said = {name: body[name] for name in names if name in body}
    raise Malformed(next(iter(said)), said, "the same under every name")
