"""The leave to trade real money, as a file in the data folder that only its owner may touch.

``run.json`` beside it says which start of the system a leave is given to. Whatever is wrong with a
file here means that nothing is armed.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from quantum_trader.adapters.private_file import read_private, write_private
from quantum_trader.core.arming import Armed, Here, ended_by
from quantum_trader.core.caps import Caps
from quantum_trader.core.errors import ConfigError, StoreError

ARMED_FILE = "armed.json"
RUN_FILE = "run.json"
READ_MAX = 65_536
NOT_ARMED = "real money is not armed: `quantum arm`"

T = TypeVar("T", bound=msgspec.Struct)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a system: what a leave is bound to."""

    run: str
    account: str
    build: str
    fingerprint: str | None
    started_ms: int
    pid: int


def note_run(folder: Path, run: Run) -> None:
    """Say which run this is; whatever was armed before is not any more. Raises ``StoreError``."""
    disarm(folder)
    write_private(folder / RUN_FILE, msgspec.json.encode(run))


def read_run(folder: Path) -> Run | None:
    """The run that was started last; None where none can be read."""
    return _read(folder / RUN_FILE, Run)


def arm(folder: Path, armed: Armed) -> None:
    """Give the leave. Raises ``StoreError``."""
    write_private(folder / ARMED_FILE, msgspec.json.encode(armed))


def read_armed(folder: Path) -> Armed | None:
    """The leave that was given; None for none, and for a file that is not safe to believe."""
    return _read(folder / ARMED_FILE, Armed)


def disarm(folder: Path) -> bool:
    """Take the leave away; whether there was one. Raises ``StoreError`` when it is still there."""
    try:
        (folder / ARMED_FILE).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            f"{folder / ARMED_FILE}: cannot be taken away ({error.strerror})"
        ) from error
    return True


class ArmedLeave:
    """``ports.Leave`` of the file in a folder, asked anew before every order that adds risk."""

    def __init__(self, folder: Path, here: Callable[[], Here], now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._here = here
        self._now_ms = now_ms
        self._ended: tuple[str, ...] = ()

    def caps(self) -> Caps | tuple[str, ...]:
        """The caps that were armed, or every reason why nothing is."""
        if self._ended:
            return self._ended
        armed = read_armed(self._folder)
        if armed is None:
            return (NOT_ARMED,)
        reasons = ended_by(armed, self._here(), self._now_ms())
        if reasons:
            self._take_away()
            return (NOT_ARMED, *reasons)
        return armed.caps

    def end(self, why: str) -> None:
        """Take the leave away for the rest of this run, even where the file cannot be."""
        self._ended = (f"disarmed until the next start: {why}",)
        self._take_away()

    def _take_away(self) -> None:
        with suppress(StoreError):  # It is not believed any more, whether or not it lies there.
            disarm(self._folder)


def _read(path: Path, kind: type[T]) -> T | None:
    """A file of ours, whole, and safe to believe."""
    try:
        return msgspec.json.decode(read_private(path, READ_MAX), type=kind)
    except (ConfigError, msgspec.DecodeError):
        return None
