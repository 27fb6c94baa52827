"""What every test shares: recorded data, Hypothesis profiles, and guards on skips and sockets."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.guard import loopback_only
from tests.guard.told_secrets import Secrets

SECRETS = Secrets()
ROOT = Path(__file__).parents[1]
CORE_SECONDS_USUAL_MAX = 5.0

# All but the long one are derandomised: a red run is the fault of the change under test, on every
# machine alike. The long one looks where nobody looked: for hours, by hand.
settings.register_profile("fast", derandomize=True, deadline=None, max_examples=60)
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=200,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long",
    deadline=None,
    max_examples=100_000,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
# What only a long search finds is a case that somebody should write down, and nobody reads
# how a mutant died, so nothing is made smaller.
settings.register_profile(
    "mutants",
    derandomize=True,
    deadline=None,
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded market data, or skip: it is too large to live in this tree."""
    default = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("QT_SHARED_DATA", default))
    if not (folder / "manifest.json").is_file():
        pytest.skip("optional: no recorded market data; QT_SHARED_DATA names its folder")
    return folder


@pytest.fixture(autouse=True)
def nobody_talks_to_another_machine() -> Iterator[None]:
    """Fail the test during which this process, or one that was started here, tried to.

    It is refused either way; ``tests/guard/loopback_only.py`` says what is covered and what is not.
    """
    log = Path(os.environ[loopback_only.LOG])
    before = log.read_text(encoding="utf-8")
    yield
    tried = log.read_text(encoding="utf-8").removeprefix(before)
    if tried:
        pytest.fail(f"somebody tried to reach another machine:\n{tried}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def no_guardian_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """End the guardians that runs of these tests have left behind: they outlive runs on purpose."""
    yield
    ours = str(tmp_path_factory.getbasetemp())
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "guardian" in words and any(word.startswith(ours) for word in words):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_suite_tells_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search what the tests of this process left and told for the secrets that they had."""
    yield
    leaks = SECRETS.leaks(tmp_path_factory.getbasetemp())
    if leaks:
        pytest.fail("a secret was told:\n" + "\n".join(leaks), pytrace=False)


def guard_sockets() -> None:
    """From here on only loopback, in this process and in every Python it starts."""
    handle, log = tempfile.mkstemp(prefix="reached-outside-", suffix=".log")
    os.close(handle)
    os.environ[loopback_only.LOG] = log
    guard = str(ROOT / "tests" / "guard")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if guard not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([guard, *paths])
    loopback_only.install()


class HouseReport:
    """Lists skips that CI does not allow, and says when the core tests become slow.

    With QT_CI=1 a skip counts as a failure unless its reason starts with ``optional:``. A test
    that never runs where everything is installed protects nothing.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.skips: list[str] = []
        self.core_seconds = 0.0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note_skip(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid.startswith("tests/core/"):
            self.core_seconds += report.duration
        if not hasattr(report, "wasxfail"):
            self._note_skip(report)

    def _note_skip(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if not report.skipped or not isinstance(report.longrepr, tuple):
            return
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("optional:"):
            self.skips.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        on_worker = hasattr(session.config, "workerinput")
        if self.strict and self.skips and not on_worker and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.strict and self.skips:
            terminalreporter.section("skips that CI does not allow", red=True)
            for skip in self.skips:
                terminalreporter.line(skip)
        if self.core_seconds > CORE_SECONDS_USUAL_MAX:
            terminalreporter.line(
                f"tests/core took {self.core_seconds:.1f} s; usual is under "
                f"{CORE_SECONDS_USUAL_MAX:.0f} s",
                yellow=True,
            )


def pytest_unconfigure() -> None:
    """Take the guard's notes away."""
    Path(os.environ[loopback_only.LOG]).unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that two processes end together; else as they were found."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/simulation/"))


def pytest_configure(config: pytest.Config) -> None:
    """Guard the sockets and install the report, in the process at the terminal and in workers."""
    guard_sockets()
    strict = os.environ.get("QT_CI") == "1"
    config.pluginmanager.register(HouseReport(strict=strict), "house-report")
    SECRETS.listen()
    config.pluginmanager.register(SECRETS, "secrets")
