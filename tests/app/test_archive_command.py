"""``quantum archive``: what is there, whether it is whole, and what is in it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from quantum_trader.adapters.archive.segments import SegmentArchive
from quantum_trader.app.cli import main
from quantum_trader.core.stream_info import Segment
from quantum_trader.ports import Entry
from quantum_trader.streams import MARKET_TICK, TRADE_INTENT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder with two segments of one stream and one of another."""
    asyncio.run(fill(SegmentArchive(tmp_path / "archive")))
    return tmp_path


async def fill(archive: SegmentArchive) -> None:
    for first in (1, 4):
        entries = [
            Entry(MARKET_TICK, f"5-{n}", {b"payload": b"{}"}, 0) for n in range(first, first + 3)
        ]
        await archive.store(MARKET_TICK, entries, 1_735_732_800_000)
    odd = {b"symbol": b"BTCUSDT", b"\xff": b"\x80"}
    await archive.store(TRADE_INTENT, [Entry(TRADE_INTENT, "7-0", odd, 0)], 1_735_732_800_000)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "archive").rglob("*.parquet"))


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    code = main(["archive", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_list_names_every_segment(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = shell(capsys, "list", "--data-dir", folder)
    assert code == 0
    keys = {*Segment.__struct_fields__, "file"}
    assert [set(one) for one in told["segments"]] == [keys] * 3
    assert [(one["stream"], one["number"]) for one in told["segments"]] == [
        ("market.tick", 1),
        ("market.tick", 2),
        ("trade.intent", 1),
    ]
    assert [folder / "archive" / one["file"] for one in told["segments"]] == files(folder)
    assert main(["archive", "list", "--data-dir", str(folder)]) == 0
    assert "2025-01-01 12:00" in capsys.readouterr().out


def test_an_archive_that_is_whole_is_intact(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = shell(capsys, "verify", "--archive", folder / "archive")
    assert code == 0
    assert (told["intact"], told["segments"], told["entries"]) == (True, 3, 7)
    assert told["problems"] == []
    assert main(["archive", "verify", "--data-dir", str(folder)]) == 0
    assert capsys.readouterr().out == "intact: 7 entries in 3 segments\n"


def tear(folder: Path) -> None:
    files(folder)[1].write_bytes(files(folder)[1].read_bytes()[:-1])


def lose(folder: Path) -> None:
    files(folder)[0].unlink()


def repeat(folder: Path) -> None:
    path = files(folder)[0]
    path.with_name(path.name.replace("00000001_", "00000003_")).write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(tear, "torn or changed"), (lose, "segment 1 is missing"), (repeat, "begins before")],
)
def test_what_is_not_whole_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: Any, said: str
) -> None:
    wrong(folder)
    code, told = shell(capsys, "verify", "--data-dir", folder)
    assert code == 1
    assert not told["intact"]
    (problem,) = told["problems"]
    assert said in problem
    assert "market" in problem


def test_an_export_has_every_entry_and_no_byte_is_lost(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "out.jsonl"
    code, told = shell(capsys, "export", "market.tick", file, "--data-dir", folder)
    assert (code, told["entries"]) == (0, 6)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {"id": "5-1", "fields": {"payload": "{}"}}
    assert [one["id"] for one in lines] == [f"5-{n}" for n in range(1, 7)]
    shell(capsys, "export", "trade.intent", file, "--data-dir", folder)
    fields = json.loads(file.read_text())["fields"]
    assert fields == {"symbol": "BTCUSDT", "ÿ": {"base64": "gA=="}}


def test_wrong_words_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = shell(capsys, "export", "no.such", folder / "x", "--data-dir", folder)
    assert (code, "no such stream" in told["error"]["what"]) == (2, True)
    code, told = shell(capsys, "list", "--archive", folder / "nowhere")
    assert code == 2
    code, told = shell(capsys, "export", "market.tick", folder / "no" / "x", "--data-dir", folder)
    assert (code, "cannot be written" in told["error"]["what"]) == (2, True)
    code, told = shell(capsys, "export", "clock", folder / "x", "--data-dir", folder)
    assert (code, told["entries"]) == (0, 0)
    code, told = shell(capsys, "list", "--data-dir", folder / "empty")
    assert (code, told["segments"]) == (0, [])
