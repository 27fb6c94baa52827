"""``quantum streams``: the wiring as declared."""

from typing import Any

from quantum_trader import streams
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
from quantum_trader.core.events import TAGS

app = new_app()


@command(app, Common)
def show(options: Common) -> int:
    """Every stream: who writes it, who reads it, or why nobody does.

    Exit code 1 when the table contradicts itself.
    """
    found = streams.problems()
    if options.as_json:
        show_json({"streams": [as_row(row) for row in streams.STREAMS.values()], "problems": found})
        return FOUND if found else DONE
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


def as_row(row: streams.Stream) -> dict[str, Any]:
    """One row of the table for JSON."""
    return {
        "name": row.name,
        "key": row.key,
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
