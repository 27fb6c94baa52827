"""What every order of the people at the desk takes, and who gives it."""

import getpass
from dataclasses import dataclass
from typing import Annotated

import typer

from quantum_trader.app.cli.frame import OnSystem


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What every order takes."""

    why: Annotated[str, typer.Option(help="The reason; it stays in the log.")] = ""


def who() -> str:
    """Whoever sits at this shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody without a name on this machine"
