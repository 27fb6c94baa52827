"""The documents are true: their commands run, their links lead somewhere, what they name exists."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from quantum_trader.app import cli
from quantum_trader.app.config import Config, load
from quantum_trader.app.finding import KINDS
from quantum_trader.app.venue.ws_api import METHODS
from quantum_trader.core.events import TAGS
from quantum_trader.streams import CONSUMERS, LIVE, STREAMS, read_by
from tests.pages import (
    PAGES,
    ROOT,
    SYMBOL,
    anchors,
    blocks,
    commands,
    defined_in,
    is_place,
    links,
    name_of,
    resolve,
    table,
    text_of,
    words,
)

ARCHITECTURE_LINES_BELOW = 300
PICTURE_BYTES_MAX = 300_000

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(found), f"{link} leads to no heading"


@every_page
def test_every_file_and_symbol_that_is_named_exists(page: Path) -> None:
    for word in filter(is_place, words(page)):
        found = resolve(word)
        assert found is not None, f"{word} does not exist"
        symbol = SYMBOL.fullmatch(word)
        if symbol is not None:
            assert symbol[2] in defined_in(found), f"{word}: the file defines no such name"


@every_page
def test_every_stream_and_fact_that_is_named_exists(page: Path) -> None:
    known = {*STREAMS, *TAGS.values(), *CONSUMERS, *METHODS, "market.*"}
    families = {name.split(".")[0] for name in known if "." in name}
    for word in words(page):
        if re.fullmatch(r"[a-z_]+(\.[a-z_*]+)+", word) and word.split(".")[0] in families:
            assert word in known or word in KINDS, f"{word} is no stream, no fact and no finding"


@every_page
def test_a_command_in_a_sentence_has_the_options_it_is_given(page: Path) -> None:
    for word in words(page):
        name, *rest = word.split()
        if name != "quantum" or not rest or rest[0].startswith("-"):
            continue
        assert rest[0] in cli.COMMANDS, word
        given = {part.split("=")[0] for part in rest if part.startswith("--")}
        assert given <= options_of(rest[0]), word


def options_of(name: str) -> set[str]:
    """The options of a command and of the commands inside it."""
    every = [get_command(cli._load(cli.COMMANDS[name]))]
    every += getattr(every[0], "commands", {}).values()
    return {"--help"} | {opt for one in every for param in one.params for opt in param.opts}


def test_every_verb_of_make_that_is_named_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):.*## ", text_of("Makefile"), re.MULTILINE))
    typed = {one.line.split()[1] for page in PAGES for one in commands(page) if one.line[0] == "m"}
    named = {word.split()[1] for page in PAGES for word in words(page) if word.startswith("make ")}
    assert {"setup", "run", "test", "check"} <= typed
    assert typed | named <= verbs


def test_every_page_is_in_the_index() -> None:
    listed = set(links(ROOT / "docs" / "README.md"))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= listed


def test_the_table_of_services_is_the_table_of_streams() -> None:
    rows = {row[0]: row for row in table("ARCHITECTURE.md", "The shape")}
    writers = {row.writer for row in LIVE} - {"operator"}
    assert set(rows) == writers | set(CONSUMERS)
    for service in CONSUMERS:
        told = re.findall(r"`([a-z.]+)`", rows[service][1])
        assert told == [key.removeprefix("quantum:stream:") for key in read_by(service)]
    for service in ("feed", "clock", "signals", "gateway"):
        told = re.findall(r"`([a-z.]+)`", rows[service][2])
        written = {row.name for row in LIVE if row.writer == service and "dlq" not in row.name}
        assert set(told) == written


def test_a_newcomer_is_told_where_to_add_what_newcomers_add() -> None:
    rows = table("CONTRIBUTING.md", "Where do I add ...")
    wanted = "gate limit exit stop model fact stream exchange market service command setting page"
    asked = " ".join(row[0] for row in rows)
    assert not [word for word in wanted.split() if word not in asked]
    for row in rows:
        assert any(is_place(word) for word in re.findall(r"`([^`]+)`", row[1] + row[2])), row[0]


def test_every_setting_is_on_its_page() -> None:
    rows = table("docs/run.md", "Settings")
    told = {word for row in rows for word in re.findall(r"`([^`]+)`", row[0])}
    assert told == set(Config.model_fields)
    for name, value in ((row[0].strip("`"), row[1]) for row in rows):
        usual = Config.model_fields[name].default if name in Config.model_fields else None
        if isinstance(usual, int | str):
            assert str(usual) in value


def test_every_example_of_settings_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [one for page in PAGES for one in blocks(page) if one.language == "toml"]
    assert examples
    for example in examples:
        file = tmp_path / "settings.toml"
        file.write_text("\n".join(example.lines), encoding="utf-8")
        config = load(file)
        # Each says something beyond what is usual, and its sections make sense.
        assert config.model_fields_set - {"account"}
        assert config.risk_limits.positions_max in (2, 10)
        assert not config.caps or config.hard_caps.order_usd_max < config.hard_caps.gross_usd_max
    for name, value in re.findall(r"`(QT_\w+)='?([^'`]+)'?`", text_of("docs/run.md")):
        monkeypatch.setenv(name, value)
    assert load().leverage == 5


def test_pictures_are_small_and_the_architecture_is_short() -> None:
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size <= PICTURE_BYTES_MAX, picture.name
    assert len(text_of("ARCHITECTURE.md").splitlines()) < ARCHITECTURE_LINES_BELOW
