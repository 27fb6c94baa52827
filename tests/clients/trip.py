"""A full round of trading as steps, done by any client: it knows no venue and no library.

It runs in the environment of the client, where nothing of ours is installed, so it needs Python
alone. The market stands still (the venue runs at a fiftieth of the speed), and goes where the
control API sends it: what a step sees does not depend on how fast the machine is.
"""

import asyncio
import json
import sys
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WITHIN_S = 30.0
TO_NEXT_MS_S = 0.2
"""An order fills by trades of a later millisecond of the market, which is fifty of the clock."""
SYMBOL = "BTCUSDT"
LEVERAGE = 10
DEPOSIT_USD = 100_000.0
QTY = 0.02
TOO_MUCH_QTY = 20.0
"""More than the margin of the deposit carries."""
MORE_THAN_THE_BEST_QTY = 2.0
"""More than the best level of the venue's book holds, and less than the margin carries."""

WORDS = {
    -1022: "Signature for this request is not valid",
    -2019: "Margin is insufficient",
    -2021: "would immediately trigger",
    -2022: "ReduceOnly Order is rejected",
    -4116: "ClientOrderId is duplicated",
    -4120: "Algo Order API",
}
"""Some clients hand on the venue's code, some its words alone."""


@dataclass(frozen=True)
class Placed:
    """What a client says of an order; a number it does not tell is None."""

    number: str
    status: str
    filled_qty: float | None = None


@dataclass(frozen=True)
class Places:
    """Where the venue is, and who trades there."""

    url: str
    ws_url: str
    key: str
    secret: str
    control_url: str
    control_token: str


class Client(ABC):
    """What a round needs. Every method is one call of the client's own public interface."""

    calls: dict[str, str]
    """The name of the call that does each step, for the table."""

    @abstractmethod
    async def symbols(self) -> list[str]: ...
    @abstractmethod
    async def lever(self, leverage: int) -> None: ...
    @abstractmethod
    async def listen(self) -> None:
        """Begin to hear what happens to the account, and go on until the end."""

    @abstractmethod
    def heard(self, number: str, status: str) -> bool:
        """Whether the stream has said that of an order, in the venue's words."""

    @abstractmethod
    async def best_ask(self) -> float: ...
    @abstractmethod
    async def market(self, side: str, qty: float, *, reduces: bool = False) -> Placed: ...
    @abstractmethod
    async def limit(self, side: str, qty: float, price: float, name: str) -> Placed: ...
    @abstractmethod
    async def target(self, qty: float, price: float) -> Placed:
        """A limit order that sells and only reduces."""

    @abstractmethod
    async def stop(self, qty: float, trigger: float) -> str:
        """A stop that sells at market and only reduces, in the algo service; its number."""

    @abstractmethod
    async def stop_old_way(self, qty: float, trigger: float) -> None: ...
    @abstractmethod
    async def order(self, number: str) -> Placed: ...
    @abstractmethod
    async def replace(self, number: str, qty: float, price: float) -> Placed: ...
    @abstractmethod
    async def cancel(self, number: str) -> None: ...
    @abstractmethod
    async def cancel_stop(self, number: str) -> None: ...
    @abstractmethod
    async def open_orders(self) -> list[str]: ...
    @abstractmethod
    async def open_stops(self) -> list[str]: ...
    @abstractmethod
    async def position_qty(self) -> float: ...
    @abstractmethod
    async def balance_usd(self) -> float: ...
    @abstractmethod
    async def badly_signed(self) -> None:
        """Ask for the balance with a secret that is not ours."""

    @abstractmethod
    async def end(self) -> None: ...


class Unlike(AssertionError):
    """The client showed something else than the venue has to do."""


def same(what: str, found: object, wanted: object) -> None:
    """Fail the step when these are not equal."""
    if found != wanted:
        raise Unlike(f"{what}: {found!r} instead of {wanted!r}")


class Trip:
    """The steps, in their order."""

    def __init__(self, client: Client, places: Places) -> None:
        self._client = client
        self._places = places
        self._price = 0.0
        self._stop = self._target = ""

    async def instruments(self) -> None:
        """the symbol is among the instruments"""
        same("listed", SYMBOL in await self._client.symbols(), True)

    async def leverage(self) -> None:
        """leverage is set"""
        await self._client.lever(LEVERAGE)

    async def first_balance(self) -> None:
        """the balance is the deposit"""
        same("balance", await self._client.balance_usd(), DEPOSIT_USD)

    async def user_stream(self) -> None:
        """the user stream opens"""
        await self._client.listen()

    async def entry(self) -> None:
        """a market order enters, and its result says filled"""
        self._price = await self._client.best_ask()
        placed = await self._client.market("BUY", QTY)
        same("status", placed.status, "FILLED")
        same("filled", (await self._client.order(placed.number)).filled_qty, QTY)
        await self._hear(placed.number, "FILLED")

    async def position(self) -> None:
        """the position is what was bought"""
        same("position", await self._client.position_qty(), QTY)

    async def algo_stop(self) -> None:
        """a stop is placed in the algo service, and is listed there"""
        self._stop = await self._client.stop(QTY, round(self._price * 0.9, 1))
        same("open stops", await self._client.open_stops(), [self._stop])

    async def target(self) -> None:
        """a reduce-only limit target rests"""
        placed = await self._client.target(QTY / 2, round(self._price * 1.02, 1))
        same("status", placed.status, "NEW")
        self._target = placed.number
        same("open orders", await self._client.open_orders(), [self._target])
        await self._hear(self._target, "NEW")

    async def replaced(self) -> None:
        """the target is replaced at another price, under its number"""
        changed = await self._client.replace(self._target, QTY / 2, round(self._price * 1.03, 1))
        same("number", changed.number, self._target)

    async def target_reached(self) -> None:
        """the price reaches the target, the rest of the position stays"""
        await self._go_to(self._price * 1.05)
        await self._hear(self._target, "FILLED")
        same("position", await self._client.position_qty(), QTY / 2)
        await self._go_to(self._price)

    async def stop_moved(self) -> None:
        """the stop follows the rest: the new one is placed first, then the old one goes"""
        old, self._stop = self._stop, await self._client.stop(QTY / 2, round(self._price * 0.98, 1))
        await self._client.cancel_stop(old)
        same("open stops", await self._client.open_stops(), [self._stop])

    async def partial(self) -> None:
        """an order beyond the best level fills in part, and is cancelled"""
        ask = await self._client.best_ask()
        placed = await self._client.limit("BUY", MORE_THAN_THE_BEST_QTY, ask, "trip-partial")
        await self._hear(placed.number, "PARTIALLY_FILLED")
        found = await self._client.order(placed.number)
        same("status", found.status, "PARTIALLY_FILLED")
        filled = found.filled_qty or 0.0
        same("in part", 0 < filled < MORE_THAN_THE_BEST_QTY, True)
        await self._client.cancel(placed.number)
        await self._hear(placed.number, "CANCELED")
        await self._client.market("SELL", filled, reduces=True)
        same("position", await self._client.position_qty(), QTY / 2)

    async def stopped_out(self) -> None:
        """the price falls through the stop, and the position is gone"""
        # Not so far that PERCENT_PRICE forbids the stop to sell: it would be rejected.
        await self._go_to(self._price * 0.97)
        await self._until(self._is_flat, "the position is still there")
        same("open stops", await self._client.open_stops(), [])
        await self._go_to(self._price)

    async def bad_signature(self) -> None:
        """a wrong signature: refused with -1022"""
        await self._refused(-1022, self._client.badly_signed())

    async def too_little_margin(self) -> None:
        """more than the margin carries: refused with -2019"""
        order = self._client.limit("BUY", TOO_MUCH_QTY, round(self._price * 0.99, 1), "trip-much")
        await self._refused(-2019, order)

    async def same_name_twice(self) -> None:
        """a client id that an open order has: refused with -4116"""
        below = round(self._price * 0.98, 1)
        placed = await self._client.limit("BUY", QTY, below, "trip-twin")
        await self._refused(-4116, self._client.limit("BUY", QTY, below, "trip-twin"))
        await self._client.cancel(placed.number)

    async def nothing_to_reduce(self) -> None:
        """reduce-only without a position: refused with -2022"""
        await self._refused(-2022, self._client.market("SELL", QTY, reduces=True))

    async def stop_too_high(self) -> None:
        """a stop that the price has passed already: refused with -2021"""
        await self._refused(-2021, self._client.stop(QTY, round(self._price * 1.1, 1)))

    async def old_way(self) -> None:
        """a stop at the order endpoint, as before December 2025: refused with -4120"""
        await self._refused(-4120, self._client.stop_old_way(QTY, round(self._price * 0.9, 1)))

    async def nothing_left(self) -> None:
        """flat, and no order is left"""
        same("position", await self._client.position_qty(), 0.0)
        same("open orders", await self._client.open_orders(), [])
        same("open stops", await self._client.open_stops(), [])
        same("lost", await self._client.balance_usd() < DEPOSIT_USD, True)

    async def _is_flat(self) -> bool:
        return await self._client.position_qty() == 0

    async def _hear(self, number: str, status: str) -> None:
        async def told() -> bool:
            return self._client.heard(number, status)

        await self._until(told, f"the stream did not say {status} of {number}")

    async def _until(self, holds: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        end_s = time.monotonic() + WITHIN_S
        while not await holds():
            if time.monotonic() > end_s:
                raise Unlike(otherwise)
            await asyncio.sleep(0.1)

    async def _refused(self, code: int, call: Awaitable[object]) -> None:
        # Each client has errors of its own.
        (error,) = await asyncio.gather(call, return_exceptions=True)
        if not isinstance(error, BaseException):
            raise Unlike(f"it was taken, and {code} was to be said")
        said = f"{type(error).__name__}: {error}"
        signs = (f'"code":{code}', f"(code={code})", WORDS[code])
        if not any(sign in said or sign in said.replace(" ", "") for sign in signs):
            raise Unlike(f"refused with {said} instead of {code}") from error

    async def _go_to(self, price: float) -> None:
        await asyncio.sleep(TO_NEXT_MS_S)
        await asyncio.to_thread(_jump, self._places, price)


def _jump(places: Places, price: float) -> None:
    request = urllib.request.Request(
        f"{places.control_url}/jump",
        json.dumps({"symbol": SYMBOL, "price": f"{price:.1f}"}).encode(),
        {
            "authorization": f"Bearer {places.control_token}",
            "content-type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
        answer.read()


STEPS: tuple[str, ...] = tuple(
    name for name, step in vars(Trip).items() if not name.startswith("_") and callable(step)
)


def told(step: str) -> str:
    """What a step is, in words."""
    return str(getattr(Trip, step).__doc__)


async def whole_trip(client: Client, places: Places) -> list[dict[str, Any]]:
    """Do every step; each one's result."""
    trip, found = Trip(client, places), []
    try:
        for step in STEPS:
            # A step that fails is a result, and later steps go on.
            run: Awaitable[None] = getattr(trip, step)()
            came: tuple[BaseException | None] = await asyncio.gather(run, return_exceptions=True)
            why = "; ".join(f"{type(one).__name__}: {one}"[:300] for one in came if one)
            found.append({"step": step, "call": client.calls[step], "ok": not why, "why": why})
    finally:
        await client.end()
    return found


def main(open_client: Callable[[Places], Client], version: str) -> None:
    """``python SCRIPT places.json``: the results, as one JSON object."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    account = given["accounts"][0]
    places = Places(
        given["url"],
        given["ws_url"],
        account["key"],
        account["secret"],
        given["control_url"],
        given["control_token"],
    )

    async def run() -> list[dict[str, Any]]:
        return await whole_trip(open_client(places), places)

    sys.stdout.write(json.dumps({"version": version, "steps": asyncio.run(run())}) + "\n")
