"""A plugin: a run of the whole suite fails where a handler of the system was never entered.

``python -m pytest -p tests.guard.every_handler``: given this way it is there before any conftest
is, and so before any module of ours. Who asks for a part of the suite is told what that part did
not enter, and not failed for it.
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
    """Says at the end what nobody entered; a run of everything fails by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._judges = False
        self._skipped: set[str] = set()
        self._missing: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        self._judges = is_whole(session.config)
        self._missing = handlers.unentered(self._folder)
        if self._judges and self._missing and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._missing:
            title = "except clauses that no test enters"
            title += "" if self._judges else " (of this part of the suite)"
            terminalreporter.section(title, red=self._judges)
            for line in self._missing:
                terminalreporter.line(line)

    def pytest_unconfigure(self) -> None:
        shutil.rmtree(self._folder)


def is_whole(config: pytest.Config) -> bool:
    """Whether a run was asked for all tests there are."""
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS
    return everything and not any(getattr(config.option, name, None) for name in NARROWING)


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
