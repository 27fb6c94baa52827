"""What all commands share, and how to write one.

A command is a module of this package that ``COMMANDS`` in ``cli/__init__.py`` names. It says::

    app = new_app()

    @dataclass(frozen=True, kw_only=True)
    class Options(OnSystem):                       # or Options(Common), without a connection
        files: Annotated[list[Path], typer.Argument(help="Recorded candles.")]
        fast: Annotated[bool, typer.Option(help="...")] = False

    @command(app, Options)
    def replay(options: Options) -> int:
        \"\"\"One line for the help, then what it prints.\"\"\"
        report = wait(make_report(options.files))
        if options.as_json:
            show_json(report)
        ...
        return DONE if report.good else FOUND

* It returns an exit code: ``DONE`` 0, ``FOUND`` 1 (it ran and found something wrong), ``USAGE`` 2
  (wrong usage or configuration), ``BUG`` 70 (our own fault).
* What goes wrong is raised as a ``TraderError``; the frame prints what happened, what it means for
  the money and what to do, without a traceback. ``UsageError`` is for values that make no sense.
* Standard output carries the result alone: with ``--json`` one JSON object, else text by ``say``
  and ``show_table``. Remarks and progress go to standard error by ``remark`` and ``Progress``.
* Only the wanted command's module is imported, so heavy imports at its top cost nobody else.
"""

import asyncio
import inspect
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

import msgspec
import typer

from quantum_trader.app.trouble import BUG, DONE, FOUND, USAGE

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

T = TypeVar("T")
Options = TypeVar("Options", bound="Common")

PROGRESS_AFTER_S = 2.0

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Url = Annotated[
    str | None, typer.Option("--url", help="The stream server, redis://...; else QT_REDIS_URL.")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where the running system keeps its files.")
]
ForceProgress = Annotated[
    bool, typer.Option("--progress", help="Show progress even where nobody seems to watch.")
]


@dataclass(frozen=True, kw_only=True)
class Common:
    """The option that every command has."""

    as_json: Json = False


@dataclass(frozen=True, kw_only=True)
class OnSystem(Common):
    """The options of a command that talks to the running system."""

    url: Url = None
    data_dir: DataDir = None


def command(
    app: typer.Typer, options: type[Options], name: str | None = None
) -> Callable[[Callable[[Options], int]], Callable[[Options], int]]:
    """Register a function as a command whose arguments are the fields of ``options``.

    ``name`` tells the commands of one Typer apart; the function's own name unless told.
    The fields of the class itself come first in the help, those of its bases last.
    """

    def register(function: Callable[[Options], int]) -> Callable[[Options], int]:
        def run(**given: Any) -> int:
            return function(options(**given))

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        fields = inspect.signature(options).parameters.values()
        own = vars(options).get("__annotations__", {})
        ordered = sorted(fields, key=lambda field: field.name not in own)
        cast(Any, run).__signature__ = inspect.Signature(ordered)
        app.command(name)(run)
        return function

    return register


def number(text: str) -> Decimal:
    """A finite decimal number that somebody typed; parses an option: ``parser=number``."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number")
    return value


def new_app() -> typer.Typer:
    """A Typer set up the way every command is: no completion, no own error screens."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end."""
    return asyncio.run(work)


def plain(text: object) -> str:
    """Text that cannot move the cursor or ring a bell: control characters become spaces."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in str(text))


def say(text: object) -> None:
    """One piece of the result, for people."""
    print(plain(text))


def remark(text: object) -> None:
    """Something beside the result, for people."""
    print(plain(text), file=sys.stderr)


def show_json(value: object) -> None:
    """The result as one JSON object; ``Decimal`` is written as a string, so nothing is lost."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their headings; a column of numbers should be passed as text ready to read."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else plain(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
    console.print(table)


class Progress:
    """A bar on standard error for anything that takes more than two seconds.

    ``total`` None means: nobody knows how long. Nothing is shown off a terminal unless forced.
    """

    def __init__(self, title: str, total: float | None = None, *, forced: bool = False) -> None:
        self._title = title
        self._total = total
        self._forced = forced
        self._done = 0.0
        self._began_s = time.monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> "Progress":
        if self._forced:
            self._open()
        return self

    def advance(self, steps: float = 1.0) -> None:
        """So much more is done."""
        self._done += steps
        late = time.monotonic() - self._began_s > PROGRESS_AFTER_S
        if self._bar is None and late and sys.stderr.isatty():
            self._open()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self._bar = RichProgress(console=console, transient=not self._forced)
        task = self._bar.add_task(plain(self._title), total=self._total)
        self._bar.update(task, completed=self._done)
        self._bar.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        if self._bar is not None:
            self._bar.stop()
        return False


__all__ = [
    "BUG",
    "DONE",
    "FOUND",
    "USAGE",
    "Common",
    "DataDir",
    "ForceProgress",
    "Json",
    "OnSystem",
    "Progress",
    "Url",
    "command",
    "new_app",
    "number",
    "plain",
    "remark",
    "say",
    "show_json",
    "show_table",
    "wait",
]
