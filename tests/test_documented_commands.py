"""Every command in every document is typed, beside a system that runs.

What would run for ever is given an end, what takes many minutes is asked for less, and what wants
files finds small ones.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import polars as pl
import pytest
import redis

from quantum_trader.streams import TRADE_INTENT
from tests.pages import PAGES, ROOT, Command, commands

pytestmark = pytest.mark.slow

FEBRUARY_MS = 1_738_368_000_000
BARS = 600
MINUTE_MS = 60_000
WORLDS = 20
"""So many simulated worlds are enough to see that the command does its work."""

QUANTUM = str(Path(sys.executable).parent / "quantum")
TYPED = {one.line: one for page in PAGES for one in commands(page)}
OURS = [line for line in TYPED if line.startswith("quantum ")]
MAKE = [line for line in TYPED if line.startswith("make ")]
SAID_WORD_FOR_WORD = ("levels", "drain", "halt", "resume")
NOT_ON_A_DESK = ("bench", "arm", "guardian")
"""Commands that take minutes, real money or a venue: here it is seen that they take their words."""
MAY_FIND_SOMETHING = ("intent", "dlq")
"""Commands whose exit code 1 is an answer: refused by a gate, sent before."""

TRACE = re.compile(r"\bTRACE\b|\bi[0-9a-f]{20}\b")
LETTER = re.compile(r"\btrade\.intent\.dlq/\d+-\d+")


class Desk:
    """A folder to type in, beside a system that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        given = {name: text for name, text in os.environ.items() if not name.startswith("QT_")}
        self.environ: Mapping[str, str] = {**given, "QT_DATA_DIR": str(folder / "data")}
        self.trace = self.letter = ""

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type a line as it stands on a page; what it came to."""
        return self.run(self._with_an_end(shlex.split(line)[1:]))

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run the command with these words."""
        return subprocess.run(
            [QUANTUM, *words],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _with_an_end(self, words: list[str]) -> list[str]:
        words = [LETTER.sub(self.letter, TRACE.sub(self.trace, word)) for word in words]
        if words[0] in NOT_ON_A_DESK:
            return [*words, "--help"]
        if words[0] == "simulate":
            at = words.index("--seeds") + 1
            return [*words[:at], str(min(int(words[at]), WORLDS)), *words[at + 1 :]]
        if words[0] not in ("run", "venue"):
            return words
        if words[0] == "run" and not {"--market", "--replay-data"} & set(words):
            words = [*words, "--market", "synthetic"]
        fresh = self.folder / f"data-{len(list(self.folder.iterdir()))}"
        return [*words, "--duration", "1", "--port", "0", "--data-dir", str(fresh)]


def write_candles(file: Path, symbol: str, price: float) -> None:
    """Some hours of a market that wanders."""
    dice, rows = Random(symbol), []
    for number in range(BARS):
        close = price * (1 + dice.gauss(0, 0.001))
        low, high = min(price, close) * 0.9995, max(price, close) * 1.0005
        rows.append((FEBRUARY_MS + number * MINUTE_MS, price, high, low, close, 1.0, symbol))
        price = close
    names = ("open_time", "open", "high", "low", "close", "volume", "symbol")
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(file)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desk with recordings, one answered intent and one dead letter."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for name, symbol, price in (
        ("BTCUSDT", "BTCUSDT", 60_000.0),
        ("ETHUSDT", "ETHUSDT", 3_000.0),
        ("candles", "BTCUSDT", 60_000.0),
    ):
        write_candles(desk.folder / f"{name}.parquet", symbol, price)
    command = [QUANTUM, "run", "--market", "synthetic", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        env=desk.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            places = json.loads(running.stdout.readline())
            url = Path(places["redis_url_file"]).read_text().strip()
            _leave_traces(desk, url)
            yield desk
        finally:
            running.terminate()
            running.wait(timeout=30)


def _leave_traces(desk: Desk, url: str) -> None:
    told = desk.run(["intent", "ETHUSDT", "LONG", "--wait", "20", "--json"])
    desk.trace = json.loads(told.stdout)["trace_id"]
    with redis.Redis.from_url(url) as server:
        server.xadd(TRADE_INTENT, {"symbol": "BTCUSDT", "side": "UP", "timestamp": "1735732800000"})
    unread = desk.run(["intent", "BTCUSDT", "FLAT", "--wait", "20"])
    assert unread.returncode in (0, 1), unread.stderr
    letters = json.loads(desk.run(["dlq", "list", "--json"]).stdout)["letters"]
    desk.letter = letters[0]["letter"]


@pytest.mark.parametrize("line", OURS)
def test_a_command_on_a_page_does_what_the_page_says(desk: Desk, line: str) -> None:
    done = desk.type(line)
    name = line.split()[1]
    allowed: tuple[int, ...] = (0, 1) if name in MAY_FIND_SOMETHING else (0,)
    if "--plant" in line:
        allowed = (1,)  # What was planted has to be found.
    assert done.returncode in allowed, done.stdout + done.stderr
    shown = TYPED[line].output
    if shown is not None and name in SAID_WORD_FOR_WORD:
        assert [one.rstrip() for one in done.stdout.splitlines()] == list(shown)


@pytest.mark.parametrize("line", MAKE)
def test_a_verb_of_make_on_a_page_is_one(line: str) -> None:
    words = [*shlex.split(line), "--dry-run", "--no-print-directory"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if line == "make run":
        assert done.stdout.splitlines()[-1].endswith("quantum run --mode paper")


def test_what_a_page_shows_belongs_to_the_command_above_it() -> None:
    page = ROOT / "README.md"
    typed: dict[str, Command] = {one.line: one for one in commands(page)}
    assert typed["quantum drain off"].output is not None
    assert len(typed["quantum drain off"].output) == 1
    assert "make test" in typed
