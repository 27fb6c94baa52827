"""The user stream of a scripted venue: what it says in whose words, and waiting for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from quantum_trader.adapters.exchanges.binance import stream as stream_module
from quantum_trader.adapters.exchanges.binance import teller as teller_module
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import AnyVenueUpdate
from tests.scripted_venue import NOW_MS, SYMBOL, ScriptedVenue, credentials, serving

CID = "q1E" + "0" * 24
STOP_CID = "q1S" + "0" * 24


def order_event(**values: object) -> dict[str, Any]:
    """A fill of our entry, with changes."""
    order = {
        "s": SYMBOL,
        "c": CID,
        "S": "BUY",
        "o": "MARKET",
        "x": "TRADE",
        "X": "FILLED",
        "i": 7,
        "q": "0.020",
        "z": "0.020",
        "l": "0.020",
        "L": "60000.0",
        "N": "USDT",
        "n": "0.48",
        "T": NOW_MS,
        "t": 100,
        "m": False,
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": NOW_MS, "T": NOW_MS, "o": {**order, **values}}


def algo_event(**values: object) -> dict[str, Any]:
    """A stop of ours, with changes."""
    algo = {"caid": STOP_CID, "aid": 9, "s": SYMBOL, "S": "SELL", "X": "NEW", "tp": "58000"}
    return {"e": "ALGO_UPDATE", "E": NOW_MS, "T": NOW_MS, "o": {**algo, **values}}


def trade_row(number: int, order_id: int = 7, at_ms: int = NOW_MS) -> dict[str, Any]:
    """A trade as REST tells it."""
    return {
        "id": number,
        "orderId": order_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "price": "60000.0",
        "qty": "0.020",
        "commission": "0.48",
        "commissionAsset": "USDT",
        "time": at_ms,
        "maker": False,
    }


def order_row(order_id: int = 7, name: str = CID, status: str = "FILLED") -> dict[str, Any]:
    """An order as REST tells it."""
    return {
        "orderId": order_id,
        "clientOrderId": name,
        "symbol": SYMBOL,
        "status": status,
        "side": "BUY",
        "type": "MARKET",
        "origQty": "0.020",
        "executedQty": "0.020",
        "updateTime": NOW_MS,
    }


async def reports(door: BinanceExchange, count: int, after: int = 0) -> list[AnyVenueUpdate]:
    """Wait until there are so many reports after a number."""
    found: list[AnyVenueUpdate] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            await asyncio.sleep(0.01)
            with suppress(Unreachable):  # While the stream is being made anew.
                found = list(await door.updates(after, 200))
    assert len(found) == count
    return found


async def true(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come true")


async def until(door: BinanceExchange, name: str) -> None:
    """Wait until something was counted."""
    await true(lambda: door.counts.get(name))


def buy() -> OrderRequest:
    return OrderRequest(
        client_order_id=CID,
        symbol=SYMBOL,
        side="BUY",
        kind="MARKET",
        qty=Decimal("0.02"),
        price=None,
        trigger_price=None,
        reduce_only=False,
    )


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> ScriptedVenue:
    monkeypatch.setattr(stream_module, "ECHO_S", 0.3)
    monkeypatch.setattr(stream_module, "PATROL_S", 0.02)
    monkeypatch.setattr(teller_module, "FUNDING_PAUSES_S", (0.01, 0.01, 0.01))
    return ScriptedVenue()


@pytest.fixture
async def door(venue: ScriptedVenue) -> AsyncIterator[BinanceExchange]:
    async with serving(venue) as hosts:
        door = BinanceExchange(hosts, *credentials(), [SYMBOL], lambda: NOW_MS)
        await door.open()
        yield door
        await door.close()
