"""No secret in anything that the suite wrote, printed or raised.

Every ``Secret`` that a test makes is remembered, and so is every key in the files that are there to
keep keys. When a process of the suite ends, all other files that its tests left and everything that
was caught of their output are searched for them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantum_trader.core.secret import Secret

KEEPERS = ("places.json", "venue-keys.json", "control.token", "redis.url")
"""Files that hold a key on purpose, readable by their owner alone."""
KEY = re.compile(rb'"secret": ?"([^"]+)"|"control_token": ?"([^"]+)"|^([\w-]{24,})$', re.MULTILINE)
CHARS_MIN = 16
"""A shorter text may be found anywhere by chance."""
FILE_MAX = 64 * 1024 * 1024


class Secrets:
    """A plugin that knows every secret of a process and looks for them at its end."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._told: list[tuple[str, bytes]] = []

    def listen(self) -> None:
        """Remember each secret from now on."""
        begin = Secret.__init__

        def remember(secret: Secret, text: str) -> None:
            begin(secret, text)
            self._know(text.encode())

        Secret.__init__ = remember  # type: ignore[method-assign,assignment]

    def _know(self, text: bytes) -> None:
        if len(text) >= CHARS_MIN:
            self._known.add(text)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What a test printed, logged or failed with."""
        told = "\n".join([text for _, text in report.sections] + [report.longreprtext])
        if told.strip():
            self._told.append((report.nodeid, told.encode()))

    def leaks(self, folder: Path) -> list[str]:
        """Where a secret is that should not be there."""
        files = [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]
        for keeper in files:
            if keeper.name in KEEPERS:
                for found in KEY.finditer(keeper.read_bytes()):
                    self._know(next(one for one in found.groups() if one is not None))
        return [*self._in_files(files), *self._in_words()]

    def _in_files(self, files: list[Path]) -> Iterator[str]:
        for file in files:
            if file.name in KEEPERS or file.stat().st_size > FILE_MAX:
                continue
            content = file.read_bytes()
            if self._is_in(content) and not self._keeps_keys(content):
                yield f"{file} holds a secret"

    def _in_words(self) -> Iterator[str]:
        for test, told in self._told:
            if self._is_in(told):
                yield f"{test} told a secret"

    def _is_in(self, content: bytes) -> bool:
        return any(secret in content for secret in self._known)

    def _keeps_keys(self, content: bytes) -> bool:
        """A file of a key and its secret, a line each, and nothing else."""
        return len(content.split()) <= 2
