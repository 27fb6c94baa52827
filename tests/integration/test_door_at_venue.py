"""The door as a run opens it: what is latched, disarmed or no longer led does not leave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.exchanges.binance.wire import adds_risk
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.abroad import Abroad, market_of, open_door
from quantum_trader.app.config import Config, load
from quantum_trader.app.leave import no_entry
from quantum_trader.app.parts import Parts, parts_abroad
from quantum_trader.core.caps import Caps
from quantum_trader.core.errors import ConfigError, Unreachable
from quantum_trader.core.lease import LeaseRules
from quantum_trader.core.venue import Accepted
from quantum_trader.ports import Latched
from tests.contracts.test_exchange import BUY
from tests.integration.test_leadership import House
from tests.integration.test_run_at_venue import key_file
from tests.venues import RunningVenue, running_venue

RULES = LeaseRules()
ENTRY = msgspec.structs.replace(BUY, qty=Decimal("0.01"))


@asynccontextmanager
async def opened(
    folder: Path, venue: RunningVenue, symbols: tuple[str, ...] = ("BTCUSDT",)
) -> AsyncIterator[tuple[Config, Abroad]]:
    """A door as a run opens it."""
    typed = {
        "venue": venue.url,
        "symbols": symbols,
        "data_dir": folder / "run",
        "key_file": key_file(folder, venue),
    }
    config = load(typed=typed)
    config.home.mkdir()
    abroad = await open_door(config, MemoryBus())
    try:
        yield config, abroad
    finally:
        await abroad.door.close()


@pytest.mark.slow
async def test_a_door_names_the_symbols_that_the_venue_does_not_have(tmp_path: Path) -> None:
    symbols = ("BTCUSDT", "DOGEUSDT", "XRPUSDT")
    async with running_venue("--symbols", "BTCUSDT") as venue:
        with pytest.raises(ConfigError, match=r"has no DOGEUSDT, XRPUSDT; trade others"):
            async with opened(tmp_path, venue, symbols):
                pass


@pytest.mark.slow
async def test_a_door_sends_nothing_that_opens_while_latched_and_nothing_without_its_lease(
    tmp_path: Path,
) -> None:
    async with (
        running_venue("--symbols", "BTCUSDT") as venue,
        opened(tmp_path, venue) as (config, abroad),
    ):
        latch = FileLatch(config.home)
        assert isinstance(await abroad.door.place(ENTRY), Accepted)
        rests = msgspec.structs.replace(
            ENTRY, client_order_id="q1Erests", kind="LIMIT", price=Decimal(50_000)
        )
        assert isinstance(await abroad.door.place(rests), Accepted)
        latch.hold(Latched(level="HALT", who="ann", why="", at_ms=0))
        again = msgspec.structs.replace(ENTRY, client_order_id="q1Eagain")
        with pytest.raises(Unreachable, match="not sent: HALT is latched by ann"):
            await abroad.door.place(again)
        out = msgspec.structs.replace(
            ENTRY, client_order_id="q1Xout", side="SELL", reduce_only=True
        )
        assert isinstance(await abroad.door.place(out), Accepted), "exits need no leave"
        assert isinstance(await abroad.door.cancel("BTCUSDT", "q1Erests"), Accepted)
        latch.release()
        house = House()
        ann = house.instance("ann")
        await ann.take()
        market = await market_of(config, abroad)
        parts: Parts = parts_abroad(config, market, "redis://127.0.0.1:9", ann, abroad)
        parts.journal.close()
        assert isinstance(await abroad.door.place(again), Accepted)
        house.clock.move_to(house.clock.now_ms() + RULES.ttl_ms - RULES.left_ms_min + 1)
        late = msgspec.structs.replace(out, client_order_id="q1Xlate")
        with pytest.raises(Unreachable, match="not sent: the lease"):
            await abroad.door.place(late)
        rows = await venue.done("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")
        names = [row["clientOrderId"] for row in rows]
        assert names == [ENTRY.client_order_id, "q1Erests", "q1Xout", "q1Eagain"]


class Granted:
    """A leave that says what it is told to."""

    def __init__(self, caps: Caps | tuple[str, ...]) -> None:
        self._caps = caps

    def caps(self) -> Caps | tuple[str, ...]:
        """As told."""
        return self._caps

    def end(self, why: str) -> None:
        """Nobody asks."""
        raise NotImplementedError


def test_no_entry_without_a_leave_where_one_is_needed_and_none_while_latched(
    tmp_path: Path,
) -> None:
    usd = Decimal(100)
    caps = Caps(order_usd_max=usd, gross_usd_max=usd, loss_usd_max=usd)
    assert no_entry(tmp_path, None) is None
    assert no_entry(tmp_path, Granted(caps)) is None
    assert no_entry(tmp_path, Granted(("not armed", "its time is over"))) == (
        "not armed; its time is over"
    )
    (tmp_path / "halt.latch").touch()
    assert "HALT" in str(no_entry(tmp_path, Granted(caps)))


@pytest.mark.parametrize(
    ("path", "said", "adds"),
    [
        ("order", "side=BUY&quantity=1&reduceOnly=false", True),
        ("order", "side=BUY&quantity=1", True),
        ("order", "side=SELL&quantity=1&reduceOnly=true", False),
        ("algoOrder", "side=SELL&closePosition=true", False),
        ("algoOrder", "side=SELL&quantity=1&triggerPrice=9", True),
        ("batchOrders", "batchOrders=%5B%7B%22reduceOnly%22%3A%22true%22%7D%5D", True),
        ("leverage", "leverage=5", False),
        ("listenKey", "", False),
    ],
)
def test_an_order_adds_risk_unless_its_own_words_say_that_it_only_reduces(
    path: str, said: str, adds: bool
) -> None:
    url = f"http://127.0.0.1:1/fapi/v1/{path}"
    assert adds_risk("POST", url, said) == adds
    assert adds_risk("PUT", f"{url}?{said}", "") == adds
    assert not adds_risk("DELETE", f"{url}?{said}", ""), "a cancel opens nothing"
