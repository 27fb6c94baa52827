"""The venue meets files and messages that make no sense: it refuses them by name."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.app.venue import control_ops, ordering, params, requests, session_file
from quantum_trader.app.venue.catalog import open_catalog
from quantum_trader.app.venue.conditional import cancel_legacy
from quantum_trader.app.venue.hall import Hall, HouseRules
from quantum_trader.app.venue.journal import Journal
from quantum_trader.app.venue.keys import KEYS_FILE, load_keys
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.app.venue.server import bound
from quantum_trader.app.venue.session_file import SessionFile
from quantum_trader.app.venue.sockets import StreamDoor, _send
from quantum_trader.app.venue.venue import Venue
from quantum_trader.app.venue.ws_api import OrderDoor
from quantum_trader.core.errors import ConfigError, StoreError, TraderError

SYMBOL = "BTCUSDT"


def a_hall() -> Hall:
    return Hall(open_catalog([SYMBOL], None, None), HouseRules(), ("one",))


def a_venue(hall: Hall) -> Venue:
    return Venue(hall, {}, ManualClock(0), None, speed=1.0, limited=False)


def spoiled_journal(folder: Path, statement: str) -> Journal:
    journal = Journal(folder / "venue.sqlite")
    journal._db.execute(statement).fetchall()
    return journal


def flushed(folder: Path) -> None:
    journal = spoiled_journal(folder, "DROP TABLE entry")
    journal._waiting.append((1, b"{}"))
    journal.flush()


def snapped(folder: Path) -> None:
    spoiled_journal(folder, "DROP TABLE snapshot").snapshot(1, a_hall().saved())


def recorded(folder: Path) -> None:
    file = SessionFile(folder / "session", a_hall())
    file.close()
    with open("/dev/full", "wb", buffering=0) as file._file:  # type: ignore[assignment]
        file.write(b"a line")


def text_in(folder: Path, name: str) -> Path:
    (folder / name).write_text("nonsense\n")
    return folder / name


FILES: dict[str, tuple[Callable[[Path], Any], type[TraderError], str]] = {
    "a folder for a journal": (Journal, StoreError, "venue"),
    "a journal without its snapshot": (
        lambda folder: spoiled_journal(folder, "INSERT INTO snapshot VALUES (1, 1, x'00')").load(),
        StoreError,
        "venue.sqlite",
    ),
    "a journal with an odd entry": (
        lambda folder: list(
            spoiled_journal(folder, "INSERT INTO entry VALUES (1, x'00')").entries(0)
        ),
        StoreError,
        "venue.sqlite",
    ),
    "a journal that takes no entry": (flushed, StoreError, "no such table: entry"),
    "a journal that takes no snapshot": (snapped, StoreError, "no such table: snapshot"),
    "a session that is there already": (
        lambda folder: SessionFile(text_in(folder, "session"), a_hall()),
        ConfigError,
        "--record .*File exists",
    ),
    "a session on a full disk": (recorded, StoreError, "--record .*No space left"),
    "a session that is none": (
        lambda folder: session_file.replay(text_in(folder, "session")),
        ConfigError,
        "not a session",
    ),
    "a session that is not there": (
        lambda folder: session_file.replay(folder / "nowhere"),
        ConfigError,
        "--replay .*No such file",
    ),
    "keys that are none": (
        lambda folder: load_keys(text_in(folder, KEYS_FILE).parent, ["one"]),
        ConfigError,
        f"{KEYS_FILE}: cannot be read",
    ),
    "brackets that are none": (
        lambda folder: open_catalog([SYMBOL], None, text_in(folder, "brackets")),
        ConfigError,
        "not JSON",
    ),
    "brackets with a hole": (
        lambda folder: open_catalog([SYMBOL], None, holed(folder)),
        ConfigError,
        "leverageBracket",
    ),
}


def holed(folder: Path) -> Path:
    file = folder / "brackets"
    file.write_bytes(msgspec.json.encode([{"symbol": SYMBOL, "brackets": "none"}]))
    return file


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_makes_no_sense_is_named(what: str, tmp_path: Path) -> None:
    act, kind, words = FILES[what]
    with pytest.raises(kind, match=words):
        act(tmp_path)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: "):
            bound(port)


def changed(hall: Hall, brackets: str) -> Any:
    given = Params({"symbol": SYMBOL, "brackets": brackets})
    return control_ops.change_brackets(hall, None, given)  # type: ignore[arg-type]


MESSAGES: dict[str, tuple[Callable[[], Any], int]] = {
    "brackets": (lambda: changed(a_hall(), "nonsense"), -1130),
    "a number": (lambda: params._number("price", "one"), -1100),
    "too many parameters": (lambda: requests._pairs("a=%20&" * 2_000), -1101),
    "a batch": (lambda: ordering._read_batch(Params({"batchOrders": "nonsense"})), -1130),
    "a list of names": (
        lambda: ordering.cancel_batch(
            a_hall(),
            None,  # type: ignore[arg-type]
            Params({"symbol": SYMBOL, "orderIdList": "nonsense"}),
        ),
        -1130,
    ),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_a_parameter_that_makes_no_sense_is_refused_in_the_venues_words(what: str) -> None:
    act, code = MESSAGES[what]
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.code == code


def test_brackets_that_make_no_sense_leave_those_that_were() -> None:
    hall = a_hall()
    before = dict(hall.catalog.brackets)
    with pytest.raises(Refused):
        changed(hall, '[{"bracket": 1}]')
    assert hall.catalog.brackets == before


def test_what_was_never_a_conditional_order_is_none_on_the_old_endpoint() -> None:
    hall = a_hall()
    assert cancel_legacy(hall, hall.accounts["one"], Params({"orderId": "1"})) is None


async def test_bytes_that_are_no_text_are_refused() -> None:
    request = requests.Request("POST", "/fapi/v1/order", "", b"\xff\xfe", None, "127.0.0.1")
    reply = await requests.answer(a_venue(a_hall()), request)
    assert msgspec.json.decode(reply.body)["code"] == -1100


class Talking:
    """A client that says some things and is gone."""

    def __init__(self, *said: str) -> None:
        self._said = iter(said)
        self.heard: list[Any] = []
        self.client = None

    async def accept(self) -> None:
        return

    async def receive_text(self) -> str:
        for text in self._said:
            return text
        raise WebSocketDisconnect

    async def send_text(self, text: str) -> None:
        self.heard.append(msgspec.json.decode(text))


async def test_the_order_socket_answers_nonsense_and_ends_with_its_client() -> None:
    client: Any = Talking("{", '{"id": 1, "method": "nobody.knows", "params": {}}')
    await OrderDoor(a_venue(a_hall())).serve(client)
    first, second = client.heard
    assert (first["status"], first["error"]["code"]) == (400, -1135)
    assert (second["id"], "error" in second) == (1, True)


def test_the_market_socket_answers_nonsense_by_its_kind() -> None:
    door, nobody = StreamDoor(a_venue(a_hall())), object()
    assert door._answer(nobody, "{")["code"] == 3  # type: ignore[arg-type]
    assert door._answer(nobody, "[]")["code"] == 1  # type: ignore[arg-type]


async def test_whoever_is_gone_is_sent_nothing_more() -> None:
    class Gone:
        async def send_text(self, _: str) -> None:
            raise WebSocketDisconnect

    class Listener:
        queue: asyncio.Queue[str | None] = asyncio.Queue()

    Listener.queue.put_nowait("a")
    Listener.queue.put_nowait("b")
    socket_: WebSocket = Gone()  # type: ignore[assignment]
    await asyncio.wait_for(_send(socket_, Listener()), 5)  # type: ignore[arg-type]
    assert Listener.queue.qsize() == 1
