"""Structured logs: one JSON object per line, and no secret in any of them."""

import re
import sys
from contextlib import suppress
from typing import Protocol, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

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
    """A file for logs whose failures are nobody's: a full disk must not end who protects money."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str, /) -> None:
        """Write what can be written."""
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Let out what can be let out."""
        with suppress(OSError):
            self._file.flush()


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
    """Send every log line to ``stream`` (stderr unless told), as JSON with time and level."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream or sys.stderr)),
        cache_logger_on_first_use=False,
    )
