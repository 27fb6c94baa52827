"""The ``quantum`` command: a table of commands; only the wanted one's module is imported."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NamedTuple

import typer

from quantum_trader import __version__
from quantum_trader.app.cli.errors import excepthook, run_app, tell
from quantum_trader.app.trouble import Trouble


class Command(NamedTuple):
    """Where a command lives: a module of this package and the Typer in it."""

    module: str
    summary: str
    app: str = "app"


COMMANDS: dict[str, Command] = {
    "run": Command("run", "The whole system in one process, with a page to look at."),
    "replay": Command("replay", "Recorded market through the same system, with a report."),
    "venue": Command("venue", "A paper venue that speaks the API of Binance USD-M futures."),
    "levels": Command("levels", "The exit levels of a position, and why they are what they are."),
    "plan": Command("plan", "How a position would be left: the plan, leg by leg, and a picture."),
    "exits": Command("exits", "How positions are left: what speaks for it, and what it earns."),
    "intent": Command("intent", "Propose an entry, and see what becomes of it."),
    "explain": Command("explain", "The life of one intent in sentences."),
    "streams": Command("streams", "The wiring as declared: streams, writers and readers."),
    "guardian": Command("guardian", "Protect or close what nobody does, whatever else is dead."),
    "doctor": Command("doctor", "What is wrong, what it means for the money, what to do."),
    "dlq": Command("dlq", "Messages nobody could process: count, show, redrive them."),
    "archive": Command("archive", "What was taken from the streams: list, verify, export it."),
    "drain": Command("drain", "Decide everything, send no new entry; or skip a backlog."),
    "halt": Command("kill", "Take no new risk until resumed; exits go on.", "halt_app"),
    "flatten": Command("kill", "Close every position at market, and halt.", "flatten_app"),
    "arm": Command("arm", "Allow real money to be traded, within caps and for a time."),
    "disarm": Command("kill", "Halt, and take away any leave to trade real money.", "disarm_app"),
    "resume": Command("kill", "Trade again after a halt.", "resume_app"),
    "journal": Command("journal", "What was sent and what came back: verify it, or show it."),
    "simulate": Command("simulate", "The whole system in hostile, seeded worlds."),
    "bench": Command("bench", "The benchmarks, as ratios measured in one run."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the process's own arguments when none given."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        sys.excepthook = excepthook
    if not given or given[0] in ("-h", "--help"):
        print(help_text())
        return 0 if given else 2
    if given[0] == "--version":
        print(f"quantum {__version__}")
        return 0
    command = COMMANDS.get(given[0])
    if command is None:
        return tell(_unknown(given[0]), as_json="--json" in given)
    try:
        app = _load(command)
    except ModuleNotFoundError as missing:
        return tell(_not_installed(given[0], missing), as_json="--json" in given)
    return run_app(app, given)


def help_text() -> str:
    """All commands with their summaries."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: quantum COMMAND [OPTIONS]",
            "",
            "An autonomous, event-driven trader for leveraged USDT-margined perpetual futures.",
            "",
            "Commands:",
            *lines,
            "",
            "quantum COMMAND --help tells what a command takes. Every command has --json.",
            "Exit codes: 0 done, 1 found something wrong, 2 wrong usage, 70 our own bug,",
            "75 another instance trades the account.",
        ]
    )


def _not_installed(name: str, missing: ModuleNotFoundError) -> Trouble:
    """A library of an extra is not there; a module of our own that is not there is a defect."""
    if missing.name is None or missing.name.split(".")[0] == __name__.split(".")[0]:
        raise missing
    return Trouble(
        code=2,
        what=f"`quantum {name}` needs {missing.name}, which is not installed",
        money="Nothing was sent and no order was touched.",
        remedy="`make setup` installs everything, `pip install quantum-trader[research]` this.",
    )


def _load(command: Command) -> typer.Typer:
    module = import_module(f"{__name__}.{command.module}")
    app: typer.Typer = getattr(module, command.app)
    return app


def _unknown(name: str) -> Trouble:
    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"Did you mean `quantum {near[0]}`? " if near else ""
    return Trouble(
        code=2,
        what=f"There is no command {name!r}.",
        money="Nothing was done; no order was touched.",
        remedy=f"{hint}`quantum --help` lists all commands.",
    )


__all__ = ["COMMANDS", "Command", "help_text", "main"]
