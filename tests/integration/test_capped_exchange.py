"""The last door: what may add risk is asked, what reduces it passes, whatever else is so."""

from decimal import Decimal
from typing import Any

import pytest

from quantum_trader.adapters.exchanges.capped import CappedExchange, Standing
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.core.caps import Caps
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events import Tick
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.venue import HELD_BACK, Accepted, Placement, Rejected, VenueAccount

NOW = 1_700_000_000_000
SYMBOL = "BTCUSDT"
CAPS = Caps(
    order_usd_max=Decimal(2_000),
    gross_usd_max=Decimal(3_000),
    loss_usd_max=Decimal(50),
    leverage_max=10,
)


class Desk:
    """A paper venue at 60,000 behind the door, a clock, and a hand on the leave."""

    def __init__(self) -> None:
        rules = MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(10_000))
        self.venue = PaperExchange(rules)
        self.now_ms = NOW
        self.leave = Standing(CAPS)
        self.price: Decimal | None = Decimal(60_000)
        self.door = CappedExchange(
            self.venue, self.leave, self._price, lambda: self.now_ms, "paper"
        )

    async def _price(self, symbol: str) -> Decimal | None:
        return self.price

    async def move_to(self, price: float) -> None:
        """Let somebody trade a second later."""
        self.now_ms += 1_000
        about: dict[str, Any] = {"symbol": SYMBOL, "source": "recorded", "price": price, "qty": 1.0}
        await self.venue.advance(Tick(id=f"t{self.now_ms}", at_ms=self.now_ms, **about))

    async def enter(self, name: str = "q1E1", qty: str = "0.02") -> Placement:
        """A market buy."""
        return await self.door.place(order(name, qty))


def order(name: str, qty: str = "0.02", **more: Any) -> OrderRequest:
    """A market order in BTC."""
    about: dict[str, Any] = {
        "side": "BUY",
        "kind": "MARKET",
        "price": None,
        "trigger_price": None,
        "reduce_only": False,
    }
    return OrderRequest(client_order_id=name, symbol=SYMBOL, qty=Decimal(qty), **(about | more))


def out_of(name: str, qty: str = "0.02") -> OrderRequest:
    """A market sale that can only reduce."""
    return order(name, qty, side="SELL", reduce_only=True)


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.move_to(60_000.0)
    assert await made.door.configure(SYMBOL, 10) is None
    return made


def held_back(answer: Placement) -> str:
    """The reason of a refusal at our own door."""
    assert isinstance(answer, Rejected)
    assert answer.code == HELD_BACK
    return answer.reason


async def test_what_is_within_the_caps_passes(desk: Desk) -> None:
    assert isinstance(await desk.enter(), Accepted)
    assert (await desk.venue.account()).positions


async def test_an_order_above_a_cap_never_reaches_the_venue(desk: Desk) -> None:
    assert "an order" in held_back(await desk.enter(qty="0.034"))
    assert isinstance(await desk.enter("q1E2"), Accepted)
    assert isinstance(await desk.enter("q1E3"), Accepted)
    assert "all together" in held_back(await desk.enter("q1E4"))
    [position] = (await desk.venue.account()).positions
    assert position.qty == Decimal("0.04")


async def test_an_order_of_another_mode_never_passes_whatever_it_does(desk: Desk) -> None:
    await desk.enter()
    for wanted in (order("ql1E1"), out_of("ql1X1"), out_of("SIMULATED"), out_of("")):
        assert "not named" in held_back(await desk.door.place(wanted))


async def test_what_reduces_risk_passes_when_nothing_else_may(desk: Desk) -> None:
    await desk.enter()
    desk.leave.end("a test")
    desk.price = None
    assert "a test" in held_back(await desk.enter("q1E2"))
    stop = order("q1S1", side="SELL", kind="STOP_MARKET", trigger_price=Decimal(59_000))
    assert "a test" in held_back(await desk.door.place(stop))
    guarded = order(
        "q1S2", side="SELL", kind="STOP_MARKET", trigger_price=Decimal(59_000), reduce_only=True
    )
    assert isinstance(await desk.door.place(guarded), Accepted)
    assert isinstance(await desk.door.place(out_of("q1X1")), Accepted)
    assert not (await desk.venue.account()).positions


async def test_a_loss_beyond_the_cap_ends_the_leave_for_good(desk: Desk) -> None:
    await desk.enter(qty="0.033")
    await desk.move_to(58_000.0)
    desk.now_ms += 10_000
    assert "was lost" in held_back(await desk.enter("q1E2", "0.001"))
    await desk.move_to(60_000.0)
    assert "until the next start" in held_back(await desk.enter("q1E3", "0.001"))


async def test_leverage_above_the_cap_is_refused_and_unknown_leverage_blocks(desk: Desk) -> None:
    refused = await desk.door.configure(SYMBOL, 11)
    assert refused is not None
    assert refused.code == HELD_BACK
    assert await desk.door.configure(SYMBOL, 10) is None
    other = order("q1E9", "0.1")
    other = OrderRequest(
        **{name: getattr(other, name) for name in other.__struct_fields__} | {"symbol": "ETHUSDT"}
    )
    assert "leverage of ETHUSDT" in held_back(await desk.door.place(other))


class Silent(PaperExchange):
    """A venue that takes orders and does not show its account."""

    async def account(self) -> VenueAccount:
        raise InDoubt("no answer in time")


async def test_an_account_that_cannot_be_seen_means_that_nothing_was_sent() -> None:
    desk = Desk()
    rules = MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(10_000))
    venue = Silent(rules)
    door = CappedExchange(venue, desk.leave, desk._price, lambda: NOW, "paper")
    with pytest.raises(Unreachable, match="could not be looked at"):
        await door.place(order("q1E1"))
    assert not await venue.updates(0, 0)
