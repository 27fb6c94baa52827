"""A plugin: a run of the whole suite says which handlers of the system were never entered.

``python -m pytest -p tests.guard.every_handler``, as ``make test`` does: given this way it is there
before any conftest is, and so before any module of ours. With ``--every-handler`` a run of all
tests fails by what it lists; who asks for a part of the suite is told what that part did not
enter, and never failed for it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guard import handlers

NARROWING = ("keyword", "markexpr", "lf", "failedfirst", "maxfail", "deselect", "ignore")
"""Options that leave tests out."""


class EveryHandler:
    """Says at the end what nobody entered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._judges = False
        self._whole = False
        self._missing: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        self._whole = is_whole(session.config)
        self._judges = self._whole and session.config.getoption("--every-handler")
        self._missing = handlers.unentered(self._folder)
        if self._judges and self._missing and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._missing:
            title = "except clauses that no test enters"
            title += "" if self._whole else " (of this part of the suite)"
            terminalreporter.section(title, red=self._judges)
            for line in self._missing:
                terminalreporter.line(line)

    def pytest_unconfigure(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def is_whole(config: pytest.Config) -> bool:
    """Whether a run was asked for all tests there are."""
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS
    return everything and not any(getattr(config.option, name, None) for name in NARROWING)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of whoever wants it to be none."""
    what = "fail a run of everything in which an except clause was never entered"
    parser.addoption("--every-handler", action="store_true", help=what)


def pytest_load_initial_conftests() -> None:
    """Mark from here on, in this process and in those it will start, workers among them."""
    if handlers.FOLDER not in os.environ:
        os.environ[handlers.FOLDER] = tempfile.mkdtemp(prefix="handlers-")
        handlers.install(Path(os.environ[handlers.FOLDER]))


def pytest_configure(config: pytest.Config) -> None:
    """All processes of a run leave their marks in one folder, and the one at the terminal reads."""
    if not hasattr(config, "workerinput"):
        report = EveryHandler(Path(os.environ[handlers.FOLDER]))
        config.pluginmanager.register(report, "every-handler")
