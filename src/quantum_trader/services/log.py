"""Structured logs: one JSON object per line, and no secret in any of them."""

import io
import json
import os
import re
import select
import sys
from contextlib import suppress
from typing import Protocol, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

PATIENCE_MS = 100
HIDDEN = "[hidden]"
SECRET_NAME = re.compile(r"secret|password|passwd|token|api_?key|signature|authorization", re.I)
SECRET_IN_TEXT = re.compile(
    r"(?P<before>://[^/\s:@]*:)[^\s@/]+(?=@)"
    r"|(?P<name>(?:signature|secret|passw(?:or)?d|token|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+",
    re.I,
)
"""In an address between user and host, or after a name that says so."""


class Lines(Protocol):
    """As much of a text file as a log needs."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> object:
        """Let it out."""


class Forgiving:
    """A file for logs that neither ends nor holds up who protects money.

    What a full disk refuses is lost. So is what a pipe or a terminal has no room for, because
    nobody reads at its other end: one line waits ``PATIENCE_MS`` for that, and none after it until
    there is room again. Then the log says first how many lines are missing.
    """

    def __init__(self, file: Lines) -> None:
        self._file = file
        self._lost = 0
        self._room = select.poll()
        self._fd = _descriptor(file)
        if self._fd is not None:
            self._room.register(self._fd, select.POLLOUT)

    def write(self, text: str, /) -> None:
        """Write what can be written."""
        with suppress(OSError):
            if self._lost and self._wrote(_gap(self._lost)):
                self._lost = 0
            if self._lost or not self._wrote(text):
                self._lost += 1

    def flush(self) -> None:
        """Nothing is kept back."""

    def _wrote(self, text: str) -> bool:
        """Whether there was room for all of it. Raises ``OSError``."""
        if self._fd is None:
            self._file.write(text)
            self._file.flush()
            return True
        data = text.encode(errors="backslashreplace")
        for start in range(0, len(data), select.PIPE_BUF):
            if not self._room.poll(0 if self._lost else PATIENCE_MS):
                return False
            # So much goes in without waiting wherever there is room at all.
            self._file.flush()
            os.write(self._fd, data[start : start + select.PIPE_BUF])
        return True


def _descriptor(file: Lines) -> int | None:
    """The number of a file that is open in the system; None for one in memory."""
    try:
        return file.fileno() if isinstance(file, io.TextIOBase) else None
    except OSError:
        return None


def _gap(lost: int) -> str:
    told = {"event": f"{lost} lines of the log are missing here: nobody read it", "level": "error"}
    return f"\n{json.dumps(told)}\n"  # What came last may have been cut off in its middle.


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values with a secret's name, and secrets inside texts, at any depth."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: object) -> object:
    if SECRET_NAME.search(key):
        return HIDDEN
    if isinstance(value, str):
        return SECRET_IN_TEXT.sub(
            lambda found: f"{found['before'] or found['name']}{HIDDEN}", value
        )
    if isinstance(value, dict):
        return {inner: _clean(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", held) for held in value]
    return value


def configure(stream: Lines | None = None) -> None:
    """Send every log line to ``stream`` (stderr unless told), as JSON with time and level.

    A stream that takes no more, or fails, holds nobody up.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, Forgiving(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )
