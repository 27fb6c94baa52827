"""The guards: on sockets, which refuses every way out, and on handlers that nobody enters."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.guard import handlers, loopback_only
from tests.guard.told_secrets import Secrets

OUTSIDE = "192.0.2.1"
"""An address that is nobody's, by agreement: were the guard away, nobody would be disturbed."""
AWAY = "nobody.example.com"


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the guard wrote down, in a file of its own so that these tests do not fail by it."""
    log = tmp_path / "refused.log"
    log.touch()
    monkeypatch.setenv(loopback_only.LOG, str(log))
    return lambda: [line.split()[-1] for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        ("127.0.0.1", False),
        ("127.8.9.10", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("localhost", False),
        ("", False),
        (None, False),
        (b"localhost", False),
        (4711, False),
        ("10.0.0.1", True),
        ("192.168.1.1", True),
        ("0.0.0.0", True),
        ("::ffff:8.8.8.8", True),
        ("fe80::1%eth0", True),
        ("fapi.binance.com", True),
        (b"example.com", True),
    ],
)
def test_which_hosts_are_another_machine(host: object, outside: bool) -> None:
    assert loopback_only.is_outside(host) is outside


def plain_socket() -> None:
    with socket.socket() as one:
        one.connect((OUTSIDE, 80))


def datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"?", (OUTSIDE, 53))


def look_up() -> None:
    socket.getaddrinfo(AWAY, 80)


def web_page() -> None:
    urlopen(f"http://{OUTSIDE}/", timeout=2)


def client_session() -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(f"http://{OUTSIDE}/"):
            pass

    asyncio.run(ask())


def web_socket() -> None:
    async def ask() -> None:
        async with connect(f"ws://{OUTSIDE}/"):
            pass

    asyncio.run(ask())


WAYS = (plain_socket, datagram, look_up, web_page, client_session, web_socket)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_out_is_refused_and_written_down(
    way: Callable[[], None], refused: Callable[[], list[str]]
) -> None:
    with pytest.raises((OSError, aiohttp.ClientError)):
        way()
    assert set(refused()) == {AWAY if way is look_up else OUTSIDE}


def test_what_a_program_swallows_is_written_down_all_the_same(
    refused: Callable[[], list[str]],
) -> None:
    with suppress(OSError):
        plain_socket()
    assert refused() == [OUTSIDE]


def test_a_process_that_a_test_starts_is_guarded_too(refused: Callable[[], list[str]]) -> None:
    code = f"import socket; socket.create_connection(({OUTSIDE!r}, 80), 2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "the tests look no names up" in done.stderr
    assert refused() == [OUTSIDE]


def test_the_real_market_is_refused_without_a_fault(refused: Callable[[], list[str]]) -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("fapi.binance.com", 443)
    assert refused() == []


def test_loopback_is_open(refused: Callable[[], list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    socket.getaddrinfo("localhost", 80)
    assert refused() == []


def test_the_fixture_fails_the_test_that_reached_out(pytester_free: Path) -> None:
    """In a suite of its own, with this suite's conftest."""
    environ = {name: value for name, value in os.environ.items() if name != loopback_only.LOG}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(pytester_free)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env=environ,
    )
    assert "somebody tried to reach another machine" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


@pytest.fixture
def pytester_free(tmp_path: Path) -> Path:
    """A test that reaches out and swallows the answer."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa\n")
    file = tmp_path / "test_reaching.py"
    file.write_text(
        "import socket\n\n\n"
        "def test_reaches():\n"
        "    try:\n"
        f"        socket.create_connection(({OUTSIDE!r}, 80), 2)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    return file


def test_a_handler_that_a_process_of_a_test_enters_is_noted(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from quantum_trader.app.instance import holder_of\n"
        "print(holder_of(Path('nowhere'), 'x'))"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {handlers.FOLDER: str(tmp_path)},
        check=True,
        capture_output=True,
    )
    assert {handlers.handlers()[where] for where in handlers.entered(tmp_path)} == {
        "app/instance.py:holder_of"
    }
    missing = handlers.unentered(tmp_path)
    assert len(missing) == len(handlers.handlers()) - 1


def test_a_part_of_the_suite_is_told_what_it_did_not_enter_and_not_failed_for_it(
    tmp_path: Path,
) -> None:
    test = tmp_path / "test_nothing.py"
    test.write_text("def test_nothing() -> None:\n    pass\n")
    words = ["-q", "-p", "tests.guard.every_handler", "--every-handler", "-p", "no:cacheprovider"]
    hidden = (handlers.FOLDER, loopback_only.LOG)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(test)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={name: value for name, value in os.environ.items() if name not in hidden},
    )
    assert "no test enters (of this part of the suite)" in done.stdout, done.stdout + done.stderr
    assert "app/instance.py:" in done.stdout
    assert done.returncode == 0


def test_a_secret_is_found_wherever_the_suite_left_or_told_it() -> None:
    # Not in a folder of the suite, which is searched.
    with TemporaryDirectory() as folder:
        find_secrets(Path(folder))


def find_secrets(folder: Path) -> None:
    (folder / "venue-keys.json").write_text(
        '[{"key": "an-open-name", "secret": "of-the-venue-1234567"}]'
    )
    (folder / "control.token").write_text("of-the-control-api-123456\n")
    (folder / "keys").write_text("an-open-name\nof-the-venue-1234567\n")
    secrets = Secrets()
    assert secrets.leaks(folder) == []
    (folder / "run.log").write_text("a line\nsigned with of-the-venue-1234567 and sent\n")
    (folder / "journal.sqlite").write_bytes(b"\x00\x01 of-the-control-api-123456 \x02 more \x03")
    told = pytest.TestReport(
        "tests/a.py::test_b",
        ("a", 1, "b"),
        {},
        "passed",
        None,
        "call",
        [("out", "of-the-venue-1234567")],
    )
    secrets.pytest_runtest_logreport(told)
    assert sorted(secrets.leaks(folder)) == [
        f"{folder}/journal.sqlite holds a secret",
        f"{folder}/run.log holds a secret",
        "tests/a.py::test_b told a secret",
    ]
