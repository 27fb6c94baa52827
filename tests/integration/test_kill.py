"""The kill level on a whole running system: by command, by file, dead or alive, and afterwards."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from quantum_trader.adapters.arming import ARMED_FILE
from quantum_trader.adapters.latch import FILE
from quantum_trader.core.events import Fact, KillLevelSet
from quantum_trader.streams import OPERATOR_STREAM
from tests.running import QUANTUM, Running, facts_on

ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}


class Desk:
    """A data folder, the systems that run on it, and the shell beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.latch = folder / FILE
        self.systems: list[Running] = []

    def start(self) -> Running:
        """Run a system on one symbol."""
        self.systems.append(Running(self.folder, "--symbols", "BTCUSDT"))
        return self.systems[-1]

    def kill(self) -> None:
        """Kill the newest system and its stream server."""
        self.systems[-1].end(signal.SIGKILL)

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with nobody at the keyboard."""
        return subprocess.run(
            [*QUANTUM, *words],
            env={**ENVIRON, "QT_DATA_DIR": str(self.folder)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        )

    def ask(self, *words: str) -> tuple[int, Any]:
        """The exit code and the JSON object."""
        done = self.type(*words, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def type_by_hand(self, answer: str, *words: str) -> tuple[int, str]:
        """Run a command on a terminal and answer its question; exit code and question."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*QUANTUM, *words],
            env={**ENVIRON, "QT_DATA_DIR": str(self.folder)},
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(ours, answer.encode() + b"\n")
            _, said = process.communicate(timeout=60)
        os.close(ours)
        os.close(theirs)
        return process.returncode, said

    def levels(self) -> list[KillLevelSet]:
        """Every level that was ordered, by whom and why."""
        facts: list[Fact] = facts_on(self.systems[-1].ready, OPERATOR_STREAM)
        return [fact for fact in facts if isinstance(fact, KillLevelSet)]

    def open_position(self) -> None:
        """Have a protected position, whoever opened it."""
        done = self.type("intent", "BTCUSDT", "LONG", "--notional", "500", "--wait", "20")
        state = self.systems[-1].until(lambda now: any(one["stop_price"] for one in now["held"]))
        assert any(one["qty"] != "0" for one in state["held"]), done.stdout + done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk; whatever still runs at the end is killed."""
    made = Desk(tmp_path / "data")
    yield made
    for one in made.systems:
        one.process.kill()
        one.process.communicate()


def level_of(state: dict[str, Any]) -> str | None:
    """The level that is in force."""
    return None if state["head"] is None else str(state["head"]["kill_level"])


def is_at(level: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a state is at a level."""
    return lambda state: level_of(state) == level


def refusing_gates(desk: Desk) -> set[str]:
    """The gates that refuse an entry now."""
    told = desk.ask("intent", "BTCUSDT", "LONG", "--notional", "500", "--wait", "20")[1]
    return {one["gate"] for one in told["result"].get("refusals", ())}


def by_command(desk: Desk, level: str) -> None:
    """Type it."""
    code, told = desk.ask(level.lower(), "--why", "a test")
    assert (code, told["level"], told["in_force"], told["problem"]) == (0, level, True, None)
    assert told["latch"] == str(desk.latch)
    assert (told["ordered"]["level"], told["ordered"]["why"]) == (level, "a test")


def by_file(desk: Desk, level: str) -> None:
    """Put the file there by hand; HALT needs no word."""
    desk.latch.write_text("" if level == "HALT" else level)
    began_s = time.monotonic()
    desk.systems[-1].until(is_at(level))
    assert time.monotonic() - began_s < 3


@pytest.mark.parametrize("how", [by_command, by_file])
def test_a_halt_is_the_same_by_command_and_by_file_and_outlives_a_kill(
    desk: Desk, how: Callable[[Desk, str], None]
) -> None:
    desk.start()
    desk.open_position()
    how(desk, "HALT")
    assert "kill_level_run" in refusing_gates(desk)
    assert desk.systems[-1].state()["held"], "a halt closes nothing"
    ordered = desk.levels()
    code, told = desk.ask("halt")
    assert (code, told["ordered"], told["in_force"]) == (0, None, True)
    assert desk.ask("disarm")[1]["ordered"] is None
    assert [fact.level for fact in desk.levels()] == [fact.level for fact in ordered] == ["HALT"]
    desk.kill()
    assert level_of(desk.start().until(lambda now: now["head"] is not None)) == "HALT"
    assert [fact.level for fact in desk.levels()] == ["HALT"]
    findings = desk.ask("doctor")[1]["findings"]
    assert ["HALT" in one["what"] for one in findings if one["where"] == "trader"] == [True]
    assert desk.ask("resume", "--yes")[0] == 0
    assert not desk.latch.exists()
    assert "kill_level_run" not in refusing_gates(desk)
    desk.kill()
    assert level_of(desk.start().until(lambda now: now["head"] is not None)) == "RUN"


@pytest.mark.parametrize("how", [by_command, by_file])
def test_flatten_closes_everything_and_nothing_is_entered_any_more(
    desk: Desk, how: Callable[[Desk, str], None]
) -> None:
    desk.start()
    desk.open_position()
    how(desk, "FLATTEN")
    code, told = desk.ask("flatten")
    assert (code, told["positions"], told["ordered"]) == (0, [], None)
    # The page looks once a second; what the command was told is newer.
    seen = desk.systems[-1].until(lambda now: not now["held"] and now["trades"])
    assert seen["trades"][0]["reason"] == "flatten"
    assert "kill_level_run" in refusing_gates(desk)
    told = desk.ask("halt")[1]
    assert (told["level"], told["ordered"]) == ("FLATTEN", None)
    assert "includes HALT" in told["note"]
    desk.kill()
    assert level_of(desk.start().until(lambda now: now["head"] is not None)) == "FLATTEN"


def test_a_dead_stream_server_keeps_nobody_from_halting_and_flattening(desk: Desk) -> None:
    system = desk.start()
    desk.open_position()
    for child in psutil.Process(system.process.pid).children(recursive=True):
        if "server" in child.name():
            child.kill()
    code, told = desk.ask("halt", "--why", "the server died")
    assert (code, told["in_force"], told["problem"]) == (0, None, None)
    assert "the next start takes it before anything else" in told["note"]
    assert desk.latch.read_text().splitlines()[0] == "HALT"
    code, told = desk.ask("flatten")
    assert (code, told["latch"]) == (1, str(desk.latch))
    assert list(told["problem"]) == ["code", "what", "money", "remedy"]
    assert "nothing is closed yet" in told["problem"]["what"]
    desk.kill()
    again = desk.start()
    state = again.until(lambda now: is_at("FLATTEN")(now) and not now["held"])
    assert state["closed"] == 1
    assert {fact.why for fact in desk.levels()} == {"the latch is set"}


def test_what_is_halted_while_nothing_runs_starts_halted_and_can_be_taken_back(
    desk: Desk,
) -> None:
    desk.start().until(lambda now: now["head"] is not None)
    assert desk.systems[-1].end()[0] == 0
    assert desk.ask("halt", "--why", "not tomorrow")[0] == 0
    assert level_of(desk.start().until(lambda now: now["head"] is not None)) == "HALT"
    assert [fact.why for fact in desk.levels()] == ["not tomorrow"]
    assert desk.systems[-1].end()[0] == 0
    code, told = desk.ask("resume", "--yes")
    assert code == 1
    assert "its own log says" in told["problem"]["money"]
    assert not desk.latch.exists()
    assert desk.ask("resume", "--yes")[0] == 1, "nobody hears it, and nothing is latched"


def test_resuming_wants_a_word_or_a_switch(desk: Desk) -> None:
    desk.start()
    code, told = desk.ask("resume")
    assert (code, told["ordered"]) == (0, None), "nothing was halted, so nothing is asked"
    desk.ask("halt", "--why", "the news")
    done = desk.type("resume")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    code, said = desk.type_by_hand("yes", "resume")
    assert code == 2
    assert "nothing was changed" in said
    desk.systems[-1].until(lambda now: level_of(now) == "HALT")
    assert desk.latch.exists()
    code, said = desk.type_by_hand("resume", "resume", "--why", "it is over")
    assert code == 0
    assert "the news" in said
    assert desk.levels()[-1].why == "it is over"
    assert not desk.latch.exists()
    assert desk.type("halt").stdout.startswith("No new risk from now on")


def test_a_latch_in_a_folder_that_was_not_named_is_not_resumed_silently(desk: Desk) -> None:
    system = desk.start()
    desk.ask("halt")
    code, told = desk.ask("resume", "--yes", "--url", system.url())
    assert code == 1
    assert "--data-dir" in told["problem"]["remedy"]
    system.until(lambda now: level_of(now) == "HALT")
    assert (
        desk.ask("resume", "--yes", "--url", system.url(), "--data-dir", str(desk.folder))[0] == 0
    )


def test_disarming_takes_the_leave_away_for_good_and_halts(desk: Desk) -> None:
    system = desk.start()
    leave = desk.folder / ARMED_FILE
    leave.write_text("{}")
    done = desk.type("disarm", "--why", "holidays")
    assert done.returncode == 0
    assert "Disarmed: only `quantum arm`" in done.stdout
    assert not leave.exists()
    system.until(is_at("HALT"))
    assert desk.ask("resume", "--yes")[0] == 0
    assert not leave.exists()


def test_a_leave_that_cannot_be_taken_away_is_said_so_and_the_halt_holds(desk: Desk) -> None:
    system = desk.start()
    (desk.folder / ARMED_FILE).mkdir()
    code, told = desk.ask("disarm")
    assert code == 1
    assert "may still be there" in told["problem"]["what"]
    system.until(is_at("HALT"))
    code, told = desk.ask("disarm", "--url", system.url())
    assert code == 1
    assert "--data-dir" in told["problem"]["what"]


def test_disarming_says_when_nothing_was_armed_and_halts(desk: Desk) -> None:
    system = desk.start()
    done = desk.type("disarm", "--why", "holidays")
    assert done.returncode == 0
    assert "Nothing was armed" in done.stdout
    assert "No new risk from now on" in done.stdout
    assert level_of(system.until(is_at("HALT"))) == "HALT"


def test_flatten_without_waiting_orders_it_and_goes(desk: Desk) -> None:
    system = desk.start()
    desk.open_position()
    assert desk.ask("flatten", "--no-wait")[0] == 0
    assert system.until(lambda now: not now["held"])["trades"][0]["reason"] == "flatten"


def test_the_journal_of_a_running_system_is_verified_and_shown(desk: Desk) -> None:
    system = desk.start()
    desk.open_position()
    plan_id = system.state()["held"][0]["plan_id"]
    code, told = desk.ask("journal", "verify")
    assert (code, told["intact"], told["account"]) == (0, True, "paper-SIMULATED")
    code, shown = desk.ask("journal", "show", "--plan", plan_id)
    assert code == 0
    roles = {life["role"]: life for life in shown["orders"]}
    assert roles["entry"]["state"] == "ended"
    assert roles["stop"]["state"] == "open"
    assert {life["plan_id"] for life in shown["orders"]} == {plan_id}
    desk.ask("flatten")
    code, later = desk.ask("journal", "verify", "--head", told["head"])
    assert code == 0
    assert later["records"] > told["records"]
    assert system.process.poll() is None
    assert system.end()[0] == 0
    assert desk.ask("journal", "verify", "--head", later["head"])[0] == 0
