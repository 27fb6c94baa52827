"""Money that came or went without a trade: when it is believed, and that the ledger follows."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events import FundingSettled, Reconciled
from quantum_trader.core.orders.wallet import PATIENCE_MS
from tests.support import ACCOUNT, Desk, a_candle, an_intent, refused_by
from tests.venue_shown import SYMBOL, Shown

MINUTE_MS = 60_000


class Purse:
    """A desk, and a venue whose wallet is ``usd`` beside the books."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.desk.tell(a_candle(60_000.0))
        self.venue = Shown(self.desk)
        self.wallet_usd = self.books_usd

    @property
    def books_usd(self) -> Decimal:
        return self.desk.state.ledger.wallet_usd

    def looks(self, minutes: int, **changes: Any) -> list[str]:
        """The account is seen every minute; what was said about it."""
        said: list[str] = []
        for _ in range(minutes):
            at_ms = self.desk.state.now_ms + MINUTE_MS
            seen = self.venue.fact(at_ms=at_ms, wallet_usd=self.wallet_usd, **changes)
            for fact in self.desk.tell(seen):
                assert isinstance(fact, Reconciled)
                said.append(f"{fact.kind}: {fact.why}")
            self.desk.second(at_ms)
        return said

    def fund(self, usd: Decimal) -> None:
        """A settlement is told."""
        self.desk.tell(
            FundingSettled(
                id=f"{ACCOUNT}:funding:{self.desk.state.now_ms}",
                at_ms=self.desk.state.now_ms,
                trace_id="",
                account=ACCOUNT,
                symbol=SYMBOL,
                rate_frac=Decimal("0.0001"),
                mark=Decimal(60_000),
                qty=Decimal(0),
                payment_usd=usd,
            )
        )


def test_a_deposit_is_booked_after_ten_minutes_to_the_last_digit_and_is_no_profit() -> None:
    purse = Purse()
    before_usd, ledger = purse.books_usd, purse.desk.state.ledger
    purse.wallet_usd += Decimal("12.34567891")
    assert purse.looks(PATIENCE_MS // MINUTE_MS) == []
    assert purse.books_usd == before_usd
    assert purse.looks(1) == [
        "BOOK_EXTERNAL: +12.34567891 USDT without a trade, a fee or a funding"
    ]
    assert purse.books_usd == before_usd + Decimal("12.34567891")
    assert ledger.balance_usd("external") == Decimal("-12.34567891")
    assert ledger.paid_in_usd == before_usd + Decimal("12.34567891")
    assert ledger.total_usd() == 0
    assert purse.looks(30) == []


def test_what_is_told_late_is_booked_once_and_by_its_name() -> None:
    purse = Purse()
    purse.wallet_usd -= 3
    assert purse.looks(5) == []
    purse.fund(Decimal(-3))
    assert purse.looks(30) == []
    assert purse.books_usd == purse.wallet_usd
    assert purse.desk.state.ledger.balance_usd("external") == 0


def test_what_is_told_after_it_was_given_up_is_not_booked_twice() -> None:
    purse = Purse()
    purse.wallet_usd -= 3
    assert len(purse.looks(12)) == 1
    purse.fund(Decimal(-3))
    assert purse.books_usd == purse.wallet_usd - 3
    assert len(purse.looks(12)) == 1
    assert purse.books_usd == purse.wallet_usd
    assert purse.desk.state.ledger.balance_usd("external") == 0


def test_a_difference_that_changes_is_not_believed() -> None:
    purse = Purse()
    for _ in range(30):
        purse.wallet_usd -= 1
        assert purse.looks(1) == []


def test_while_anything_else_differs_money_is_not_compared() -> None:
    purse = Purse()
    purse.wallet_usd += 5
    purse.venue.qty = Decimal(1)
    assert [one.partition(":")[0] for one in purse.looks(30)] == ["QUARANTINE"]
    assert purse.desk.state.wallet_gap is None
    purse.venue.qty = Decimal(0)
    assert [one.partition(":")[0] for one in purse.looks(1)] == ["RELEASE"]
    purse.desk.state.wallet_gap = None
    assert purse.looks(30, unsettled=("ETHUSDT",)) == []
    assert purse.looks(30, doubted=("ETHUSDT",)) != []
    assert purse.desk.state.wallet_gap is None


def test_a_wallet_that_is_much_smaller_than_the_books_holds_up_entries_until_it_is_booked() -> None:
    purse = Purse()
    purse.wallet_usd /= 2
    assert purse.looks(1) == []
    (alert,) = purse.looks(1)
    assert alert.startswith("ALERT: the wallet at the venue is -")
    (answer, *_) = purse.desk.tell(an_intent(at_ms=purse.desk.state.now_ms))
    assert "venue_as_agreed" in refused_by(answer)
    kinds = [one.partition(":")[0] for one in purse.looks(12)]
    assert kinds == ["BOOK_EXTERNAL", "RELEASE"]
    assert purse.books_usd == purse.wallet_usd


def test_facts_of_before_say_nothing_of_money() -> None:
    purse = Purse()
    for _ in range(30):
        at_ms = purse.desk.state.now_ms + MINUTE_MS
        assert purse.desk.tell(purse.venue.fact(at_ms=at_ms)) == []
        purse.desk.second(at_ms)
    assert purse.desk.state.wallet_gap is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["moved", "told late", "told"]),
            st.decimals(-900, 900, places=8).filter(bool),
            st.integers(0, 25),
        ),
        max_size=6,
    )
)
def test_whatever_moves_the_ledger_becomes_the_venues_wallet_and_sums_to_zero(
    moves: list[tuple[str, Decimal, int]],
) -> None:
    purse = Purse()
    owed: list[Decimal] = []
    for kind, usd, minutes in moves:
        purse.wallet_usd += usd
        if kind == "told":
            purse.fund(usd)
        elif kind == "told late":
            owed.append(usd)
        purse.looks(minutes)
    for usd in owed:
        purse.fund(usd)
    purse.looks(25)
    assert purse.books_usd == purse.wallet_usd
    assert purse.desk.state.ledger.total_usd() == 0
    assert not purse.desk.state.alerts
