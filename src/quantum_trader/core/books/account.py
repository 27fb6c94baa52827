"""The account at one moment: what it is worth, what is bound, and what is free."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from quantum_trader.core.books.margin import initial_usd
from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.units import ZERO


class Holding(msgspec.Struct, frozen=True):
    """An open position, the mark price it is valued at, and its leverage."""

    position: Position
    mark: Decimal
    leverage: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """``equity_usd`` is the wallet with unrealised profit; ``gross_notional_usd`` is at mark.

    ``available_usd`` may back new positions. Unrealised losses lessen it and unrealised profits
    do not grow it: margin is isolated, and a profit that is not taken backs nothing else.
    """

    wallet_usd: Decimal
    unrealized_usd: Decimal
    equity_usd: Decimal
    margin_used_usd: Decimal
    available_usd: Decimal
    gross_notional_usd: Decimal


def account_at(wallet_usd: Decimal, holdings: Iterable[Holding]) -> Account:
    """The account with this wallet and these positions."""
    profit_usd = loss_usd = margin_usd = notional_usd = ZERO
    for each in holdings:
        open_usd = unrealized_usd(each.position, each.mark)
        profit_usd += open_usd
        loss_usd += min(open_usd, ZERO)
        margin_usd += initial_usd(each.position.cost_usd, each.leverage)
        notional_usd += abs(each.position.qty) * each.mark
    return Account(
        wallet_usd=wallet_usd,
        unrealized_usd=profit_usd,
        equity_usd=wallet_usd + profit_usd,
        margin_used_usd=margin_usd,
        available_usd=max(ZERO, wallet_usd + loss_usd - margin_usd),
        gross_notional_usd=notional_usd,
    )
