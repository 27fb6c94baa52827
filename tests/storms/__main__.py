"""A storm for whoever wants to see one: ``python -m tests.storms``, or ``make storm``."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.storms.faults import available
from tests.storms.storm import Plan, Storm

BOUND_MS = 3_000
"""A position may stand so long without a confirmed stop while a system runs."""
MANY = 1_000_000


def main() -> int:
    """Rage, and say what was found; 1 when something was lost, doubled or naked."""
    asked = _arguments()
    kinds = {name: each for name, each in available().items() if name in asked.only}
    plan = Plan(
        seed=asked.seed,
        faults=asked.faults,
        messages=asked.messages,
        seconds=60 * asked.minutes,
        round=tuple(asked.only),
    )
    folder = Path(asked.folder or tempfile.mkdtemp(prefix="storm-"))
    sys.stderr.write(f"seed {plan.seed} in {folder}: {', '.join(kinds)}\n")
    storm = Storm(folder, plan, kinds)
    report = asyncio.run(storm.rage(_tell))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    problems = report.verdict.problems(BOUND_MS)
    for problem in problems:
        _tell(problem)
    return 1 if problems else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storms", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=MANY, help="at most so many")
    parser.add_argument("--messages", type=int, default=60, help="before each fault")
    parser.add_argument("--folder", help="where everything is left; a new one unless named")
    what = "one named twice strikes twice as often"
    kinds = list(available())
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds, help=what)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
