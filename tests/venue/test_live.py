"""A venue whose market is that of another one, heard over its streams."""

import asyncio
from pathlib import Path

import pytest

from quantum_trader.app.venue.opening import Wanted, open_venue
from quantum_trader.core.errors import ConfigError
from tests.venues import running_venue

SYMBOL = "BTCUSDT"


@pytest.mark.slow
async def test_its_prices_and_marks_are_those_of_the_market_it_listens_to() -> None:
    async with running_venue("--symbols", SYMBOL) as source:
        options = ("--symbols", SYMBOL, "--live", source.url)
        async with running_venue(*options) as venue:
            assert venue.places["market"] == "live"
            bars = await venue.public("/fapi/v1/klines", symbol=SYMBOL, interval="1m")
            assert len(bars.json()) > 10, "its past is theirs"

            async def is_heard() -> bool:
                # Their next trade is back where it was, and their mark with it.
                await source.control.jump(SYMBOL, price="70000")
                row = (await venue.public("/fapi/v1/premiumIndex", symbol=SYMBOL)).json()
                return float(row["markPrice"]) > 65_000

            await venue.until(is_heard)
            given = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            bought = await venue.done("POST", "/fapi/v1/order", newOrderRespType="RESULT", **given)
            assert bought["status"] == "FILLED"
            assert await venue.done("GET", "/fapi/v3/positionRisk", symbol=SYMBOL)
            # Nobody there hears of what is traded here.
            assert not (await source.control.state())["accounts"]["main"]["positions"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("https://example.com", "a paper venue is on this machine"),
        ("http://127.0.0.1:9", "--live http://127.0.0.1:9"),
    ],
)
def test_a_market_that_cannot_be_heard_is_said_so(tmp_path: Path, target: str, words: str) -> None:
    wanted = Wanted(folder=tmp_path, symbols=(SYMBOL,), live=target, memory=True)
    with pytest.raises(ConfigError, match=words):
        asyncio.run(open_venue(wanted))
