"""The shell's frame: finding a command, exit codes, errors for people and for programs."""

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from quantum_trader.app import cli
from quantum_trader.app.cli.errors import run_app
from quantum_trader.app.cli.frame import (
    Common,
    Progress,
    command,
    new_app,
    plain,
    show_json,
    show_table,
)
from quantum_trader.app.trouble import MEANINGS, trouble_of
from quantum_trader.core import errors

HEAVY = ("numpy", "redis", "pydantic", "starlette", "rich", "uvicorn", "polars")


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    probe = (
        "import sys\nfrom quantum_trader.app.cli import main\nmain(['--help'])\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stderr.strip() == "[]"
    for name, wanted in cli.COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert wanted.summary in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_commands_module_says_what_the_table_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = cli.COMMANDS[name]
    module = importlib.import_module(f"quantum_trader.app.cli.{row.module}")
    assert isinstance(getattr(module, row.app), typer.Typer)
    assert cli.main([name, "--help"]) == 0
    assert f"Usage: quantum {name}" in capsys.readouterr().out


def test_no_command_is_wrong_usage_and_help_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert cli.main(["-h"]) == 0
    assert cli.main(["--version"]) == 0
    assert "quantum " in capsys.readouterr().out


def test_a_misspelt_command_is_told_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drian"]) == 2
    assert "quantum drain" in capsys.readouterr().err
    assert cli.main(["drian", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["error"]
    assert list(told) == ["code", "what", "money", "remedy"]


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What the command under test takes."""

    first: Annotated[str, typer.Argument()]
    number: Annotated[int, typer.Option(min=0)] = 3


def an_app(outcome: int | BaseException) -> typer.Typer:
    """A Typer with one command that returns or raises this."""
    app = new_app()

    @command(app, Options)
    def work(options: Options) -> int:
        """Work."""
        assert isinstance(options, Options)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome + options.number

    return app


def test_the_number_a_command_returns_is_the_exit_code() -> None:
    assert run_app(an_app(0), ["work", "x"]) == 3
    assert run_app(an_app(0), ["work", "x", "--number", "0"]) == 0


def test_the_help_tells_a_commands_own_options_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_app(an_app(0), ["work", "--help"])
    text = capsys.readouterr().out
    assert text.index("--number") < text.index("--json")


@pytest.mark.parametrize("wrong", [[], ["x", "--number", "-1"], ["x", "--numbr", "3"], ["x", "y"]])
def test_wrong_usage_is_two_and_says_where_help_is(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(an_app(0), ["work", *wrong]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "quantum work --help" in told.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("no"), 2),
        (errors.UsageError("no"), 2),
        (errors.Malformed("side", "UP", "LONG"), 2),
        (errors.BusUnreachable("no"), 1),
        (errors.Fenced("no"), 1),
        (errors.ServerMissing("no"), 1),
        (errors.StoreError("no"), 1),
        (errors.Locked("no"), 1),
        (errors.InDoubt("no"), 1),
        (errors.Unreachable("no"), 1),
        (errors.BrokenInvariant("no"), 70),
        (errors.TraderError("no"), 1),
    ],
)
def test_an_error_of_ours_says_what_happened_what_of_the_money_and_what_to_do(
    error: errors.TraderError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(an_app(error), ["work", "x"]) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert [line.partition(":")[0] for line in told.splitlines()] == ["error", "money", "to do"]
    assert run_app(an_app(error), ["work", "x", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_the_nearest_meaning_of_an_error_comes_first() -> None:
    kinds = [row[0] for row in MEANINGS]
    for place, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:place]), kind


def test_a_key_that_is_locked_calls_for_a_person() -> None:
    assert "until a person acts" in trouble_of(errors.Locked("-2015")).money


def test_an_interruption_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(an_app(KeyboardInterrupt()), ["work", "x"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_of_ours_ends_the_process_with_seventy() -> None:
    probe = (
        "import sys\nfrom quantum_trader.app import cli\n"
        "sys.argv = ['quantum', 'levels']\n"
        "cli.COMMANDS['levels'] = cli.Command('nowhere', '')\n"
        "sys.exit(cli.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 70
    assert "our own bug" in done.stderr
    assert "Stops that are at the exchange stay there" in done.stderr


def test_text_from_outside_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain("a\x1b[31mred\x07\u202eb\n") == "a [31mred  b\n"
    show_table(("who",), [["[bold]me[/bold]\x1b[2J"]])
    shown = capsys.readouterr().out
    assert "[bold]me[/bold]" in shown
    assert "\x1b" not in shown


def test_json_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"amount": errors.__name__, "price": 0.1})
    assert json.loads(capsys.readouterr().out)["price"] == 0.1


def test_progress_is_silent_off_a_terminal_and_shown_where_it_is_forced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantum_trader.app.cli.frame.PROGRESS_AFTER_S", -1.0)
    with Progress("quiet", 10) as progress:
        progress.advance(3)
    assert capsys.readouterr().err == ""
    with Progress("loud", 10, forced=True) as progress:
        progress.advance(3)
    shown = capsys.readouterr()
    assert "loud" in shown.err
    assert not shown.out


def test_a_bar_appears_on_a_terminal_only_when_the_work_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Progress("short", 10) as progress:
        progress.advance()
    assert "short" not in capsys.readouterr().err
    monkeypatch.setattr("quantum_trader.app.cli.frame.PROGRESS_AFTER_S", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Progress("long", 10) as progress:
        progress.advance()
    assert "long" in capsys.readouterr().err


def test_streams_shows_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["streams", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == ["mode", "streams", "problems"]
    assert list(shown["streams"][0]) == [
        "name",
        "key",
        "status",
        "writer",
        "readers",
        "facts",
        "start",
        "keep_hours",
        "keep_entries",
        "entries_max",
        "purpose",
        "reason",
        "successor",
    ]
    assert shown["problems"] == []
    assert cli.main(["streams"]) == 0
    text = capsys.readouterr().out
    assert all(row["name"] in text for row in shown["streams"])
    assert "quantum:stream: in front" in text


def test_streams_shows_the_names_of_the_mode(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(*words: str) -> tuple[str, str]:
        assert cli.main(["streams", "--json", *words]) == 0
        shown = json.loads(capsys.readouterr().out)
        return shown["mode"], shown["streams"][0]["key"].removesuffix(shown["streams"][0]["name"])

    assert first() == ("paper", "quantum:stream:")
    assert first("--mode", "live") == ("live", "quantum:live:stream:")
    monkeypatch.setenv("QT_MODE", "testnet")
    assert first() == ("testnet", "quantum:testnet:stream:")


def test_a_table_that_contradicts_itself_is_told_with_code_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantum_trader.streams.problems", lambda: ("clock has two writers",))
    assert cli.main(["streams"]) == 1
    assert "clock has two writers" in capsys.readouterr().err
