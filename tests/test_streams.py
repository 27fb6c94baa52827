"""The table of streams: it is complete, it does not contradict itself, and the code keeps to it."""

import ast
import re
from itertools import chain
from pathlib import Path

import msgspec
import pytest

from quantum_trader import streams
from quantum_trader.core import events as ev
from quantum_trader.streams import LIVE, STREAMS

ALL_KEYS = {row.key for row in STREAMS.values()}
SOURCE = Path(streams.__file__).parents[1]

FORTY_EIGHT = """
trade.intent apply.plan apply.result execution.result ai.decision.made ai.signal_generated alerts
allocation.decision allocation.target.proposed alpha.attribution apply.heat.observed
apply.plan.manual budget.violation capital.efficiency.decision clm.intent events
exchange.normalized exchange.raw exitbrain.pnl governor.events harvest.calibrated
harvest.heat.decision harvest.proposal learning.retraining.completed learning.retraining.started
market.klines marketstate market.tick meta.regime model.retrain policy.audit policy.update
policy.updated portfolio.cluster_state portfolio.exposure_updated portfolio.gate
portfolio.snapshot_updated portfolio.state position.snapshot reconcile.close reconcile.events
sizing.decided trade.closed trade.execution.res trade.intent.dlq trade.signal trading.plan utf
""".split()  # noqa: SIM905


def test_all_streams_that_people_know_by_name_are_in_the_table() -> None:
    assert len(set(FORTY_EIGHT)) == 48
    assert not set(FORTY_EIGHT) - set(STREAMS)


def test_the_table_does_not_contradict_itself() -> None:
    assert streams.problems() == ()


def a_row(**changes: object) -> streams.Stream:
    """The row of execution.result, changed."""
    return msgspec.structs.replace(STREAMS["execution.result"], **changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"writer": None}, "live without a writer"),
        ({"readers": ()}, "live without a reader"),
        ({"facts": ()}, "live without a fact"),
        ({"purpose": ""}, "live without a purpose"),
        ({"status": "planned", "reason": "later"}, "is planned and yet something flows"),
        ({"facts": (ev.Tick,)}, "Tick travels on 2 streams"),
        ({"facts": (ev.OrderFilled,)}, "FundingSettled travels on 0 streams"),
        ({"name": "clock"}, "clock is in the table twice"),
    ],
)
def test_a_row_that_is_wrong_is_named(changes: dict[str, object], complaint: str) -> None:
    others = tuple(row for row in STREAMS.values() if row.name != "execution.result")
    found = streams.problems((a_row(**changes), *others))
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"reason": ""}, "without a reason"),
        ({"successor": "nowhere"}, "names a successor that is not in the table: nowhere"),
    ],
)
def test_a_dormant_row_that_is_wrong_is_named(changes: dict[str, object], complaint: str) -> None:
    row = msgspec.structs.replace(STREAMS["trading.plan"], **changes)
    others = tuple(each for each in STREAMS.values() if each.name != row.name)
    assert any(complaint in line for line in streams.problems((row, *others)))


def test_retired_streams_have_a_successor_or_say_why_there_is_none() -> None:
    without = {row.name for row in streams.RETIRED if row.successor is None}
    assert without == {"events", "utf"}
    assert all(len(row.reason) > 20 for row in streams.RETIRED)


def test_every_fact_has_exactly_one_stream_and_dead_letters_one_per_reader() -> None:
    assert set(streams.ROUTES) == set(ev.FACTS) - set(streams.NOT_ROUTED)
    for service, key in streams.groups():
        letters = streams.dead_letters_of(service, key)
        assert letters in streams.dead_letter_streams()
        row = STREAMS[letters.removeprefix(streams.PREFIX)]
        assert row.writer == service, "what a service gives up, the same service writes"


def test_a_service_learns_what_the_venue_did_before_what_somebody_would_like() -> None:
    order = streams.read_by(streams.TRADER)
    names = [
        "execution.result",
        "position.snapshot",
        "operator",
        "clock",
        "market.tick",
        "market.klines",
        "exchange.normalized",
        "trade.intent",
    ]
    assert order == tuple(streams.PREFIX + name for name in names)


def test_every_reader_is_somebody() -> None:
    known = {*streams.CONSUMERS, *streams.OBSERVERS, streams.OUTSIDE}
    assert {reader for row in LIVE for reader in row.readers} <= known


def keys_imported_by(file: str) -> set[str]:
    """The streams whose names a module takes from the table."""
    tree = ast.parse((SOURCE / file).read_text(encoding="utf-8"))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {name.name for node in taken if node.module == streams.__name__ for name in node.names}
    return {key for name in names if (key := getattr(streams, name)) in ALL_KEYS}


def test_the_page_reads_what_the_table_says_it_reads() -> None:
    assert keys_imported_by("app/watch.py") == set(streams.read_by(streams.PAGE))


def test_the_dead_letter_command_reads_every_stream_of_dead_letters() -> None:
    assert set(streams.read_by(streams.DLQ)) == set(streams.dead_letter_streams())


def test_explain_reads_everything_that_bears_a_trace() -> None:
    market = {"market.tick", "market.klines", "exchange.raw", "exchange.normalized"}
    bare = {"operator", "clock", "marketstate", "position.snapshot", *market}
    traced = {row.key for row in LIVE if row.name not in bare and not row.name.startswith("dlq.")}
    assert set(streams.read_by(streams.EXPLAIN)) == traced


def test_no_other_file_names_a_stream() -> None:
    strangers = [
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if file.parent.name != "streams" and streams.PREFIX in file.read_text(encoding="utf-8")
    ]
    assert not strangers


def test_every_stream_named_in_a_page_is_in_the_table() -> None:
    pages = chain(SOURCE.rglob("*.html"), (SOURCE.parents[1] / "docs").glob("*.md"))
    pattern = re.compile(rf"{streams.PREFIX}([a-z_.]*[a-z_])")
    named = {name for page in pages for name in pattern.findall(page.read_text(encoding="utf-8"))}
    assert "trade.intent" in named
    assert not named - set(STREAMS)


def test_only_what_a_service_numbers_itself_is_closed_to_others() -> None:
    closed = {row.name for row in LIVE if streams.is_numbered(row.key)}
    open_ones = {row.name for row in LIVE} - closed
    assert open_ones == {
        "operator",
        "clock",
        "market.tick",
        "market.klines",
        "exchange.raw",
        "exchange.normalized",
        "trade.intent",
    }
    assert not streams.is_numbered("quantum:inbox:trader")
