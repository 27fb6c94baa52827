"""The control API as an application: whom it answers, what it reads, and what it does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quantum_trader.adapters.arming import ARMED_FILE
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.latch import FILE, FileLatch
from quantum_trader.adapters.token_file import token_in
from quantum_trader.app.control import BODY_MAX, DOCUMENT_PATH, PATH, Control, document, token_of
from quantum_trader.app.kill import Desk
from quantum_trader.app.page import page_app
from quantum_trader.app.watch import View
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import KillLevelSet
from quantum_trader.ports import Bus
from quantum_trader.streams import OPERATOR_STREAM
from tests.loops import told

TOKEN = "t" * 43
GOOD = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
SAID = {"who": "ann", "why": "a test"}


def unseen() -> View:
    """Nobody looks at the page here."""
    raise NotImplementedError


class Office:
    """The API over a memory bus and a folder, and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.bus = MemoryBus()
        self.folder = folder
        self.dead = False
        self.desk = Desk(FileLatch(folder), self.connect)
        self.app = page_app(unseen, Control(self.desk, TOKEN).routes())

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Bus]:
        """The one bus, while the server lives."""
        if self.dead:
            raise BusUnreachable("no answer")
        yield self.bus

    async def post(
        self, name: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """One request; the good headers unless told."""
        content = body if isinstance(body, bytes) else json.dumps(SAID if body is None else body)
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
            return await client.post(f"{PATH}/{name}", content=content, headers=headers or GOOD)

    async def levels(self) -> list[str]:
        """Every level that was ordered."""
        facts = await told(self.bus, OPERATOR_STREAM)
        return [fact.level for fact in facts if isinstance(fact, KillLevelSet)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return an office in an empty folder."""
    return Office(tmp_path)


async def test_orders_are_latched_and_given_once_and_resume_takes_them_back(
    office: Office,
) -> None:
    for name, level in (("halt", "HALT"), ("halt", "HALT"), ("flatten", "FLATTEN")):
        answer = await office.post(name)
        assert (answer.status_code, answer.json()["level"]) == (200, level), answer.text
        latched = FileLatch(office.folder).read()
        assert latched is not None
        assert (latched.level, latched.who, latched.why) == (level, "ann", "a test")
    assert (await office.post("halt")).json()["level"] == "FLATTEN", "it includes a halt"
    assert await office.levels() == ["HALT", "FLATTEN"]
    assert (await office.post("resume")).status_code == 400
    assert (await office.post("resume", {**SAID, "confirm": "yes"})).status_code == 400
    assert (office.folder / FILE).exists()
    answer = await office.post("resume", {**SAID, "confirm": "resume"})
    assert (answer.status_code, answer.json()["level"]) == (200, "RUN")
    assert not (office.folder / FILE).exists()
    assert await office.levels() == ["HALT", "FLATTEN", "RUN"]


async def test_disarming_takes_the_leave_away_first(office: Office) -> None:
    (office.folder / ARMED_FILE).write_text("{}")
    answer = await office.post("disarm")
    assert "Disarmed" in answer.json()["means"]
    assert not (office.folder / ARMED_FILE).exists()
    assert "Nothing was armed" in (await office.post("disarm")).json()["means"]
    assert await office.levels() == ["HALT"]


async def test_with_the_stream_server_dead_a_halt_holds_and_a_flatten_says_what_is_wrong(
    office: Office,
) -> None:
    office.dead = True
    answer = await office.post("halt")
    assert (answer.status_code, answer.json()["problem"]) == (200, None)
    answer = await office.post("flatten")
    assert answer.status_code == 503
    assert "nothing is closed yet" in answer.json()["problem"]["what"]
    assert (office.folder / FILE).read_text().startswith("FLATTEN")
    answer = await office.post("resume", {**SAID, "confirm": "resume"})
    assert answer.status_code == 503, "nobody heard it"
    answer = await office.post("resume", {**SAID, "confirm": "resume"})
    assert (answer.status_code, "no answer" in answer.json()["error"]["what"]) == (503, True)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": TOKEN}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example"}, 400),
        ({"host": "127.0.0.1.evil.example:1"}, 400),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_whoever_is_no_program_of_this_machine_with_the_token_changes_nothing(
    office: Office, changed: dict[str, str], status: int
) -> None:
    answer = await office.post("flatten", headers={**GOOD, **changed})
    assert answer.status_code == status
    assert TOKEN not in answer.text
    assert not (office.folder / FILE).exists()
    assert await office.levels() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        {"who": "ann"},
        {"who": "", "why": ""},
        {"who": " ", "why": ""},
        {"who": "a" * 65, "why": ""},
        {"who": 7, "why": ""},
        {**SAID, "level": "RUN"},
    ],
)
async def test_a_body_that_makes_no_sense_changes_nothing(office: Office, body: Any) -> None:
    answer = await office.post("halt", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not (office.folder / FILE).exists()


async def test_too_much_is_not_read_and_nothing_is_changed_by_looking(office: Office) -> None:
    assert (await office.post("halt", b" " * (BODY_MAX + 1))).status_code == 413
    transport = httpx2.ASGITransport(app=office.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = await client.request(method, f"{PATH}/halt", headers=GOOD)
            assert answer.status_code == 405, method
        described = (await client.get(DOCUMENT_PATH)).json()
    assert described == json.loads(json.dumps(document()))
    assert set(described["paths"]) == {
        f"{PATH}/{n}" for n in ("halt", "flatten", "disarm", "resume")
    }
    assert not (office.folder / FILE).exists()


def test_the_token_is_made_once_for_its_owner_alone_and_anew_when_others_may_have_seen_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "control.token"
    first = token_of(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(first) >= 32
    assert token_in(file) == first
    file.chmod(0o644)
    second = token_in(file)
    assert second != first
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("short\n")
    assert len(token_in(file)) >= 32
    assert sorted(one.name for one in tmp_path.iterdir()) == ["control.token"]


def test_where_no_token_can_be_kept_nobody_has_one(tmp_path: Path) -> None:
    gone = tmp_path / "missing"
    assert token_of(gone) != token_of(gone)
