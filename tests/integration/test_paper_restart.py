"""A paper venue that is killed at any moment goes on where it was.

Run as a program, this file is the venue that gets killed: it trades as fast as it can and says
what it was told is done.
"""

import asyncio
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.exchanges import paper
from quantum_trader.adapters.exchanges.paper import FACTS_UNSAVED_MAX, PaperExchange
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError, StoreError
from quantum_trader.core.events import Tick
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.units import ZERO, OrderSide, signed_qty
from quantum_trader.core.venue import Accepted, AnyVenueUpdate, VenueAccount, VenueFill

SYMBOL = "ETHUSDT"
RULES = MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(100_000))
T0_MS = 1_700_000_000_000


def a_tick(number: int, price: float) -> Tick:
    """A public trade, so many seconds after the beginning."""
    at_ms = T0_MS + number * 1_000
    return Tick(
        id=f"t{number}", at_ms=at_ms, symbol=SYMBOL, source="recorded", price=price, qty=1.0
    )


def an_order(
    name: str, side: OrderSide, kind: OrderKind, at: str | None, *, reduce_only: bool
) -> OrderRequest:
    """An order for 0.1 ETH; ``at`` is its limit or its trigger."""
    price = None if at is None else Decimal(at)
    return OrderRequest(
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        kind=kind,
        qty=Decimal("0.1"),
        price=price if kind == "LIMIT" else None,
        trigger_price=price if kind not in ("LIMIT", "MARKET") else None,
        reduce_only=reduce_only,
    )


BUY = an_order("in", "BUY", "MARKET", None, reduce_only=False)
STOP = an_order("stop", "SELL", "STOP_MARKET", "1900", reduce_only=True)
BID = an_order("bid", "BUY", "LIMIT", "1950", reduce_only=False)


async def trade_until_killed(path: Path) -> None:
    """Enter, protect, and be stopped out, over and over; say each name once it is done.

    A round takes ten numbers and leaves at least one report, so no number comes twice.
    """
    exchange = PaperExchange(RULES, PaperStore(path))
    reports = await exchange.updates(0, 0)
    number = 10 * reports[-1].seq if reports else 0
    while True:
        number += 10
        await exchange.advance(a_tick(number, 2000.0))
        for order in (BUY, STOP, BID):
            name = f"{order.client_order_id}-{number}"
            await exchange.place(msgspec.structs.replace(order, client_order_id=name))
            await exchange.find(SYMBOL, name)
            sys.stdout.write(name + "\n")
            sys.stdout.flush()
        await exchange.advance(a_tick(number + 1, 1890.0))


def wallet_from(reports: list[AnyVenueUpdate]) -> Decimal:
    """The wallet that the fills of a flat account lead to."""
    cash = RULES.deposit_usd
    for one in reports:
        if isinstance(one, VenueFill):
            cash -= signed_qty(one.side, one.qty) * one.price + one.fee_usd
    return cash


def check_whole(account: VenueAccount, reports: list[AnyVenueUpdate]) -> None:
    """The account is what its reports say, and no report is missing, doubled or torn."""
    assert [one.seq for one in reports] == list(range(1, len(reports) + 1))
    fills = [one for one in reports if isinstance(one, VenueFill)]
    assert len({one.trade_id for one in fills}) == len(fills)
    assert len({one.client_order_id for one in fills}) == len(fills), "each order fills once"
    held = sum((signed_qty(one.side, one.qty) for one in fills), ZERO)
    assert sum((one.qty for one in account.positions), ZERO) == held
    at_cost = sum((one.qty * one.entry_price for one in account.positions), ZERO)
    assert abs(account.wallet_usd - (wallet_from(reports) + at_cost)) < Decimal("0.000001")


def run_and_kill(path: Path, names_wanted: int) -> list[str]:
    """Let a venue trade in a process of its own and kill it; what it had confirmed."""
    child = subprocess.Popen(
        [sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        said = [child.stdout.readline().strip() for _ in range(names_wanted)]
        child.kill()
        said += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.wait()
    assert all(said)
    return said


async def test_a_killed_venue_keeps_all_it_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    said: list[str] = []
    for names_wanted in (1, 7, 23):
        said += run_and_kill(path, names_wanted)
        exchange = PaperExchange(RULES, PaperStore(path))
        reports = list(await exchange.updates(0, 0))
        check_whole(await exchange.account(), reports)
        for name in said:
            assert await exchange.find(SYMBOL, name) is not None, name
        await exchange.close()
    assert len(said) == len(set(said)) >= 31


async def test_a_venue_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    first = PaperExchange(RULES, PaperStore(path))
    await first.configure(SYMBOL, 7)
    await first.advance(a_tick(1, 2000.0))
    for order in (BUY, STOP, BID):
        await first.place(order)
    await first.cancel(SYMBOL, "bid")
    account, reports = await first.account(), list(await first.updates(0, 0))
    await first.close()
    second = PaperExchange(RULES, PaperStore(path))
    assert await second.account() == account
    assert list(await second.updates(0, 0)) == reports
    found = await second.find(SYMBOL, "bid")
    assert found is not None
    assert found.state == "canceled"
    await second.advance(a_tick(2, 1880.0))
    assert [one.seq for one in await second.updates(2, 0)] == [3, 4]
    assert not (await second.account()).positions
    await second.close()


async def test_facts_told_again_after_a_restart_do_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    facts = [a_tick(n, price) for n, price in enumerate((2000.0, 1990.0, 1880.0, 1990.0, 1870.0))]
    first = PaperExchange(RULES, PaperStore(path))
    await first.advance(facts[0])
    for order in (BUY, STOP):
        await first.place(order)
    for fact in facts[1:]:
        await first.advance(fact)
    reports = list(await first.updates(0, 0))
    await first.close()
    second = PaperExchange(RULES, PaperStore(path))
    for fact in facts:
        await second.advance(fact)
    assert list(await second.updates(0, 0)) == reports
    await second.close()


async def test_prices_alone_are_written_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PaperStore(tmp_path / "paper.sqlite")
    writes: list[int] = []
    save = store.save

    def counted(*what: object) -> None:
        writes.append(1)
        save(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "save", counted)
    exchange = PaperExchange(RULES, store)
    for number in range(2 * FACTS_UNSAVED_MAX):
        await exchange.advance(a_tick(number, 2000.0 + number))
    assert len(writes) == 2
    for number in range(3):
        await exchange.place(msgspec.structs.replace(BUY, client_order_id=f"in-{number}"))
    assert len(writes) == 2
    for _ in range(2):
        assert len(await exchange.updates(0, 0)) == 3
        assert len(writes) == 3
    await exchange.close()


async def test_a_file_belongs_to_one_venue_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    exchange = PaperExchange(RULES, PaperStore(path))
    with pytest.raises(StoreError, match="another process"):
        PaperStore(path)
    await exchange.close()
    PaperStore(path).close()


async def test_what_cannot_be_written_is_not_shown(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.sqlite")
    exchange = PaperExchange(RULES, store)
    await exchange.advance(a_tick(1, 2000.0))
    store.close()
    await exchange.place(BUY)
    for _ in range(2):
        with pytest.raises(StoreError):
            await exchange.updates(0, 0)
        with pytest.raises(StoreError):
            await exchange.find(SYMBOL, BUY.client_order_id)
        with pytest.raises(StoreError):
            await exchange.account()
        with pytest.raises(StoreError):
            await exchange.advance(a_tick(2, 2000.0))
    assert exchange.reported_seq() == 0


async def test_an_order_that_nobody_was_told_about_dies_with_the_process(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    store = PaperStore(path)
    first = PaperExchange(RULES, store)
    await first.advance(a_tick(1, 2000.0))
    await first.place(BUY)
    before = await first.account()
    await first.place(msgspec.structs.replace(BUY, client_order_id="lost"))
    store.close()
    second = PaperExchange(RULES, PaperStore(path))
    assert await second.account() == before
    assert await second.find(SYMBOL, "lost") is None
    assert [one.client_order_id for one in await second.updates(0, 0)] == ["in"]
    await second.close()


async def test_the_market_moves_only_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    store = PaperStore(path)
    first = PaperExchange(RULES, store)
    await first.advance(a_tick(1, 2000.0))
    await first.place(BUY)
    await first.advance(a_tick(2, 2000.0))
    store.close()
    second = PaperExchange(RULES, PaperStore(path))
    assert await second.find(SYMBOL, "in") is not None
    await second.close()


async def test_a_position_without_its_instrument_is_no_start(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    exchange = PaperExchange(RULES, PaperStore(path))
    await exchange.advance(a_tick(1, 2000.0))
    await exchange.place(BUY)
    await exchange.close()
    others = {name: one for name, one in DEFAULT_INSTRUMENTS.items() if name != SYMBOL}
    with pytest.raises(ConfigError, match=SYMBOL):
        PaperExchange(msgspec.structs.replace(RULES, instruments=others), PaperStore(path))


async def test_old_reports_go_when_their_reader_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "REPORTS_KEPT", 20)
    monkeypatch.setattr(paper, "REPORTS_TRIMMED_AT_ONCE", 5)
    path = tmp_path / "paper.sqlite"
    exchange = PaperExchange(RULES, PaperStore(path))
    await exchange.advance(a_tick(1, 2000.0))

    async def trade(count: int) -> None:
        for _ in range(count):
            await exchange.place(BUY)

    await trade(40)
    assert len(await exchange.updates(0, 0)) == 40, "nobody read them"
    await exchange.updates(33, 0)
    await trade(1)
    with pytest.raises(StoreError, match="no longer kept"):
        await exchange.updates(4, 0)
    assert len(await exchange.updates(5, 0)) == 36
    await exchange.close()
    again = PaperExchange(RULES, PaperStore(path))
    assert len(await again.updates(10, 0)) == 31, "closing trims once more"
    with pytest.raises(StoreError, match="no longer kept"):
        await again.updates(9, 0)
    await again.close()


async def test_the_newest_end_of_an_order_is_remembered_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paper, "REPORTS_KEPT", 20)
    monkeypatch.setattr(paper, "REPORTS_TRIMMED_AT_ONCE", 5)
    exchange = PaperExchange(RULES)
    await exchange.advance(a_tick(1, 2000.0))
    names = ["again", *(f"o{n}" for n in range(24)), "again"]
    for number, name in enumerate(names):
        await exchange.place(msgspec.structs.replace(BUY, client_order_id=name))
        await exchange.updates(number + 1, 0)
    assert await exchange.find(SYMBOL, "o0") is None
    assert await exchange.find(SYMBOL, "again") is not None


async def test_a_write_that_fails_writes_nothing(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.sqlite")
    exchange = PaperExchange(RULES, store)
    await exchange.advance(a_tick(1, 2000.0))
    await exchange.place(BUY)
    (report,) = await exchange.updates(0, 0)
    before = store.load()
    assert before is not None
    richer = msgspec.structs.replace(before.state, wallet_usd=Decimal(10**9))
    with pytest.raises(StoreError):
        store.save(richer, [SYMBOL], [report], [])
    after = store.load()
    assert after is not None
    assert after.state.wallet_usd == before.state.wallet_usd
    await exchange.close()


async def test_what_is_written_brings_the_prices_before_it_along(tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"
    store = PaperStore(path)
    first = PaperExchange(RULES, store)
    await first.advance(msgspec.structs.replace(a_tick(1, 300.0), symbol="BNBUSDT"))
    await first.advance(a_tick(1, 2000.0))
    await first.place(BUY)
    await first.updates(0, 0)
    store.close()
    second = PaperExchange(RULES, PaperStore(path))
    bnb = msgspec.structs.replace(BUY, client_order_id="bnb", symbol="BNBUSDT")
    assert isinstance(await second.place(bnb), Accepted)
    await second.close()


async def test_a_waiting_reader_wakes_for_the_first_report() -> None:
    exchange = PaperExchange(RULES)
    await exchange.advance(a_tick(1, 2000.0))
    reading = asyncio.create_task(exchange.updates(0, 60_000))
    await asyncio.sleep(0)
    await exchange.place(BUY)
    reports = await asyncio.wait_for(reading, 5)
    assert [one.client_order_id for one in reports] == ["in"]


if __name__ == "__main__":
    asyncio.run(trade_until_killed(Path(sys.argv[1])))


def test_a_file_that_cannot_be_read_or_written_is_named_and_nothing_is_made_of_it(
    tmp_path: Path,
) -> None:
    store = PaperStore(tmp_path / "paper.sqlite")
    store._db.execute("INSERT INTO venue VALUES (1, CAST('{' AS BLOB))")
    with pytest.raises(StoreError, match=r"paper\.sqlite"):
        store.load()
    store.close()
    with pytest.raises(StoreError, match=r"paper\.sqlite"):
        store.trim(1)
