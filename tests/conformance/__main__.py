"""``python -m tests.conformance``: try every case, and write docs/conformance.md.

With ``--json`` the results are printed and nothing is written. Numbers (``7.4`` or ``7.4.12``) try
those cases alone, and write nothing. Exit code 1 when a case fails.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence

from tests.conformance.case import Case
from tests.conformance.running import ALL, HOLDS, KEY, Result, at_demo, on_paper
from tests.conformance.table import PAGE, page, store_demo, stored_demo

JSON = "--json"


def run(words: Sequence[str]) -> int:
    """Try the cases that the words name, all when they name none."""
    wanted = [word for word in words if word != JSON]
    cases = [case for case in ALL if not wanted or any(_named(case, word) for word in wanted)]
    if not cases:
        sys.stderr.write(f"no case is called {' or '.join(wanted)}; the first is {ALL[0].number}\n")
        return 2
    sys.stderr.write(f"trying {len(cases)} cases at a paper venue\n")
    paper = asyncio.run(on_paper(cases))
    demo = _demo(cases)
    failed = [one for one in (*paper, *demo) if one.words.startswith("fails")]
    if JSON in words:
        sys.stdout.write(json.dumps(_told(cases, paper, demo)) + "\n")
    else:
        for one in failed:
            sys.stdout.write(f"{one.number} {one.words}\n")
        holding = sum(one.words == HOLDS for one in paper)
        sys.stdout.write(f"{holding} of {len(paper)} cases hold at the paper venue\n")
        if not wanted:
            PAGE.write_text(page(paper, demo), encoding="utf-8")
    return 1 if failed else 0


def _named(case: Case, word: str) -> bool:
    return case.number == word or case.number.startswith(f"{word}.")


def _demo(cases: Sequence[Case]) -> list[Result]:
    """Ask there when there is a key; else show what was stored."""
    if not os.environ.get(KEY):
        numbers = {case.number for case in cases}
        return [one for one in stored_demo() if one.number in numbers]
    sys.stderr.write("trying those that do no harm at the demo environment\n")
    found = asyncio.run(at_demo(cases))
    if len(cases) == len(ALL):
        store_demo(found)
    return found


def _told(
    cases: Sequence[Case], paper: Sequence[Result], demo: Sequence[Result]
) -> list[dict[str, str]]:
    there = {one.number: one.words for one in demo}
    return [
        {
            "number": case.number,
            "holds": case.holds,
            "asked": case.asked,
            "paper": here.words,
            "demo": there.get(case.number, ""),
        }
        for case, here in zip(cases, paper, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
