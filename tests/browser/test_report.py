"""The report in a browser: it draws, fits, changes its colours, and asks nobody for anything."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright

from quantum_trader.app.bench.replay_speed import replay_walk
from quantum_trader.app.bench.walk import BAR_MS, SYMBOL, walk
from quantum_trader.app.replay import ReplayResult
from quantum_trader.app.report.page import render
from quantum_trader.app.report.summary import Setup, summarise
from tests.app.exit_facts import decided
from tests.support import some_rules

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
FLAGS = [
    f"--{name}"
    for name in (
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    )
]
BARS = 12_000
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg').length"
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(244, 245, 247)", "rgb(14, 17, 20)"


@pytest.fixture(scope="module")
def result() -> ReplayResult:
    """Return a replay with some dozens of trades."""
    return asyncio.run(replay_walk(walk(BARS, 7)))


def written(result: ReplayResult, folder: Path) -> str:
    """The address of the page about a result."""
    setup = Setup(
        model="ema_cross",
        rules=some_rules(),
        intervals_ms={SYMBOL: BAR_MS},
        funded=(),
        source="SIMULATED",
    )
    page = folder / "report.html"
    page.write_text(render(result, setup, summarise(result, setup)), encoding="utf-8")
    return page.as_uri()


@asynccontextmanager
async def a_tab(address: str, width: int = 1280, scheme: str = "light") -> AsyncIterator[Tab]:
    """The page in a browser of this width; what went wrong in it fails the test."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = await browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        tab.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on(
            "request",
            lambda asked: (
                wrong.append(asked.url[:80])
                if not asked.url.startswith(("file:", "data:", "blob:"))
                else None
            ),
        )
        await tab.goto(address)
        await tab.wait_for_function(f"{DRAWN} > 0")
        yield tab
        await browser.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_everything_is_drawn_and_fits(
    result: ReplayResult, tmp_path: Path, width: int, scheme: str
) -> None:
    async with a_tab(written(result, tmp_path), width, scheme) as tab:
        charts = await tab.query_selector_all(".chart")
        assert len(charts) == 6
        for chart in charts:
            assert await chart.query_selector(".main-svg")
        assert await tab.evaluate(OVERFLOW) <= 0
        assert await tab.evaluate(BACKGROUND) == (LIGHT if scheme == "light" else DARK)
        assert await tab.inner_text(".chip") == "SIMULATED market"
        assert f"{len(result.trades):,} trades" in await tab.inner_text("h1")


async def test_the_switch_beats_the_scheme_of_the_machine_and_redraws(
    result: ReplayResult, tmp_path: Path
) -> None:
    ink = "document.querySelector('#equity .ytick text').style.fill"
    async with a_tab(written(result, tmp_path)) as tab:
        before = await tab.evaluate(ink)
        await tab.click("text=Dark")
        assert await tab.evaluate(BACKGROUND) == DARK
        assert await tab.evaluate(ink) != before
        await tab.click("text=Light")
        assert await tab.evaluate(BACKGROUND) == LIGHT
        assert await tab.evaluate(ink) == before
        await tab.emulate_media(color_scheme="dark")
        assert await tab.evaluate(BACKGROUND) == LIGHT
        await tab.click("text=Auto")
        assert await tab.evaluate(BACKGROUND) == DARK


async def test_one_trade_after_another_can_be_looked_at(
    result: ReplayResult, tmp_path: Path
) -> None:
    total = len(result.trades)
    async with a_tab(written(result, tmp_path)) as tab:
        assert await tab.locator("#trade-rows tr").count() == total
        assert await tab.inner_text("#position") == f"1 of {total}"
        assert await tab.is_disabled("#previous")
        await tab.click("#next")
        assert await tab.inner_text("#position") == f"2 of {total}"
        await tab.locator("#trade-rows tr").nth(4).click()
        chosen = sorted(result.trades, key=lambda trade: trade.closed_ms)[4]
        facts = await tab.inner_text("#facts")
        assert f"No. 5, {chosen.side}" in facts
        assert chosen.reason.replace("_", " ") in facts
        names = await tab.evaluate("document.getElementById('trade').data.map(one => one.name)")
        assert names == ["price", "targets", "targets", "targets", "stop", "entry", "exits"]


async def test_the_stop_is_drawn_where_it_stood(result: ReplayResult, tmp_path: Path) -> None:
    trades = sorted(result.trades, key=lambda trade: trade.closed_ms)
    moved = next(number for number, trade in enumerate(trades) if trade.stages)
    trade = trades[moved]
    async with a_tab(written(result, tmp_path)) as tab:
        await tab.locator("#trade-rows tr").nth(moved).click()
        drawn = await tab.evaluate(
            "document.getElementById('trade').data.find(one => one.name === 'stop').y"
        )
    expected = [
        float(price)
        for _, at_ms, price in result.stops
        if trade.opened_ms <= at_ms <= trade.closed_ms
    ]
    assert len(expected) > 1
    assert drawn[::2] == drawn[1::2] == expected


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_trade_can_be_opened_to_the_story_of_its_exit(
    result: ReplayResult, tmp_path: Path, width: int
) -> None:
    trades = sorted(result.trades, key=lambda trade: trade.closed_ms)
    moved = next(number for number, trade in enumerate(trades) if trade.stages)
    async with a_tab(written(result, tmp_path), width) as tab:
        await tab.locator("#trade-rows tr").nth(moved).click()
        assert not await tab.is_visible("#story li")
        await tab.click("#story summary")
        told = await tab.locator("#story li span").all_inner_texts()
        assert told[0].startswith("to be left by ADAPTIVE")
        assert any("break even moves the stop to" in text and " R, " in text for text in told)
        steps = f"{len(told)} steps" if len(told) > 1 else "1 step"
        assert await tab.inner_text("#story summary") == f"How it was left: {steps}"
        assert await tab.evaluate(OVERFLOW) <= 0


async def test_what_others_wrote_into_a_story_stays_text(
    result: ReplayResult, tmp_path: Path
) -> None:
    evil = "<img src=x onerror=alert(1)></script>"
    first = min(result.trades, key=lambda trade: trade.closed_ms)
    changed = msgspec.structs.replace(
        result, exits={first.plan_id: [decided("CLOSE", reason=evil)]}
    )
    async with a_tab(written(changed, tmp_path)) as tab:
        await tab.click("#story summary")
        assert evil in await tab.inner_text("#story li span")
        await tab.click("#next")
        assert not await tab.is_visible("#story")


async def test_a_closer_look_shows_entries(result: ReplayResult, tmp_path: Path) -> None:
    marks = "document.getElementById('market').data.filter(one => one.mode === 'markers').length"
    many = result if len(result.trades) > 80 else await replay_walk(walk(4 * BARS, 7))
    first = sorted(many.trades, key=lambda trade: trade.closed_ms)[0]
    async with a_tab(written(many, tmp_path)) as tab:
        assert await tab.evaluate(marks) == 1
        sight = [first.opened_ms, first.closed_ms + 3_600_000]
        await tab.evaluate(
            "([from, until]) => Plotly.relayout('market', {"
            "'xaxis.range[0]': new Date(from).toISOString(),"
            "'xaxis.range[1]': new Date(until).toISOString()})",
            sight,
        )
        await tab.wait_for_function(f"{marks} === 2")


async def test_a_replay_without_a_trade_has_a_page(tmp_path: Path) -> None:
    empty = await replay_walk(walk(100, 7))
    assert not empty.trades
    empty.equity_gap_usd = Decimal(1)
    async with a_tab(written(empty, tmp_path), width=390) as tab:
        assert await tab.inner_text("h1") == "No trade was taken"
        assert await tab.locator(".chart").count() == 3
        assert "differ by up to 1.00 USDT" in await tab.inner_text("[role=alert]")
