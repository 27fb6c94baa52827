"""The leave to trade real money: bound to what it was given for, and ended by anything odd."""

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.arming import (
    ARMED_FILE,
    NOT_ARMED,
    ArmedLeave,
    Run,
    arm,
    disarm,
    note_run,
    read_armed,
    read_run,
)
from quantum_trader.app.build import build_hash
from quantum_trader.core.arming import Armed, Here, ended_by
from quantum_trader.core.caps import Caps
from quantum_trader.core.errors import StoreError

NOW = 1_700_000_000_000
CAPS = Caps(order_usd_max=Decimal(50), gross_usd_max=Decimal(100), loss_usd_max=Decimal(10))
ARMED = Armed(
    account="live",
    fingerprint="abc",
    build="b1",
    run="r1",
    caps=CAPS,
    who="ann",
    armed_ms=NOW,
    expires_ms=NOW + 60_000,
)
HERE = Here(
    account="live",
    fingerprint="abc",
    build="b1",
    run="r1",
    guardian_ms=1_000,
    clock_offset_ms=20,
    halted=False,
)
RUN = Run(run="r1", account="live", build="b1", fingerprint="abc", started_ms=NOW, pid=1)

ODD: list[tuple[dict[str, object], str]] = [
    ({"account": "live-2"}, "account"),
    ({"fingerprint": "abd"}, "key abc"),
    ({"fingerprint": None}, "none that could be read"),
    ({"build": "b2"}, "program was changed"),
    ({"run": "r2"}, "started again"),
    ({"guardian_ms": None}, "never"),
    ({"guardian_ms": 5_001}, "5.0 s ago"),
    ({"clock_offset_ms": None}, "not known"),
    ({"clock_offset_ms": -251}, "-251 ms"),
    ({"halted": True}, "halted"),
]


def test_a_leave_holds_while_everything_is_as_it_was() -> None:
    assert ended_by(ARMED, HERE, NOW) == ()
    assert ended_by(ARMED, HERE, NOW + 59_999) == ()


@pytest.mark.parametrize(("change", "why"), ODD, ids=str)
def test_anything_odd_ends_it(change: dict[str, object], why: str) -> None:
    [reason] = ended_by(ARMED, msgspec.structs.replace(HERE, **change), NOW)
    assert why in reason


def test_its_time_ends_it_and_a_clock_that_goes_back_too() -> None:
    assert ended_by(ARMED, HERE, NOW + 60_000) == ("its time is over",)
    assert "before the moment" in ended_by(ARMED, HERE, NOW - 1)[0]


@given(st.sets(st.sampled_from(range(len(ODD))), min_size=1))
def test_more_that_is_odd_never_makes_it_good(which: set[int]) -> None:
    here = HERE
    for number in which:
        here = msgspec.structs.replace(here, **ODD[number][0])
    assert ended_by(ARMED, here, NOW)


class Now:
    """What is so, and a leave in a folder."""

    def __init__(self, folder: Path) -> None:
        self.here = HERE
        self.now_ms = NOW
        self.leave = ArmedLeave(folder, lambda: self.here, lambda: self.now_ms)


@pytest.fixture
def now(tmp_path: Path) -> Now:
    note_run(tmp_path, RUN)
    return Now(tmp_path)


def test_nothing_is_armed_until_somebody_does(now: Now, tmp_path: Path) -> None:
    assert now.leave.caps() == (NOT_ARMED,)
    arm(tmp_path, ARMED)
    assert now.leave.caps() == CAPS
    assert read_armed(tmp_path) == ARMED
    assert read_run(tmp_path) == RUN


def test_what_ended_once_does_not_come_back_by_itself(now: Now, tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    now.here = msgspec.structs.replace(HERE, halted=True)
    assert now.leave.caps() == (NOT_ARMED, "the system is halted")
    now.here = HERE
    assert now.leave.caps() == (NOT_ARMED,)
    assert read_armed(tmp_path) is None


def test_a_new_start_takes_the_leave_of_the_last_one_away(now: Now, tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    note_run(tmp_path, msgspec.structs.replace(RUN, run="r2"))
    assert now.leave.caps() == (NOT_ARMED,)


def test_after_it_was_ended_no_file_helps_until_the_next_start(now: Now, tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    now.leave.end("a loss")
    arm(tmp_path, ARMED)
    assert now.leave.caps() == ("disarmed until the next start: a loss",)


def test_disarming_twice_is_disarming(tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    assert disarm(tmp_path)
    assert not disarm(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b'{"account": "live"}', b"\xff"])
def test_a_file_that_is_not_whole_arms_nothing(now: Now, tmp_path: Path, text: bytes) -> None:
    arm(tmp_path, ARMED)
    (tmp_path / ARMED_FILE).write_bytes(text)
    assert now.leave.caps() == (NOT_ARMED,)


def test_a_file_that_others_could_have_written_arms_nothing(now: Now, tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    (tmp_path / ARMED_FILE).chmod(0o660)
    assert now.leave.caps() == (NOT_ARMED,)
    (tmp_path / ARMED_FILE).rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / ARMED_FILE).symlink_to(tmp_path / "elsewhere")
    assert now.leave.caps() == (NOT_ARMED,)
    (tmp_path / ARMED_FILE).unlink()
    os.mkfifo(tmp_path / ARMED_FILE, 0o600)
    assert now.leave.caps() == (NOT_ARMED,)


def test_caps_without_a_bound_cannot_be_armed_by_hand(now: Now, tmp_path: Path) -> None:
    arm(tmp_path, ARMED)
    text = (tmp_path / ARMED_FILE).read_text()
    (tmp_path / ARMED_FILE).write_text(text.replace('"50"', '"Infinity"'))
    assert now.leave.caps() == (NOT_ARMED,)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        arm(tmp_path / "nowhere", ARMED)


def test_a_build_has_one_name() -> None:
    assert build_hash() == build_hash()
    assert len(build_hash()) == 16
