"""Accounts carry their mode, and so do the names of their orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.mode import (
    ORDER_PREFIXES,
    TradingMode,
    check_account,
    mode_of,
    order_prefix,
)
from quantum_trader.core.orders.ids import client_order_id, is_ours


@pytest.mark.parametrize(
    ("account", "mode"),
    [
        ("paper", "paper"),
        ("paper-SIMULATED", "paper"),
        ("anna", "paper"),
        ("liver", "paper"),
        ("live", "live"),
        ("live-anna", "live"),
        ("testnet-2", "testnet"),
    ],
)
def test_the_first_word_of_an_account_is_its_mode(account: str, mode: TradingMode) -> None:
    assert mode_of(account) == mode
    check_account(mode, account)


@pytest.mark.parametrize(
    ("mode", "account"),
    [("live", "paper"), ("live", "anna"), ("testnet", "live"), ("paper", "live-anna")],
)
def test_an_account_of_another_mode_is_refused(mode: TradingMode, account: str) -> None:
    with pytest.raises(ConfigError, match=account):
        check_account(mode, account)


def test_no_prefix_begins_with_another_one() -> None:
    names = list(ORDER_PREFIXES.values())
    assert not any(one != other and one.startswith(other) for one in names for other in names)


@given(st.sampled_from(["paper", "testnet-x", "live"]), st.text(max_size=8))
def test_an_order_of_one_mode_is_never_taken_for_one_of_another(account: str, plan: str) -> None:
    name = client_order_id("entry", account, plan, 0, 1)
    assert is_ours(name)
    assert [prefix for prefix in ORDER_PREFIXES.values() if name.startswith(prefix)] == [
        order_prefix(account)
    ]
