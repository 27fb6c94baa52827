"""The guardian at the paper exchange: alone, with a venue that fails, and beside a trader."""

import os
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.latch import FILE
from quantum_trader.app.rig import Rig
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events import Fact, Tick, TradeClosed
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.guard import GuardSettings
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.core.rules import ExitRules
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import Accepted, VenueAccount, VenueFill
from tests.guarding import Watched
from tests.support import NOON_MS, a_candle, an_intent, some_rules

SYMBOL = "BTCUSDT"


def a_tick(price: float, at_ms: int) -> Tick:
    """A trade of others."""
    return Tick(id=f"t{at_ms}", at_ms=at_ms, symbol=SYMBOL, source="recorded", price=price, qty=1.0)


def an_order(
    name: str, side: OrderSide, kind: OrderKind = "MARKET", at: object = None
) -> OrderRequest:
    """An order of a hand for 0.02 BTC."""
    price = None if at is None else Decimal(str(at))
    return OrderRequest(
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        kind=kind,
        qty=Decimal("0.02"),
        price=price if kind == "LIMIT" else None,
        trigger_price=price if kind == "STOP_MARKET" else None,
        reduce_only=kind == "STOP_MARKET",
    )


async def a_venue(*orders: OrderRequest) -> PaperExchange:
    """A paper exchange at 60,000 on which somebody has traded."""
    venue = PaperExchange(
        MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(10_000))
    )
    await venue.advance(a_tick(60_000.0, NOON_MS))
    for order in orders:
        assert isinstance(await venue.place(order), Accepted)
    return venue


async def stops_of(venue: PaperExchange) -> list[str]:
    """The names of the stops at rest."""
    orders = (await venue.account()).open_orders
    return [one.order.client_order_id for one in orders if one.order.kind == "STOP_MARKET"]


async def held_qty(venue: PaperExchange) -> Decimal:
    """What is held."""
    return sum((one.qty for one in (await venue.account()).positions), Decimal(0))


@pytest.mark.parametrize(("side", "falls_to"), [("BUY", 55_000.0), ("SELL", 65_000.0)])
async def test_a_position_nobody_protects_gets_a_stop_that_works(
    tmp_path: Path, side: OrderSide, falls_to: float
) -> None:
    venue = await a_venue(an_order("in", side))
    watched = Watched(venue, tmp_path)
    await watched.look(0, 2_000, 4_000)
    assert not watched.venue.orders
    await watched.look(5_000, 7_000, 9_000, 11_000)
    (stop,) = await stops_of(venue)
    assert is_guardians(stop)
    assert not watched.beats[-1].bare
    assert list(watched.beats[-1].held) == [SYMBOL]
    await venue.advance(a_tick(falls_to, NOON_MS + 1_000))
    assert await held_qty(venue) == 0
    await watched.look(13_000)
    assert not watched.beats[-1].held


async def test_a_venue_that_takes_no_stop_has_the_position_closed(tmp_path: Path) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    watched.venue.refusals = [-4045, -4045]
    await watched.look(0, 5_000, 7_000, 9_000)
    assert [order.kind for order in watched.venue.orders] == ["STOP_MARKET"] * 2 + ["MARKET"]
    assert await held_qty(venue) == 0


async def test_a_price_that_has_passed_the_stop_has_the_position_closed_at_once(
    tmp_path: Path,
) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    watched.venue.refusals = [-2021]
    await watched.look(0, 5_000, 7_000)
    assert [order.kind for order in watched.venue.orders] == ["STOP_MARKET", "MARKET"]
    assert await held_qty(venue) == 0


@pytest.mark.parametrize("how", ["unreachable", "lost", "locked"])
async def test_an_account_that_cannot_be_seen_is_not_flat_and_changes_nothing(
    tmp_path: Path, how: str
) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    await watched.look(0)
    watched.venue.knobs.fail("account", *[how] * 3)
    await watched.look(2_000, 4_000, 5_000)
    assert not watched.venue.orders
    assert [(one.seen, bool(one.trouble)) for one in watched.beats[1:]] == [(False, True)] * 3
    assert list(watched.beats[-1].held) == [SYMBOL]
    await watched.look(7_000)
    assert (watched.beats[-1].seen, watched.beats[-1].trouble) == (True, None)
    assert len(watched.venue.orders) == 1, "the grace went on meanwhile"


@pytest.mark.parametrize("how", ["unreachable", "locked", "lost", "unanswered"])
async def test_an_order_without_an_answer_leaves_one_stop_in_the_end(
    tmp_path: Path, how: str
) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    await watched.look(0)
    watched.venue.knobs.fail("place", how)
    await watched.look(5_000, 7_000, 9_000, 11_000, 13_000)
    stops = await stops_of(venue)
    assert len(stops) == 1, watched.venue.orders
    assert len({one.client_order_id for one in watched.venue.orders}) == len(watched.venue.orders)


async def test_with_the_file_alone_everything_is_closed_and_stays_closed(tmp_path: Path) -> None:
    bid = an_order("bid", "BUY", "LIMIT", 59_000)
    venue = await a_venue(an_order("in", "BUY"), an_order("stop", "SELL", "STOP_MARKET", 58_000))
    await venue.place(bid)
    watched = Watched(venue, tmp_path)
    await watched.look(0)
    (tmp_path / FILE).write_text("FLATTEN")
    await watched.look_for(8)
    assert await held_qty(venue) == 0
    assert watched.venue.canceled == ["bid"]
    assert watched.beats[-1].level == "FLATTEN"
    again = Watched(venue, tmp_path)
    await venue.place(an_order("again", "BUY"))
    await again.look_for(8)
    assert await held_qty(venue) == 0, "a new process obeys the file that was there before it"
    await again.look_for(20)
    assert len(again.venue.orders) == 1, "closing twice is closing once"


async def test_it_is_needless_only_where_the_venue_shows_nothing_held_and_nothing_that_opens(
    tmp_path: Path,
) -> None:
    venue = await a_venue()
    watched = Watched(venue, tmp_path)
    assert await watched.guardian.is_needless()
    watched.venue.knobs.fail("account", "unreachable")
    assert not await watched.guardian.is_needless(), "nobody could see it"
    await venue.place(an_order("rests", "BUY", "LIMIT", 50_000))
    assert not await watched.guardian.is_needless(), "it may still open"
    await venue.cancel(SYMBOL, "rests")
    assert await watched.guardian.is_needless()
    await venue.place(an_order("bought", "BUY"))
    assert not await watched.guardian.is_needless()


@pytest.mark.parametrize("trader_first", [True, False])
async def test_of_a_guardian_and_a_trader_who_close_at_once_one_closes(
    tmp_path: Path, trader_first: bool
) -> None:
    closing = msgspec.structs.replace(an_order("traders", "SELL"), reduce_only=True)
    venue = await a_venue(an_order("bought", "BUY"))
    watched = Watched(venue, tmp_path)
    watched.latch.path.write_text("FLATTEN")
    await watched.look(0, 2_000, 4_000)

    async def seen_before_the_other_closed() -> VenueAccount:
        account = await venue.account()
        if trader_first:
            await venue.place(closing)
        return account

    watched.venue.seen = seen_before_the_other_closed
    await watched.look(5_000)
    (last,) = watched.venue.orders
    assert (last.reduce_only, last.side) == (True, "SELL")
    await venue.place(msgspec.structs.replace(closing, client_order_id="later"))
    assert await held_qty(venue) == 0
    sold = [one for one in await venue.updates(0, 0) if isinstance(one, VenueFill)][1:]
    whose = "traders" if trader_first else last.client_order_id
    assert [one.client_order_id for one in sold] == [whose]


async def test_a_halt_closes_nothing(tmp_path: Path) -> None:
    venue = await a_venue(an_order("in", "BUY"), an_order("stop", "SELL", "STOP_MARKET", 58_000))
    watched = Watched(venue, tmp_path)
    (tmp_path / FILE).touch()
    await watched.look_for(30)
    assert watched.beats[-1].level == "HALT"
    assert not watched.venue.orders


async def test_no_write_is_needed_to_act(tmp_path: Path) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    before = sorted(os.listdir(tmp_path))
    await watched.look_for(12)
    assert len(await stops_of(venue)) == 1
    assert sorted(os.listdir(tmp_path)) == before


async def test_the_loop_looks_again_at_the_moment_a_grace_is_over(tmp_path: Path) -> None:
    venue = await a_venue(an_order("in", "BUY"))
    watched = Watched(venue, tmp_path)
    await watched.look(1_500)
    assert watched.guardian.next_ms() == 3_500
    await watched.look(5_000)
    assert watched.guardian.next_ms() == 6_500


def test_the_guardian_waits_longer_than_the_trader_needs() -> None:
    assert GuardSettings().grace_ms > ExitRules().protect_within_ms + GuardSettings().look_ms // 2
    worst_ms = GuardSettings().look_ms + GuardSettings().grace_ms
    assert worst_ms <= 8_000, "with two requests to the venue this stays within ten seconds"


def test_the_guardian_is_small_and_needs_no_stream_and_no_strategy() -> None:
    root = Path(__file__).parents[2] / "src/quantum_trader"
    files = [root / "services/guardian.py", root / "core/guard.py"]
    texts = [file.read_text() for file in files]
    assert [len(text.splitlines()) <= 300 for text in texts] == [True, True]
    imports = re.findall(r"^from quantum_trader\.(\S+)", "".join(texts), re.MULTILINE)
    forbidden = ("trader", "bus", "streams", "exits", "signals", "policy", "state", "wire")
    assert not [one for one in imports if set(one.split(".")) & set(forbidden)]


class Beside:
    """A trader and a guardian at one paper exchange."""

    def __init__(self, folder: Path) -> None:
        self.said: list[Fact] = []
        self.rig = Rig(some_rules(), [], lambda fact, said: self.said.extend(said))
        self.watched = Watched(self.rig.venue, folder)
        self.now_ms = NOON_MS

    async def start(self) -> None:
        """A market at 60,000."""
        await self.rig.start(self.now_ms)
        await self.rig.show([a_candle(60_000.0, self.now_ms)])

    async def live(self, seconds: int, *, trader: bool = True) -> None:
        """Time passes for the guardian, and for the trader unless it is dead."""
        for _ in range(seconds):
            self.now_ms += 1_000
            if trader:
                await self.rig.wait_until(self.now_ms)
            await self.watched.look(self.now_ms - NOON_MS)


async def test_a_trader_that_is_well_is_never_disturbed(tmp_path: Path) -> None:
    beside = Beside(tmp_path)
    await beside.start()
    await beside.rig.propose(an_intent(at_ms=NOON_MS))
    assert await held_qty(beside.rig.venue)
    await beside.live(60)
    assert not beside.watched.venue.orders
    assert not beside.watched.venue.canceled


async def _nothing(_after: int, _wait_ms: int) -> tuple[()]:
    return ()


async def test_what_the_guardian_protects_the_trader_adopts_and_one_stop_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = Beside(tmp_path)
    await beside.start()
    venue = beside.rig.venue
    await venue.place(an_order("hand", "BUY"))
    with monkeypatch.context() as no_news:
        no_news.setattr(venue, "updates", _nothing)
        await beside.live(10)
    (guards,) = await stops_of(venue)
    assert is_guardians(guards)
    await beside.live(2)
    assert len(await stops_of(venue)) == 2, "the trader's own comes first, the guardian's goes then"
    await beside.live(10)
    (left,) = await stops_of(venue)
    assert not is_guardians(left)
    await beside.live(60)
    assert await stops_of(venue) == [left], "and nobody begins again"


async def test_a_trade_that_the_guardian_ended_says_so(tmp_path: Path) -> None:
    beside = Beside(tmp_path)
    await beside.start()
    venue = beside.rig.venue
    await beside.rig.propose(an_intent(at_ms=NOON_MS))
    for name in await stops_of(venue):
        await venue.cancel(SYMBOL, name)
    beside.watched.venue.refusals = [-2021]
    await beside.live(8, trader=False)
    assert await held_qty(venue) == 0
    await beside.live(5)
    (closed,) = [fact for fact in beside.said if isinstance(fact, TradeClosed)]
    assert closed.reason == "guardian"
    assert await stops_of(venue) == [], "what the trader meant to place is seen off"
    assert beside.rig.trader.state.plans == {}
