"""Recorded payloads of the real venue beside those of the paper venue: fields and their types."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = "binance/binance_net"


def shape(value: object) -> str:
    """The JSON type; whole and broken numbers apart."""
    if isinstance(value, bool):
        return "bool"
    names = {dict: "object", list: "array", str: "text", int: "whole", float: "broken"}
    return names.get(type(value), "null")


def fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a payload with its type; of an array the first element stands for all."""
    yield path, shape(value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}")
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        yield from fields(value[0], f"{path}[]")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from fields(inner, f"{path}[{number}]")


def differences(recorded: Any, ours: Any) -> list[str]:
    """What ours lacks, has beside, or has of another type, one line each."""
    theirs, mine = dict(fields(recorded)), dict(fields(ours))
    lines = [f"lacks {path}" for path in theirs if path not in mine]
    lines += [f"adds {path}" for path in mine if path not in theirs]
    lines += [
        f"{path}: {mine[path]}, recorded {kind}"
        for path, kind in theirs.items()
        if path in mine and mine[path] != kind
    ]
    return sorted(lines)


def recorded_answer(data: Path, name: str) -> Any:
    """The answer of a recorded REST request, ``Trading/GetOrder``."""
    text = (data / FOLDER / "endpoints" / f"{name}.txt").read_text()
    return json.loads("\n".join(text.splitlines()[3:]))


def recorded_event(data: Path, name: str) -> Any:
    """The event of a recorded subscription."""
    text = (data / FOLDER / "subscriptions" / f"{name}.txt").read_text()
    return json.loads(re.split(r"^= *$", text, flags=re.MULTILINE)[1])["data"]


def recorded_message(data: Path, name: str) -> Any:
    """The result of a recorded request over WebSocket; names are unique over its folders."""
    (file,) = (data / FOLDER / "socket").glob(f"*/{name}.txt")
    text = file.read_text()
    body = re.split(r"^= *$", text, flags=re.MULTILINE)[1].replace("|1|", "1")
    return json.loads(body)["result"]
