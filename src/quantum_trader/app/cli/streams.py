"""``quantum streams``: the wiring as declared."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from quantum_trader import streams
from quantum_trader.adapters.bus.namespace import Namespace, names_of
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
)
from quantum_trader.app.config import load
from quantum_trader.core.events import TAGS

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``streams`` takes."""

    mode: Annotated[
        str | None, typer.Option(help="Whose names: paper, testnet or live; else as set.")
    ] = None


@command(app, Options)
def show(options: Options) -> int:
    """Every stream: who writes it, who reads it, or why nobody does.

    Exit code 1 when the table contradicts itself.
    """
    found = streams.problems()
    names = names_of(load(typed={"mode": options.mode}).account)
    if options.as_json:
        rows = [as_row(row, names) for row in streams.STREAMS.values()]
        show_json({"mode": names.mode, "streams": rows, "problems": found})
        return FOUND if found else DONE
    say(f"In mode {names.mode} each name has {names.outer(streams.PREFIX)} in front.\n")
    show_table(
        ("stream", "writer", "readers", "what flows"),
        [
            (row.name, row.writer, " ".join(row.readers), row.purpose)
            for row in streams.STREAMS.values()
            if row.status == "live"
        ],
    )
    say("")
    show_table(
        ("stream", "status", "now", "why"),
        [
            (row.name, row.status, row.successor or row.purpose, row.reason)
            for row in streams.STREAMS.values()
            if row.status != "live"
        ],
    )
    for line in found:
        remark(f"problem: {line}")
    return FOUND if found else DONE


def as_row(row: streams.Stream, names: Namespace) -> dict[str, Any]:
    """One row of the table for JSON, its key as ``names`` spell it."""
    return {
        "name": row.name,
        "key": names.outer(row.key),
        "status": row.status,
        "writer": row.writer,
        "readers": row.readers,
        "facts": [TAGS[fact] for fact in row.facts],
        "start": row.start,
        "keep_hours": row.keep_hours,
        "keep_entries": row.keep_entries,
        "entries_max": row.entries_max,
        "purpose": row.purpose,
        "reason": row.reason,
        "successor": row.successor,
    }
