"""What is asked of a whole system: more where money is real, less where no server answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import redis

from quantum_trader.adapters.bus.namespace import names_of
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.adapters.bus.server_state import fsync_of, state_of
from quantum_trader.app.examination import Report, Subject, examine_folder, examine_system
from quantum_trader.app.finding import red
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.services.guardian import GuardBeat
from tests.support import NOON_MS

SILENT = red("server.unreachable", "server", "no answer", "start it")
FAR_FUTURE_MS = 4_000_000_000_000


def found_names(report: Report) -> list[str]:
    return [one.name for one in report.findings]


@pytest.fixture
async def subject(tmp_path: Path) -> AsyncIterator[Subject]:
    """Return a server that nobody uses, and a folder with nothing else in it."""
    server = EmbeddedServer(tmp_path)
    url = await server.start()
    names = names_of("live")
    bus = RedisBus(url, consumer="one", names=names)
    yield Subject(bus=bus, url=url, names=names, account="live", folder=tmp_path)
    await bus.close()
    await server.stop()


async def test_where_money_is_real_a_guardian_and_a_synced_server_are_wanted(
    subject: Subject,
) -> None:
    live = await examine_system(subject, NOON_MS)
    assert {"guardian.missing", "server.fsync", "group.missing", "loop.silent"} < set(
        found_names(live)
    )
    assert live.is_red
    told = msgspec.structs.replace(subject, account="paper")
    paper = await examine_system(told, NOON_MS)
    assert not {"guardian.missing", "server.fsync"} & set(found_names(paper))
    assert paper.server is not None
    assert (paper.server.server_fsync, paper.server.lease) == ("everysec", None)
    assert paper.server.venue_clock_ms is None
    nowhere = msgspec.structs.replace(subject, folder=None)
    report = await examine_system(nowhere, NOON_MS)
    assert report.folder is None
    assert "guardian.missing" not in found_names(report), "nobody knows where to look"


async def test_messages_under_the_names_of_another_mode_are_told_of(subject: Subject) -> None:
    assert "stream.astray" not in found_names(await examine_system(subject, NOON_MS))
    with redis.Redis.from_url(subject.url) as client:
        client.xadd("quantum:stream:trade.intent", {"symbol": "BTCUSDT", "side": "LONG"})
    report = await examine_system(subject, NOON_MS)
    (found,) = [one for one in report.findings if one.name == "stream.astray"]
    assert (found.level, found.where) == ("yellow", "mode paper")
    assert found.what.startswith("1 entry lies in 1 stream named as in mode paper")
    assert "quantum:live:stream:trade.intent" in found.remedy
    missing = [one for one in report.findings if one.name == "group.missing"]
    assert all(one.where.startswith("quantum:live:stream:") for one in missing)
    assert missing


async def test_a_server_tells_of_itself_and_its_clock_is_ours_here(subject: Subject) -> None:
    state = await state_of(subject.url)
    assert state.too_old() is None
    assert state.warnings() == []
    assert state.writes
    assert 0 < (state.memory_frac or 0) < 0.5
    assert abs(state.clock_ms or 0) < 500
    assert await fsync_of(subject.url) == "everysec"


async def test_where_no_server_answers_the_folder_still_tells(tmp_path: Path) -> None:
    assert found_names(examine_folder(None, "live", NOON_MS, SILENT)) == ["server.unreachable"]
    bare = examine_folder(tmp_path, "live", NOON_MS, SILENT)
    assert found_names(bare) == ["server.unreachable", "guardian.missing"]
    assert bare.server is None
    assert bare.folder is not None
    assert bare.folder.journal_records is None
    beat = GuardBeat(where="here", seen=True, trouble=None, level="RUN", held=(), bare=(), acts=0)
    beat_file(tmp_path).write(beat)
    (tmp_path / JOURNAL_FILE).write_bytes(b"no journal")
    found = examine_folder(tmp_path, "paper", FAR_FUTURE_MS, SILENT)
    assert set(found_names(found)) == {"server.unreachable", "guardian.silent", "journal.broken"}
    assert found.folder is not None
    assert (found.folder.guardian_silent_ms or 0) > 0
