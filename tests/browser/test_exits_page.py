"""The comparison of exits in a browser: it draws, fits, and changes unit and colours."""

from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from quantum_trader.app.comparison.page import render
from quantum_trader.app.comparison.wanted import Answer, Conditions, PairAnswer
from quantum_trader.research.exits_compare import compare
from quantum_trader.research.exits_verdict import verdict
from quantum_trader.research.policy_row import Run
from tests.browser.test_report import BACKGROUND, DARK, LIGHT, OVERFLOW, a_tab
from tests.research.trades import FIRST_DAY_MS, a_run

pytestmark = pytest.mark.browser

POLICIES = ("adaptive", "profile:TREND_DEFAULT", "static_3_4")
TRADES = 90
CONDITIONS = Conditions(
    entries="random",
    entries_wanted=TRADES,
    entries_taken=TRADES,
    entries_funded=0,
    seed=1,
    symbols=("BTCUSDT",),
    first_ms=FIRST_DAY_MS,
    last_ms=FIRST_DAY_MS,
    notional_usd=Decimal(10_000),
    leverage=10,
    taker_frac=Decimal("0.0004"),
    maker_frac=Decimal("0.0002"),
    slippage_ticks=1,
    slippage_bps=Decimal(1),
    hold_max_ms=14_400_000,
    intrabar="stop_first",
    bars=1,
    seconds=1.0,
)


def some_runs() -> list[Run]:
    """As many runs as policies, each with some luck of its own."""
    random = np.random.default_rng(1)
    nets = (random.normal(-5.0, 90.0, TRADES).round(2).tolist() for _ in POLICIES)
    return [a_run(policy, those) for policy, those in zip(POLICIES, nets, strict=True)]


def written(runs: list[Run], folder: Path) -> str:
    """The address of the page about these runs."""
    found = compare(runs, 1)
    words = verdict(found)
    told = Answer(
        verdict=words.text,
        policies=found.policies,
        pairs=tuple(
            PairAnswer(**msgspec.structs.asdict(pair), sentence=sentence)
            for pair, sentence in zip(found.pairs, words.pairs, strict=True)
        ),
        conditions=CONDITIONS,
        problems=("it broke",),
    )
    page = folder / "compare.html"
    page.write_text(render(told, runs), encoding="utf-8")
    return page.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_every_policy_is_drawn_and_the_page_fits(
    tmp_path: Path, width: int, scheme: str
) -> None:
    async with a_tab(written(some_runs(), tmp_path), width, scheme) as tab:
        charts = await tab.query_selector_all(".chart")
        assert len(charts) == 4
        for chart in charts:
            assert await chart.query_selector(".main-svg")
        assert await tab.evaluate(OVERFLOW) <= 0
        assert await tab.evaluate(BACKGROUND) == (LIGHT if scheme == "light" else DARK)
        drawn = await tab.evaluate("document.getElementById('results').data.map(one => one.y[0])")
        assert drawn == list(POLICIES)
        assert "cannot be told from" in await tab.inner_text(".answer")
        assert "it broke" in await tab.inner_text("[role=alert]")


async def test_the_difference_is_shown_in_r_and_in_money(tmp_path: Path) -> None:
    runs = some_runs()
    last = "document.getElementById('differences').data.map(one => one.y[one.y.length - 1])"
    expected = [
        float(sum(run.trades[n].net_usd - runs[0].trades[n].net_usd for n in range(TRADES)))
        for run in runs[1:]
    ]
    async with a_tab(written(runs, tmp_path)) as tab:
        assert await tab.evaluate(last) == pytest.approx([usd / 100 for usd in expected], abs=1e-3)
        await tab.select_option("#unit", "usd")
        assert await tab.evaluate(last) == pytest.approx(expected, abs=0.01)
        await tab.click("text=Dark")
        assert await tab.evaluate(BACKGROUND) == DARK
        assert await tab.evaluate(last) == pytest.approx(expected, abs=0.01)


async def test_one_policy_without_a_trade_has_a_page(tmp_path: Path) -> None:
    nobody = Run(policy="nobody", trades=(), refused={"e0": "draft_exists"})
    async with a_tab(written([nobody], tmp_path), width=390) as tab:
        assert "nobody took no trade at all." in await tab.inner_text(".answer")
        assert await tab.locator(".chart").count() == 3
        assert "not entered: draft_exists 1" in await tab.inner_text(".reasons")
