"""What the pages tell outsiders is what the code does."""

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quantum_trader.app import cli
from quantum_trader.app.backlog import Passed
from quantum_trader.app.cli import arm, dlq, journal, levels, plan_answer, run
from quantum_trader.app.cli.relive import Relived
from quantum_trader.app.examination import OfFolder, OfServer, Report
from quantum_trader.app.finding import KINDS, Finding
from quantum_trader.app.kill_words import Result
from quantum_trader.app.letters import Letter
from quantum_trader.app.report.summary import Summary
from quantum_trader.app.run import Places
from quantum_trader.app.story import Line, Story
from quantum_trader.core.events import (
    IntentApplied,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
    tag_of,
)
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits import outputs
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.intent_edge import read_intent
from quantum_trader.streams import STREAMS
from tests.support import ACCOUNT, NOON_MS

DOCS = Path(__file__).parents[2] / "docs"
STREAMS_PAGE = (DOCS / "streams.md").read_text(encoding="utf-8")
CLI_PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")


def examples() -> list[IntentProposed]:
    """Every XADD of the page, read by the door it would come through."""
    found = []
    for line in STREAMS_PAGE.splitlines():
        if line.startswith("XADD quantum:stream:trade.intent "):
            words = [word.encode() for word in shlex.split(line)[3:]]
            fields = dict(zip(words[::2], words[1::2], strict=True))
            found.append(read_intent(fields, account=ACCOUNT))
    return found


def test_both_forms_of_an_intent_say_the_same() -> None:
    flat, packed = examples()
    assert flat == packed
    assert (flat.symbol, flat.side, flat.at_ms, flat.leverage) == ("BTCUSDT", "LONG", NOON_MS, 5)
    assert (flat.notional_usd, flat.stop_loss) == (Decimal(500), Decimal(59000))


def test_every_field_of_the_page_is_read() -> None:
    row = re.compile(r"^\| (`.*?) \| (?:yes|better|no) \|", re.MULTILINE)
    named = {name for cell in row.findall(STREAMS_PAGE) for name in re.findall(r"`(\w+)`", cell)}
    values = {
        "side": "LONG", "symbol": "BTCUSDT", "timestamp": str(NOON_MS), "leverage": "3",
        "confidence": "0.5", "funding_rate": "0.01",
    }  # fmt: skip
    ours = {"atr_value": "atr_price", "funding_rate": "funding_rate_frac", "timestamp": "at_ms"}
    sizes = {"notional_usd", "margin_usd", "qty"}
    for name in named:
        given = {**values, name: values.get(name, "7")}
        fields = {key.encode(): value.encode() for key, value in given.items()}
        intent = read_intent(fields, account=ACCOUNT)
        assert getattr(intent, ours.get(name, name)) is not None, name
    assert sizes <= named
    assert len(named) == 21


def test_the_fields_of_every_outcome_are_told() -> None:
    common = {"id", "at_ms", "trace_id", "account", "v"}
    for kind in (IntentApplied, IntentRefused, IntentSkipped):
        (row,) = [
            line for line in STREAMS_PAGE.splitlines() if line.startswith(f"| `{tag_of(kind)}` ")
        ]
        told = set(re.findall(r"`(\w+)`", row.split("|")[3]))
        fields = {field.name for field in msgspec.structs.fields(kind)} - common
        assert told - {"gate", "reason"} == fields - {"reason"}


def test_every_watched_stream_lists_its_types() -> None:
    for line in STREAMS_PAGE.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1].strip("`") in STREAMS and cells[1] != "":
            row = STREAMS[cells[1].strip("`")]
            assert re.findall(r"`([\w.]+)`", cells[3]) == [tag_of(fact) for fact in row.facts]


def section(command: str) -> str:
    """What the page says after the example that begins so."""
    return CLI_PAGE.split(f"```\nquantum {command}")[1].split("```")[1]


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("run", [Places, run.Summary]),
        ("replay BTCUSDT", [Summary]),
        ("replay --from-log", [Relived]),
        ("levels", [levels.Answer, LevelSet, Bound]),
        (
            "plan",
            [
                plan_answer.Answer,
                plan_answer.LegShown,
                TrailSpec,
                outputs.Outputs,
                outputs.DynamicTpSl,
                outputs.TrailingConfig,
                outputs.PartialExit,
            ],
        ),
        ("doctor", [Finding, Report, OfServer, OfFolder]),
        ("explain", [Story, Line]),
        ("halt", [Result]),
        ("arm", [arm.Result]),
        ("journal verify", [journal.Verified]),
        ("journal show", [journal.OrderLife, journal.Noting]),
        ("dlq list", [Letter, dlq.Group, dlq.Redriven]),
        ("drain on", [Passed]),
    ],
)
def test_every_key_is_told(command: str, kinds: list[type[msgspec.Struct]]) -> None:
    told = set(re.findall(r"`(\w+)`", section(command)))
    keys = {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    assert not keys - told


def test_the_page_of_the_doctor_has_a_row_for_each_finding() -> None:
    page = (DOCS / "doctor.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    told = {row[0].strip(" `"): (row[1], row[3]) for row in rows}
    assert told == {name: (" or ".join(kind.levels), kind.money) for name, kind in KINDS.items()}


def test_every_command_is_on_the_page_and_every_example_is_a_command() -> None:
    named = [line.split()[1] for line in CLI_PAGE.splitlines() if line.startswith("quantum ")]
    assert set(named) == set(cli.COMMANDS)


def test_the_error_of_the_page_is_the_error_of_the_shell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["nonsense", "--json"])
    keys = list(json.loads(capsys.readouterr().out)["error"])
    assert ", ".join(f'"{key}"' for key in keys) in CLI_PAGE
