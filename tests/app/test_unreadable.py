"""What cannot be read, written or had is named, and what was begun for it is let go of."""

import errno
import fcntl
import io
import os
import socket
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.private_file import read_private
from quantum_trader.app import abroad, arming, credentials, instance, kill, run, watch
from quantum_trader.app.bench import process_cost
from quantum_trader.app.cli import arm, exits_compare, operate, past, replay
from quantum_trader.app.cli.errors import INTERRUPTED, run_app
from quantum_trader.app.config import Config, load
from quantum_trader.app.connection import bus_at, server_url
from quantum_trader.app.finding import Finding
from quantum_trader.app.instance import ACCOUNT_FILE, InstanceLock, holder_of, owner_of
from quantum_trader.app.page import _bound as page_bound
from quantum_trader.app.picture import drawing
from quantum_trader.app.run import _server
from quantum_trader.core.errors import (
    BusUnreachable,
    ConfigError,
    Malformed,
    StoreError,
    TraderError,
    Unreachable,
    UsageError,
)
from quantum_trader.core.secret import Secret
from quantum_trader.ports import Entry
from quantum_trader.services import log, recovery

NO = OSError(errno.ENOLCK, "No locks available")


def a_folder(folder: Path, name: str) -> Path:
    """A folder where a file belongs."""
    (folder / name).mkdir()
    return folder


READING: dict[str, tuple[Callable[[Path], Any], type[TraderError], str]] = {
    "the address of the stream server": (
        lambda folder: server_url(Config(data_dir=a_folder(folder, "redis.url"))),
        ConfigError,
        "redis.url: cannot be read",
    ),
    "whose folder it is": (
        lambda folder: owner_of(a_folder(folder, ACCOUNT_FILE)),
        ConfigError,
        f"{ACCOUNT_FILE}: cannot be read",
    ),
    "a report of a replay": (
        lambda folder: replay._write(folder, "page"),
        UsageError,
        "cannot be written",
    ),
    "a report of a comparison": (
        lambda folder: exits_compare._write(folder, "page"),
        UsageError,
        "cannot be written",
    ),
    "a library that is not there": (
        lambda _: exits_compare._loaded("a_library_that_nobody_wrote"),
        UsageError,
        r"quantum-trader\[research\]",
    ),
}


@pytest.mark.parametrize("what", READING)
def test_what_cannot_be_read_or_written_is_named(what: str, tmp_path: Path) -> None:
    act, kind, words = READING[what]
    with pytest.raises(kind, match=words):
        act(tmp_path)


def test_settings_that_break_off_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quantum.toml").touch()
    monkeypatch.setattr(tomllib, "load", _fails(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(ConfigError, match="cannot be read \\(Input/output error"):
        load(tmp_path / "quantum.toml")


def test_a_module_of_ours_that_is_not_there_is_our_own_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        exits_compare._loaded("quantum_trader.nobody")


def test_a_private_file_that_breaks_off_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.touch(0o600)
    monkeypatch.setattr(os, "read", _fails(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(ConfigError, match="cannot be read \\(Input/output error"):
        read_private(file, 10)


def _fails(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_folder_that_cannot_be_one_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        InstanceLock(tmp_path / "file" / "data").take()


def test_where_nothing_can_be_locked_nobody_is_known_to_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = InstanceLock(tmp_path)
    lock.take()
    assert holder_of(tmp_path, lock._name)
    monkeypatch.setattr(fcntl, "flock", _fails(NO))
    assert holder_of(tmp_path, lock._name) is None
    lock.release()


def test_a_machine_that_does_not_say_when_it_was_started_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "BOOT_ID", tmp_path / "nowhere")
    with_lock = InstanceLock(tmp_path)
    with_lock.take()
    assert with_lock.identity.startswith(f"{socket.gethostname()}:")
    with_lock.release()


def test_a_run_that_lives_keeps_its_past_to_itself(tmp_path: Path) -> None:
    (tmp_path / past.SERVER_LOCK).touch()
    lock = InstanceLock(tmp_path)
    lock.take()
    assert past._hold(tmp_path) is None
    lock.release()
    held = past._hold(tmp_path)
    assert held is not None
    held.release()


def test_a_port_that_is_taken_is_refused_or_another_one_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: .*choose another port"):
            page_bound(port, any_port=False)
        with page_bound(port, any_port=True) as found:
            assert found.getsockname()[1] != port


async def test_an_address_that_is_none_starts_nothing() -> None:
    with pytest.raises(ConfigError, match="redis_url: "):
        async with _server(Config(redis_url="nonsense://nobody")):
            pytest.fail("it started")


def test_somebody_without_a_name_gives_orders_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", _fails(OSError("no such user")))
    assert operate.who() == "somebody without a name on this machine"


@pytest.mark.parametrize("how", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupted_command_has_an_exit_code_of_its_own(how: BaseException) -> None:
    app = typer.Typer()

    @app.command()
    def watch() -> None:
        raise how

    assert run_app(app, ["watch"]) == INTERRUPTED


def test_a_key_ring_that_is_locked_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring", reason="optional: no library for key rings")
    monkeypatch.setattr(keyring, "get_password", _fails(keyring.errors.KeyringError("locked")))
    with pytest.raises(ConfigError, match="put one into the key ring"):
        credentials.find_credentials("testnet", None, {})


def test_who_breaks_off_instead_of_typing_the_words_arms_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arm, "_say_what", lambda _: None)
    monkeypatch.setattr(typer, "prompt", _fails(typer.Abort()))
    asked: Any = SimpleNamespace(as_json=False)
    assert arm._ask(asked, SimpleNamespace(words="ARM")) is None  # type: ignore[arg-type]


async def test_a_system_that_cannot_be_looked_at_speaks_against_arming() -> None:
    async def doctor() -> tuple[Finding, ...]:
        raise StoreError("it is silent")

    assert await arming._of_system(doctor) == ["the system could not be looked at: it is silent"]


def test_what_a_start_says_beside_being_ready_is_passed_over() -> None:
    assert not process_cost._says_ready(b"a warning\n")
    assert process_cost._says_ready(b'{"ready": true}')


def test_an_entry_that_nobody_can_read_is_not_shown() -> None:
    assert watch.facts_in([Entry("s", "1-0", {b"x": b"y"}, 1), Entry("s", "2-0", None, 1)]) == []


def test_without_the_library_no_door_is_opened_and_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(abroad, "import_module", _fails(ModuleNotFoundError(name="ccxt")))
    with pytest.raises(ConfigError, match=r"quantum-trader\[binance\]"):
        abroad._door_class()
    monkeypatch.setattr(abroad, "import_module", _fails(ModuleNotFoundError(name="another")))
    with pytest.raises(ModuleNotFoundError):
        abroad._door_class()


class Refusing:
    """A door to a venue that wants none of it."""

    closed = 0
    failure: Exception

    def __init__(self, *_: object) -> None:
        return

    async def open(self) -> None:
        raise Refusing.failure

    async def close(self) -> None:
        Refusing.closed += 1


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ConfigError("the key may withdraw"), "the key may withdraw"),
        (Unreachable("the time: no answer"), "the venue at .*: the time: no answer"),
    ],
)
async def test_a_door_that_cannot_be_opened_is_closed(
    failure: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "failure", failure, raising=False)
    monkeypatch.setattr(Refusing, "closed", 0)
    keys = credentials.Credentials(Secret("key"), Secret("secret"), "a test")
    monkeypatch.setattr(abroad, "find_credentials", lambda *_: keys)
    monkeypatch.setattr(abroad, "_door_class", lambda: Refusing)
    config: Any = SimpleNamespace(
        account="testnet-one",
        mode="testnet",
        venue=None,
        symbols=("BTCUSDT",),
        hard_caps=None,
        key_file=None,
    )
    with pytest.raises(ConfigError, match=told):
        await abroad.open_door(config, None)  # type: ignore[arg-type]
    assert Refusing.closed == 1


def test_a_paper_venue_whose_file_is_spoiled_says_which(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.sqlite")
    store._db.execute("INSERT INTO venue VALUES (1, x'00')").fetchall()
    with pytest.raises(StoreError, match=r"paper\.sqlite"):
        store.load()
    store._db.execute("DROP TABLE ended").fetchall()
    with pytest.raises(StoreError, match="ended"):
        store.trim(1)
    store.close()


def test_a_halt_that_cannot_be_latched_says_what_is_latched_and_why_not() -> None:
    full = StoreError("the disk is full")
    latch: Any = SimpleNamespace(hold=_fails(full), read=lambda: None)
    desk: Any = SimpleNamespace(_latch=latch)
    said: Any = SimpleNamespace(who="me", why="a test")
    assert kill.Desk._hold(desk, "HALT", said) == (None, full)


def test_a_picture_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = SimpleNamespace(savefig=_fails(OSError(errno.ENOSPC, "No space left on device")))
    monkeypatch.setattr(drawing, "draw", lambda _: figure)
    scene: Any = None
    with pytest.raises(UsageError, match=r"cannot be written \(No space left"):
        drawing.save(scene, Path("picture.png"))


async def test_a_visitor_is_told_of_an_address_that_is_none() -> None:
    with pytest.raises(ConfigError, match="redis_url: "):
        await bus_at("nonsense://nobody", Config(), "shell")


async def test_a_run_that_ends_without_its_server_ends_as_it_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ended(*_: object) -> int:
        return 75

    async def look() -> None:
        raise BusUnreachable("it is gone")

    monkeypatch.setattr(run, "run_services", ended)
    watching: Any = SimpleNamespace(look=look, view="the last one")
    told: Any = (
        SimpleNamespace(duration_s=None),
        SimpleNamespace(ends=False),
        SimpleNamespace(seen=_fails(AssertionError("nothing was seen"))),
        None,
    )
    page: Any = SimpleNamespace(run=None)
    ended_with: Any = await run._until_the_end({}, watching, page, told)
    assert ended_with == (75, "the last one")


def test_what_was_taken_once_and_cannot_be_read_any_more_names_its_entry() -> None:
    fold: Any = SimpleNamespace(read=_fails(Malformed("type", "x", "a fact")))
    with pytest.raises(StoreError, match="entry 7-0 of s was understood when it was taken"):
        recovery._read(fold, Entry("s", "7-0", {}, 1))


def test_without_the_library_there_is_no_key_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="put one into the key ring"):
        credentials.find_credentials("testnet", None, {})


def test_a_file_in_memory_has_no_number() -> None:
    assert log._descriptor(io.StringIO()) is None
