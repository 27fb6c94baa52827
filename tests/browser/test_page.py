"""The page in a browser: what it says, that it fits, and that it admits when it knows nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import httpx2
import msgspec
import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright

from quantum_trader.app.board import Head, Held, Target
from quantum_trader.app.page import Page
from quantum_trader.app.watch import About, Sample, View
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import IntentApplied, IntentRefused, Refusal, TradeClosed

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
NOW_MS = 1_790_000_000_000
EVIL = "<script>document.title='taken'</script>"


def a_position(symbol: str = "BTCUSDT", **changes: object) -> Held:
    """A protected long in profit."""
    held = Held(
        symbol=symbol,
        side="LONG",
        qty=Decimal("0.049"),
        entry_price=Decimal("60123.4"),
        mark=Decimal("60500.25"),
        mark_ms=NOW_MS - 1_200,
        unrealized_usd=Decimal("18.46"),
        plan_id="p1",
        trace_id="i745ece01b32ef5adc8aa",
        strategy="ema_cross",
        leverage=10,
        opened_ms=NOW_MS - 95_000,
        stop_price=Decimal("59522.1"),
        targets=(Target(2, Decimal("61206"), Decimal("0.014")),),
        stages=1,
        legs=3,
        risk_usd=Decimal("29.46"),
    )
    return msgspec.structs.replace(held, **changes)


def a_trade(reason: str) -> TradeClosed:
    """A trade that lost."""
    return TradeClosed(
        id="t",
        at_ms=NOW_MS - 30_000,
        trace_id="i1",
        account="paper-SIMULATED",
        plan_id="p0",
        intent_id="i0",
        symbol="SOLUSDT",
        side="SHORT",
        strategy="ema_cross",
        leverage=10,
        qty=Decimal("20.5"),
        entry_vwap=Decimal("146.02"),
        exit_vwap=Decimal("147.5"),
        opened_ms=NOW_MS - 90_000,
        closed_ms=NOW_MS - 30_000,
        hold_ms=60_000,
        gross_usd=Decimal("-30.34"),
        fees_usd=Decimal("2.4"),
        funding_usd=Decimal(0),
        net_usd=Decimal("-32.74"),
        risk_usd=Decimal(30),
        r_net=-1.09,
        mfe_r=0.2,
        mae_r=-1.1,
        reason=reason,
        stages=0,
        confidence=None,
        regime=None,
    )


def outcomes() -> tuple[IntentApplied | IntentRefused, ...]:
    """An intent that was taken, and one with a symbol somebody meant badly."""
    taken = IntentApplied(
        id="a",
        trace_id="i1",
        plan_id="p1",
        symbol="BTCUSDT",
        side="LONG",
        status="opened",
        reason="filled and protected",
        filled_qty=Decimal("0.049"),
        entry_price=Decimal("60123.4"),
        stop_price=Decimal("59522.1"),
        at_ms=NOW_MS - 95_000,
        account="paper-SIMULATED",
    )
    refused = IntentRefused(
        id="b",
        trace_id="i2",
        plan_id="p2",
        symbol=EVIL,
        side="SHORT",
        refusals=(Refusal("mark_fresh", "mark price is 12000 ms old, at most 10000 ms allowed"),),
        at_ms=NOW_MS,
        account="paper-SIMULATED",
    )
    return refused, taken


def a_view(*held: Held, **changes: object) -> View:
    """A simulated system with these positions."""
    view = View(
        about=About(
            mode="paper",
            market="SIMULATED",
            account="paper-SIMULATED",
            real=False,
            note="prices are made up",
            symbols=("BTCUSDT", "ETHUSDT"),
            model="ema_cross",
        ),
        at_ms=NOW_MS,
        seen_ms=NOW_MS,
        head=Head(
            at_ms=NOW_MS - 400,
            account="paper-SIMULATED",
            wallet_usd=Decimal("9997.6"),
            deposit_usd=Decimal(10_000),
            kill_level="RUN",
            safe_drain=False,
        ),
        equity_usd=Decimal("10016.06"),
        held=held,
        outcomes=outcomes(),
        trades=(a_trade("stop_loss"),),
        opened=2,
        closed=1,
        equity=tuple(
            Sample(NOW_MS - 60_000 + n * 1_000, Decimal(10_000 + (n * 7) % 13)) for n in range(60)
        ),
    )
    return msgspec.structs.replace(view, **changes)


class Shown:
    """What the page is given to show; a test may change it under way."""

    def __init__(self, view: View) -> None:
        self.view = view

    def look(self) -> View:
        """What there is to see now."""
        return self.view


@asynccontextmanager
async def served(shown: Shown) -> AsyncIterator[str]:
    """The page on a free port."""
    page = Page(shown.look, 0, any_port=False)
    serving = asyncio.create_task(page.run())
    try:
        yield page.url
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        page.close()


@asynccontextmanager
async def tab_on(url: str, width: int = 1280, scheme: str = "light") -> AsyncIterator[Tab]:
    """A browser at the page; anything on its console fails the test."""
    troubles: list[str] = []
    async with a_tab(width, scheme) as tab:
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        await tab.goto(url)
        yield tab
    assert troubles == []


@asynccontextmanager
async def a_tab(width: int = 1280, scheme: str = "light") -> AsyncIterator[Tab]:
    """A tab of a browser that has been nowhere yet."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        yield await context.new_page()
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_a_protected_position_is_readable_at_every_width_and_in_both_schemes(
    width: int, scheme: str
) -> None:
    async with (
        served(Shown(a_view(a_position(), a_position("ETHUSDT")))) as url,
        tab_on(url, width, scheme) as tab,
    ):
        text = await tab.inner_text("main")
        for expected in ("10,016.06 USDT", "59,522.1 CONFIRMED", "1 of 3 harvested", "+0.63 R"):
            assert expected in " ".join(text.split()), expected
        assert "2 protected" in text
        assert await tab.locator(".alarm").count() == 0
        assert await tab.evaluate("document.documentElement.scrollWidth") == width


async def test_every_number_says_how_old_it_is() -> None:
    async with served(Shown(a_view(a_position()))) as url, tab_on(url) as tab:
        text = " ".join((await tab.inner_text("main")).split())
        assert "Books as of 400 ms ago" in text
        assert "60,500.25 1.2 s ago" in text
        assert "60,123.4 1 min 35 s ago" in text
        assert "30.0 s ago" in text


async def test_a_position_without_a_stop_is_said_aloud_in_words_and_colour() -> None:
    naked = a_position("ETHUSDT", stop_price=None, naked_since_ms=NOW_MS - 2_000)
    async with served(Shown(a_view(a_position(), naked))) as url, tab_on(url) as tab:
        assert "1 position without a confirmed stop" in await tab.inner_text(".alarm")
        assert await tab.inner_text(".card.bad .word.bad") == "NAKED for 2.0 s"
        assert await tab.locator(".card.good").count() == 1


async def test_a_stop_that_does_not_cover_all_of_it_is_no_protection() -> None:
    held = a_position(naked_since_ms=NOW_MS - 1_000)
    async with served(Shown(a_view(held))) as url, tab_on(url) as tab:
        assert "NOT ALL OF IT" in await tab.inner_text(".card.bad")
        assert "0 protected" in await tab.inner_text(".tiles")


async def test_the_page_keeps_itself_fresh_and_says_when_it_cannot() -> None:
    shown = Shown(a_view())
    async with served(shown) as url, a_tab() as tab:
        await tab.goto(url)
        assert "Nothing is held" in await tab.inner_text("main")
        shown.view = a_view(a_position())
        await tab.wait_for_selector(".card.good", timeout=6_000)
        await tab.context.set_offline(True)
        await tab.wait_for_selector("#lost:not([hidden])", timeout=9_000)
        assert "older than it says" in await tab.inner_text("#lost")
        await tab.context.set_offline(False)
        await tab.wait_for_selector("#lost[hidden]", state="attached", timeout=9_000)


async def test_names_from_outside_are_text_and_never_code() -> None:
    async with served(Shown(a_view())) as url, tab_on(url) as tab:
        assert EVIL in await tab.inner_text("main")
        assert "taken" not in await tab.title()


async def test_kill_level_drain_and_a_silent_trader_are_in_the_banner() -> None:
    head = a_view().head
    assert head is not None
    for change, expected in (
        ({"kill_level": "HALT"}, "HALT"),
        ({"safe_drain": True}, "SAFE-DRAIN"),
        ({"at_ms": NOW_MS - 61_000}, "silent for 1 min 01 s"),
    ):
        view = a_view(head=msgspec.structs.replace(head, **change))
        async with served(Shown(view)) as url:
            assert expected in (await _get(url)).text


async def test_before_the_first_rules_nothing_is_invented() -> None:
    view = a_view(head=None, equity_usd=None, equity=(), outcomes=(), trades=())
    async with served(Shown(view)) as url:
        text = (await _get(url)).text
    assert "starting" in text
    assert "none yet" in text
    assert "0.00 USDT" not in text


async def test_only_this_machine_may_ask_and_only_look() -> None:
    async with served(Shown(a_view())) as url:
        stranger = await _get(url, headers={"host": "evil.example"})
        assert stranger.status_code == 400
        async with httpx2.AsyncClient() as client:
            assert (await client.post(url)).status_code == 405
        page = await _get(url)
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"


async def test_the_same_is_there_as_data() -> None:
    async with served(Shown(a_view(a_position()))) as url:
        data = (await _get(url + "state.json")).json()
    assert data["view"]["equity_usd"] == "10016.06"
    assert data["view"]["held"][0]["stop_price"] == "59522.1"
    assert data["ages_ms"] == {"books": 400, "oldest_mark": 1_200}


async def test_a_taken_port_is_refused_when_it_was_asked_for_and_else_replaced() -> None:
    shown = Shown(a_view())
    async with served(shown) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"--port {port}"):
            Page(shown.look, port, any_port=False)
        other = Page(shown.look, port, any_port=True)
        assert other.url != url
        other.close()


async def _get(url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.get(url, headers=headers)
