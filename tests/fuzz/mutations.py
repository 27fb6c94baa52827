"""Payloads that a venue might say, and never should: real ones, bent at random from a seed."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

Json = Any
Path = tuple[str | int, ...]

WORDS = ("", " ", "NaN", "Infinity", "-Infinity", "1e999", "-0", "0x1F", "1,5", "NEW_KIND", "null")
TEXT = ("BTCUSDT", "x" * 200, "\u0663", "\ud83d\ude00", "0" * 60, "9" * 60, "-1", "true", "1.5")
NUMBERS = (0, -1, 1, 10**30, -(10**30), 2**63, 2**64, 0.1, 1e308, -1e-308, 5e-324)
OTHERS: tuple[Json, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, "", 0)
RAW = (b"1e999", b"-1e999", b"9" * 400, b"NaN", b"Infinity", b'"\\ud800"', b'"\xff"', b"[" * 3_000)
MARK = "@raw@"
BENDS_MAX = 3


def bent(seed: Json, random: Random) -> bytes:
    """A payload with one to three changes, as bytes; now and then the bytes are changed, too."""
    value = json.loads(json.dumps(seed))
    raws: list[bytes] = []
    for _ in range(random.randint(1, BENDS_MAX)):
        value = _bend(value, random, raws)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    for number, raw in enumerate(raws):
        text = text.replace(f'"{MARK}{number}"'.encode(), raw)
    return _cut(text, random) if random.random() < 0.15 else text


def _bend(value: Json, random: Random, raws: list[bytes]) -> Json:
    places = list(_places(value))
    if not places:
        return random.choice(OTHERS)
    path = random.choice(places)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    match random.randrange(6):
        case 0:
            del holder[path[-1]]
        case 1:
            _add(holder, random)
        case 2:
            raws.append(random.choice(RAW))
            holder[path[-1]] = f"{MARK}{len(raws) - 1}"
        case 3:
            holder[path[-1]] = _of_another_kind(holder[path[-1]], random)
        case 4:
            other = random.choice(places)
            holder[path[-1]] = _at(value, other)
        case _:
            holder[path[-1]] = random.choice(random.choice((WORDS, TEXT, NUMBERS, OTHERS)))
    # A payload that holds itself cannot be written down.
    return json.loads(json.dumps(value)) if _is_small(value) else random.choice(OTHERS)


def _places(value: Json, path: Path = ()) -> Iterator[Path]:
    items: Iterator[tuple[str | int, Json]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return json.loads(json.dumps(value))


def _add(holder: Json, random: Random) -> None:
    new = random.choice(random.choice((WORDS, NUMBERS, OTHERS)))
    if isinstance(holder, dict):
        holder[random.choice(("zz", "e", "o", "data", "", *holder))] = new
    else:
        holder.insert(random.randint(0, len(holder)), new)


def _of_another_kind(value: Json, random: Random) -> Json:
    """The same in another JSON type, as venues do from one day to the next."""
    if isinstance(value, str):
        try:
            return random.choice((float(value), int(float(value)), [value]))
        except (ValueError, OverflowError):
            return random.choice((0, None, [value], {value: value}))
    if isinstance(value, bool | int | float):
        return random.choice((str(value), [value], not value, None))
    return random.choice((str(value), None, 0))


def _is_small(value: Json) -> bool:
    return len(json.dumps(value)) < 50_000


def _cut(text: bytes, random: Random) -> bytes:
    """Half a payload, a byte too many, one that is another, or none at all."""
    at = random.randrange(len(text) + 1)
    match random.randrange(5):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + bytes([random.randrange(256)]) + text[at:]
        case 2:
            return text[:at] + bytes([random.randrange(256)]) + text[at + 1 :]
        case 3:
            return text[at:]
        case _:
            return text + text
