"""``python -m tests.faults``: write the page of faults, or with ``--run`` run all its tests."""

import subprocess
import sys

from tests.faults import ROWS
from tests.faults.page import PAGE, page, where


def run() -> int:
    """Run every test that a row names; the exit code of pytest."""
    known, names = where(), dict.fromkeys(name for row in ROWS for name in row.shown)
    places = [f"{path}::{name}" for name in names for path in known[name]]
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *places], check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] == ["--run"]:
        sys.exit(run())
    PAGE.write_text(page(), encoding="utf-8")
