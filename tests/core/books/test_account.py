"""What an account is worth and what of it is free."""

from decimal import Decimal

from quantum_trader.core.books.account import Holding, account_at
from quantum_trader.core.books.position import Position


def test_without_positions_everything_is_free() -> None:
    account = account_at(Decimal(500), [])
    assert account.equity_usd == account.available_usd == account.wallet_usd == 500
    assert account.margin_used_usd == account.gross_notional_usd == account.unrealized_usd == 0


def test_a_loss_binds_money_and_a_profit_frees_none() -> None:
    winner = Holding(Position(Decimal(1), Decimal(100)), Decimal(130), 5)
    loser = Holding(Position(Decimal(-2), Decimal(200)), Decimal(110), 10)
    account = account_at(Decimal(500), [winner, loser])
    assert account.unrealized_usd == 10
    assert account.equity_usd == 510
    assert account.margin_used_usd == 40
    assert account.gross_notional_usd == 350
    assert account.available_usd == 500 - 20 - 40


def test_nothing_is_free_below_zero() -> None:
    account = account_at(
        Decimal(10), [Holding(Position(Decimal(1), Decimal(100)), Decimal(50), 10)]
    )
    assert account.available_usd == 0
    assert account.equity_usd == -40
