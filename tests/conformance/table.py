"""docs/conformance.md, from the cases and what came of them."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.running import ALL, NO_KEYS, SECTIONS, Result, kept_from_demo

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"
FRAME = (Path(__file__).parent / "page.md").read_text(encoding="utf-8")
DEMO_FILE = Path(__file__).parent / "demo.json"
NEVER = "nobody has run these cases there and stored what came of them."
STORED = "as of the last run with keys."


def page(paper: Sequence[Result], demo: Sequence[Result]) -> str:
    """The whole page."""
    here = {one.number: one.words for one in paper}
    there = {one.number: one.words for one in demo}
    ran = any(not one.words.startswith("not run") for one in demo)
    lines = [FRAME.replace("DEMO", STORED if ran else NEVER).rstrip()]
    for section in SECTIONS:
        lines += ["", f"## {section.section} {section.title}", ""]
        lines += [
            "| | what holds | how it is asked | paper venue | demo |",
            "|---|---|---|---|---|",
        ]
        for case in section.all:
            words = (here[case.number], there.get(case.number, NO_KEYS))
            cells = (case.number, case.holds, case.asked, *words)
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def stored_demo() -> list[Result]:
    """What the demo environment said when the cases were last run there; else why they were not."""
    if not DEMO_FILE.exists():
        return [kept_from_demo(case) for case in ALL]
    rows = json.loads(DEMO_FILE.read_text(encoding="utf-8"))
    return [Result(number, words) for number, words in rows.items()]


def store_demo(results: Sequence[Result]) -> None:
    """Keep what the demo environment said."""
    words = {one.number: one.words for one in results}
    DEMO_FILE.write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")
