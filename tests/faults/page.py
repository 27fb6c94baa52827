"""docs/faults.md, made from the rows and from the tests that exist."""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.faults import ROWS, SECTIONS, Row

HERE = Path(__file__).parents[1]
PAGE = HERE.parent / "docs" / "faults.md"
TEST = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)

HEAD = """# Every fault, how it is made, and what comes of it

{count} faults that a system like this meets. For {shown} of them there are tests that make the
fault and look at what comes of it; the name of a test is the sentence that was true when it passed.
This page is made from the tests (`tests/faults/`): a name that no test has fails, and so does a
page that differs.

```sh
python -m tests.faults
python -m tests.faults --run
```

The first writes this page anew, the second runs every test that it names. Where the process may
die between two steps is on [crash-points.md](crash-points.md), what happens at random in a hostile
world on [simulation.md](simulation.md).
"""


@cache
def where() -> Mapping[str, list[Path]]:
    """The files of every test by its name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(HERE.rglob("test_*.py")):
        for name in TEST.findall(path.read_text(encoding="utf-8")):
            found[name].append(path)
    return dict(found)


def page() -> str:
    """The whole page. Raises ``KeyError`` for a name that no test has."""
    known = where()
    shown = sum(bool(row.shown) for row in ROWS)
    parts = [HEAD.format(count=len(ROWS), shown=shown)]
    for title, rows in SECTIONS:
        parts.append(f"## {title}\n")
        parts.append("| | fault | how it is made | expected | observed |")
        parts.append("|---|---|---|---|---|")
        parts += [_line(row, known) for row in rows]
        parts.append("")
    return "\n".join(parts)


def _line(row: Row, known: Mapping[str, list[Path]]) -> str:
    links = [f"[`{name}`](../{known[name][0].relative_to(HERE.parent)})" for name in row.shown]
    observed = ", ".join(links)
    if row.missing:
        word = "not shown" if links else "does not apply"
        observed += f"{'; ' if links else ''}{word}: {row.missing}"
    return f"| {row.name} | {row.fault} | {row.how or '-'} | {row.expected or '-'} | {observed} |"
