"""Every amount leaves one account and reaches another."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.books.ledger import AccountName, Ledger

amounts = st.decimals("-1000000", "1000000", places=10)
NAMES = (
    "deposit",
    "realise",
    "pay_fee",
    "pay_liquidation_fee",
    "settle_funding",
    "adjust_external",
)
postings = st.lists(st.tuples(st.sampled_from(NAMES), amounts), max_size=30)


def posted(many: list[tuple[str, Decimal]]) -> Ledger:
    ledger = Ledger()
    for name, amount_usd in many:
        getattr(ledger, name)(amount_usd)
    return ledger


def test_the_wallet_is_deposits_and_profit_less_fees_with_funding() -> None:
    ledger = Ledger()
    ledger.deposit(Decimal(1000))
    ledger.realise(Decimal("-20.5"))
    ledger.pay_fee(Decimal("0.25"))
    ledger.settle_funding(Decimal("-0.125"))
    ledger.pay_liquidation_fee(Decimal(3))
    ledger.adjust_external(Decimal(2))
    assert ledger.wallet_usd == Decimal("978.125")
    assert ledger.balance_usd("fees") == Decimal("0.25")
    assert ledger.balance_usd("realised") == Decimal("20.5")
    assert ledger.balance_usd("liquidation_fees") == 3
    assert ledger.total_usd() == 0
    assert ledger.entries == 6


def test_two_ledgers_share_nothing() -> None:
    Ledger().deposit(Decimal(1))
    assert Ledger().balances == {}


def test_amounts_are_rounded_once_and_alike_on_both_sides() -> None:
    ledger = Ledger()
    ledger.pay_fee(Decimal("0.000000015"))
    assert ledger.balance_usd("fees") == Decimal("0.00000002")
    assert ledger.wallet_usd == Decimal("-0.00000002")


@given(postings)
def test_the_sum_of_all_accounts_is_exactly_zero(many: list[tuple[str, Decimal]]) -> None:
    ledger = posted(many)
    assert ledger.total_usd() == 0
    assert ledger.entries == len(many)
    sources: tuple[AccountName, ...] = (
        "deposits",
        "realised",
        "fees",
        "funding",
        "liquidation_fees",
        "external",
    )
    assert ledger.wallet_usd == -sum((ledger.balance_usd(name) for name in sources), Decimal(0))


@given(postings)
def test_a_ledger_survives_being_written_and_read(many: list[tuple[str, Decimal]]) -> None:
    ledger = posted(many)
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=Ledger) == ledger
