"""Answers of a venue that make no sense, or do not come: nothing is concluded from them."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import msgspec
import pytest

from quantum_trader.adapters.exchanges.binance import answers, door, history, reports, stream
from quantum_trader.adapters.exchanges.binance import standing as standing_module
from quantum_trader.adapters.exchanges.binance import teller as teller_module
from quantum_trader.adapters.market import fetching
from quantum_trader.app import guardian
from quantum_trader.core.errors import InDoubt, Malformed, Unreachable

BAD = Malformed("price", "nonsense", "a number")
SILENT = Unreachable("no answer")


class Answers:
    """Gives one answer after the other; an exception is raised."""

    def __init__(self, *found: Any) -> None:
        self._found = list(found)
        self.asked = 0

    async def __call__(self, *_: Any) -> Any:
        self.asked += 1
        one = self._found.pop(0)
        if isinstance(one, BaseException):
            raise one
        return one


def test_a_number_that_is_none_is_malformed() -> None:
    with pytest.raises(Malformed, match="a number"):
        answers.amount("price", "nonsense")
    with pytest.raises(Malformed, match="a number that can be booked"):
        reports._rounded("commission", Decimal("1e40"), Decimal("0.00000001"))


async def test_a_call_whose_answer_makes_no_sense_or_is_late_is_in_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody: Any = None
    with pytest.raises(InDoubt, match="makes no sense"):
        await door.BinanceExchange._sure(nobody, Answers(BAD)())
    monkeypatch.setattr(door, "CALL_S", 0.001)
    with pytest.raises(InDoubt, match="did not answer within"):
        await door.BinanceExchange._sure(nobody, asyncio.sleep(60))


async def test_a_clock_that_cannot_be_measured_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "CLOCK_S", 0)
    sync = Answers(SILENT, InDoubt("late"), None, asyncio.CancelledError())
    rest = SimpleNamespace(clock=SimpleNamespace(is_sure=True), sync_clock=sync)
    one: Any = SimpleNamespace(_rest=rest)
    with pytest.raises(asyncio.CancelledError):
        await door.BinanceExchange._keep_time(one)
    assert sync.asked == 4


class Left:
    """A history that only counts what it leaves out."""

    def __init__(self) -> None:
        self.out: list[str] = []

    def _skip(self, what: str, _reason: str) -> None:
        self.out.append(what)


async def test_what_nobody_can_read_is_left_out_and_counted() -> None:
    left: Any = Left()

    def makes() -> Any:
        raise BAD

    assert history.History._sure(left, "an order", makes) == []
    endpoint: Any = SimpleNamespace(words="trades")
    decoder: Any = msgspec.json.Decoder(answers.TradeRow)
    assert list(history.History._readable(left, endpoint, decoder, msgspec.Raw(b"{}"))) == []
    left._settled = Answers(BAD, "a payment")
    rows: Any = [SimpleNamespace(income_type=history.FUNDING) for _ in range(2)]
    told: Any = await history.History._settlements(left, rows)
    assert told == ["a payment"]
    trade = SimpleNamespace(id=1, order_id=1, time=5)
    left._pages, left._whose, left.fee_usd = Answers([trade]), Answers(("one", True)), Answers(BAD)
    assert await history.History._trades(left, "BTCUSDT", 0, 9) == []
    assert left.out == ["an order", "a row of trades", "a payment of funding", "a trade"]


async def test_instruments_that_make_no_sense_are_in_doubt() -> None:
    rest = SimpleNamespace(call=Answers(b"{}", b"[]"))
    one: Any = SimpleNamespace(_rest=rest, _limit=lambda _: None)
    with pytest.raises(InDoubt, match="the instruments"):
        await standing_module.Standing.instruments(one)


async def test_a_key_of_the_stream_that_cannot_be_kept_ends_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 0)
    monkeypatch.setattr(stream, "KEEP_ALIVE_AGAIN_S", 0)
    call = Answers(SILENT, b"{}", *[SILENT] * stream.KEEP_ALIVE_TRIES)
    one: Any = SimpleNamespace(_rest=SimpleNamespace(call=call))
    with pytest.raises(stream.StreamLost, match="could not be kept"):
        await stream.UserStream._keep_alive(one)
    assert call.asked == stream.KEEP_ALIVE_TRIES + 2, "one success, and patience begins anew"


async def test_a_settlement_that_cannot_be_asked_for_is_not_agreed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teller_module, "FUNDING_PAUSES_S", (0, 0))
    funding = Answers(SILENT, InDoubt("late"))
    one: Any = SimpleNamespace(_history=SimpleNamespace(funding=funding))
    due: Any = SimpleNamespace(at_ms=10**12, change_usd=Decimal(1))
    assert not await teller_module.Teller.fund(one, due, SimpleNamespace())  # type: ignore[arg-type]
    assert funding.asked == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (URLError(OSError(111, "Connection refused")), "h: Connection refused"),
        (TimeoutError(), "h gave no answer within"),
        (ConnectionResetError("reset"), "h: reset"),
    ],
    ids=["no way", "late", "broken off"],
)
async def test_a_page_that_cannot_be_had_is_unreachable_by_its_host_alone(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(fetching, "_get", get)
    with pytest.raises(Unreachable, match=words) as told:
        await fetching.fetch("http://h/?secret", 1.0)
    assert "secret" not in str(told.value)


async def test_a_guardian_asks_until_the_venue_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian, "AGAIN_MS", 0)
    venue: Any = SimpleNamespace(open=Answers(SILENT, InDoubt("late"), None))
    told: list[Any] = []
    beats: Any = SimpleNamespace(write=told.append)
    await guardian._opened(venue, beats, "http://venue")
    assert [(one.seen, one.trouble) for one in told] == [(False, "no answer"), (False, "late")]


async def test_an_account_that_makes_no_sense_is_in_doubt() -> None:
    wallet = SimpleNamespace(asset=answers.USD, wallet_balance="nonsense")
    setting = SimpleNamespace(
        wallet=SimpleNamespace(assets=[wallet]), modes=SimpleNamespace(), leverages={}
    )
    one: Any = SimpleNamespace(
        _history=SimpleNamespace(market_ms=Answers(1)),
        _rest=SimpleNamespace(ask=Answers([])),
        _setting=Answers(setting),
        _open_orders=Answers(([], [])),
    )
    with pytest.raises(InDoubt, match="the account: "):
        await standing_module.Standing.account(one)
