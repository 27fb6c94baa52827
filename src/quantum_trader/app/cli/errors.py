"""How a command fails: the words of ``app/trouble.py`` where they are looked for, and its code."""

import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

import typer

from quantum_trader.app.cli.frame import remark, show_json
from quantum_trader.app.trouble import BUG, DONE, LIVES_ON, UNTOUCHED, USAGE, Trouble, trouble_of
from quantum_trader.core import errors

INTERRUPTED = 130


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
        money=UNTOUCHED,
        remedy=f"`quantum {name} --help` tells what it takes.",
    )


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """The last words of a process that met a bug of ours: the traceback, then exit code 70."""
    traceback.print_exception(kind, error, trace)
    remark(
        f"error: {kind.__name__} reached the top: our own bug.\nmoney: {LIVES_ON}\n"
        "to do: keep the data folder and report the lines above."
    )
    sys.stdout.flush()
    raise SystemExit(BUG)
