"""``quantum journal`` on files: what it says, its keys and its exit codes."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest

from quantum_trader.adapters.journal.reading import log_of
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.app.cli import main
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.core.events import AccountSeen, SeenOrder, SeenPosition
from tests.commands import (
    ACCOUNT,
    accepted,
    cancel_command,
    canceled,
    filled,
    in_doubt,
    order_command,
)

ENTRY, STOP, TARGET = (order_command(role) for role in ("entry", "stop", "target"))
OTHER = order_command("entry", "plan-2")


class Shell:
    """A shell in a folder with a journal that is being written."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / JOURNAL_FILE
        self.journal = SqliteJournal(self.file, ACCOUNT)
        self.journal.intend([ENTRY, STOP, OTHER])
        self.journal.conclude([in_doubt(OTHER), filled(ENTRY), accepted(STOP)], venue_seq=3)
        self.journal.intend([cancel_command(STOP), TARGET])
        self.journal.conclude([canceled(STOP)], venue_seq=4)
        self._capsys = capsys

    def text(self, *words: str) -> tuple[int, str, str]:
        """The exit code, the result, and the remarks."""
        code = main(["journal", *words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words: str) -> tuple[int, Any]:
        """The exit code and the JSON object."""
        code = main(["journal", *words, "--json"])
        return code, json.loads(self._capsys.readouterr().out)


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """Return a shell whose settings name the folder."""
    monkeypatch.setenv("QT_DATA_DIR", str(tmp_path))
    return Shell(tmp_path, capsys)


def test_a_journal_that_is_whole_is_intact_with_a_head_to_note(shell: Shell) -> None:
    code, told = shell.json("verify")
    assert code == 0
    assert list(told) == [
        *("path", "intact", "account", "records", "head", "unread", "broken_at"),
        *("what", "means", "remedy"),
    ]
    assert (told["path"], told["account"]) == (str(shell.file), ACCOUNT)
    assert (told["intact"], told["records"], told["broken_at"]) == (True, 12, None)
    code, out, err = shell.text("verify", "--head", told["head"])
    assert (code, out) == (0, f"intact: 12 records of paper\nhead {told['head']}\n")
    assert "--head" in err
    assert shell.text("verify", str(shell.file.parent))[0] == 0


def test_a_broken_journal_says_where_what_that_means_and_what_to_do(shell: Shell) -> None:
    apsw.Connection(str(shell.file)).execute("DELETE FROM record WHERE number = 7")
    code, told = shell.json("verify")
    assert code == 1
    assert (told["intact"], told["broken_at"], told["records"]) == (False, 7, 6)
    code, out, _ = shell.text("verify")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("broken at record 7: ")
    assert lines[1].startswith("means: Records 1 to 6 are as they were written")
    assert "venue" in lines[1]
    assert lines[2].startswith("to do: `quantum halt` first")


def test_a_head_that_the_journal_no_longer_has_is_a_broken_journal(shell: Shell) -> None:
    code, told = shell.json("verify", "--head", "00" * 32)
    assert (code, told["broken_at"], told["records"]) == (1, 13, 12)
    assert "noted" in told["what"]
    code, _, err = shell.text("verify", "--head", "nonsense")
    assert code == 2
    assert "is no hash" in err


def test_a_copy_without_its_log_is_told_apart_from_a_broken_journal(shell: Shell) -> None:
    copy = shell.file.with_name("copy.sqlite")
    shutil.copy(shell.file, copy)
    code, told = shell.json("verify", str(copy))
    assert (code, told["intact"], told["broken_at"]) == (1, False, None)
    assert "copy.sqlite-wal" in told["remedy"]
    shutil.copy(log_of(shell.file), log_of(copy))
    assert shell.json("verify", str(copy))[0] == 0


def test_where_there_is_no_journal_the_folder_is_named(shell: Shell, tmp_path: Path) -> None:
    for words in (["verify", str(tmp_path / "x")], ["show", "--data-dir", str(tmp_path / "y")]):
        code, out, err = shell.text(*words)
        assert (code, out) == (2, "")
        assert f"no journal at {tmp_path}" in err


def test_the_life_of_an_order_is_told_record_by_record(shell: Shell) -> None:
    code, told = shell.json("show", "--plan", STOP.plan_id)
    assert (code, list(told)) == (0, ["path", "orders", "seen"])
    lives = {life["role"]: life for life in told["orders"]}
    assert list(lives) == ["entry", "stop", "target"]
    assert list(lives["stop"]) == [
        *("client_order_id", "plan_id", "symbol", "role", "state", "records"),
    ]
    assert {role: life["state"] for role, life in lives.items()} == {
        "entry": "ended",
        "stop": "ended",
        "target": "sent",
    }
    records = lives["stop"]["records"]
    assert [list(one) for one in records[:1]] == [["number", "at_ms", "kind", "text", "fact"]]
    assert [(one["number"], one["kind"]) for one in records] == [
        (3, "order.commanded"),
        (7, "order.accepted"),
        (9, "cancel.commanded"),
        (11, "order.canceled"),
    ]
    assert records[0]["fact"]["order"]["client_order_id"] == STOP.order.client_order_id
    code, out, _ = shell.text("show", "--plan", STOP.trace_id)
    assert code == 0
    assert "a stop shall stand at 90 for 0.5: a test" in out
    assert OTHER.order.client_order_id not in out


def test_the_newest_orders_are_shown_oldest_first(shell: Shell) -> None:
    told = shell.json("show", "--last", "2")[1]
    assert [life["plan_id"] for life in told["orders"]] == ["plan-2", "plan-1"]
    assert [life["state"] for life in told["orders"]] == ["in doubt", "sent"]
    assert len(shell.json("show")[1]["orders"]) == 4
    out = shell.text("show", "--last", "1")[1]
    assert out.splitlines()[0] == (
        f"{TARGET.order.client_order_id}  BTCUSDT target  plan plan-1  sent"
    )


def looked(at_ms: int, symbol: str = "BTCUSDT", **more: Any) -> AccountSeen:
    """What the venue showed: a position, and an order at rest."""
    held = SeenPosition(
        symbol=symbol,
        qty=Decimal("-0.5"),
        entry_price=Decimal(100),
        mark=Decimal(101),
        leverage=5,
        isolated=True,
    )
    order = SeenOrder(
        symbol=symbol,
        client_order_id="x",
        side="BUY",
        kind="STOP_MARKET",
        qty=Decimal("0.5"),
        price=Decimal(90),
        reduces=True,
    )
    about: dict[str, Any] = {"unsettled": (), "doubted": (), "found": {}, "hedge_mode": False}
    return AccountSeen(
        id=f"seen:{at_ms}",
        at_ms=at_ms,
        trace_id="",
        account=ACCOUNT,
        first_ms=at_ms - 1,
        positions=(held,),
        orders=(order,),
        **(about | more),
    )


def test_what_the_venue_showed_is_told_beside_the_orders(shell: Shell) -> None:
    odd: dict[str, Any] = {
        "found": {"BTCUSDT": 2},
        "unsettled": ("A",),
        "doubted": ("B",),
        "hedge_mode": True,
    }
    shell.journal.conclude(
        [looked(2_000, "ETHUSDT"), looked(3_000, "BTCUSDT", **odd)], venue_seq=None
    )
    target = order_command("target", "plan-1", attempt=2)
    shell.journal.intend([target])
    told = shell.json("show")[1]["seen"]
    assert [(one["number"], one["kind"]) for one in told] == [
        (13, "account.seen"),
        (14, "account.seen"),
    ]
    assert told[0]["text"] == (
        "the venue shows -0.5 ETHUSDT at 100 (5x isolated) and 1 order at rest"
    )
    assert told[1]["text"].endswith(
        "2 trades of BTCUSDT came to light by asking; not settled: A; long in doubt: B; "
        "hedge mode is on"
    )
    assert told[1]["fact"]["positions"][0]["qty"] == "-0.5"
    assert [one["number"] for one in shell.json("show", "--last", "1")[1]["seen"]] == [14]
    of_plan = shell.json("show", "--plan", "plan-1")[1]["seen"]
    assert [one["number"] for one in of_plan] == [14], "its symbol, while it lived"
    assert shell.json("show", "--plan", "plan-2")[1]["seen"] == []
    assert "whenever it showed anything new" in shell.text("show")[1]


def test_what_cannot_be_shown_is_wrong_usage(shell: Shell) -> None:
    code, _, err = shell.text("show", "--plan", "nobody")
    assert code == 2
    assert "no order of such a plan" in err
    assert shell.text("show", "--plan", "x", "--last", "3")[0] == 2
    assert shell.text("show", "--last", "0")[0] == 2


def test_an_order_that_another_version_wrote_is_shown_as_far_as_it_can_be_read(
    shell: Shell,
) -> None:
    db = apsw.Connection(str(shell.file))
    db.execute("""UPDATE record SET body = CAST('{"type":"odd"}' AS BLOB) WHERE number = 7""")
    (life,) = shell.json("show", "--plan", STOP.order.client_order_id)[1]["orders"]
    assert life["state"] == "unread"
    assert [one["kind"] for one in life["records"]] == [
        *("order.commanded", "unread", "cancel.commanded", "order.canceled"),
    ]
    assert life["records"][2]["text"] == "the stop at 90 shall be canceled: a test"


def test_a_journal_in_which_nothing_was_sent_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SqliteJournal(tmp_path / "empty.sqlite", ACCOUNT).close()
    assert main(["journal", "show", str(tmp_path / "empty.sqlite")]) == 0
    assert capsys.readouterr().out == "no order was ever sent\n"
