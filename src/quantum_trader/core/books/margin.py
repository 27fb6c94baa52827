"""Margin: what a position must keep, and the prices at which it no longer does.

``collateral_usd`` is what stands behind a position: its isolated wallet, or in cross margin what
``cross_collateral_usd`` says.

At the liquidation price P, collateral plus unrealised profit equals the maintenance margin, with
s = +1 for a long and -1 for a short, size Q and cost C (the size times the entry price):

    collateral + s * (Q * P - C) = Q * P * maint - cum
    P = (collateral + cum - s * C) / (Q * maint - s * Q)

which is the venue's published formula. The tier is that of the notional at P. Tiers grow stricter
and meet without a gap, so the maintenance of a notional is the largest over all tiers, and the
tier that holds at P is the one that liquidates first: no search is needed.
"""

from decimal import Decimal

from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import money


def initial_usd(notional_usd: Decimal, leverage: int) -> Decimal:
    """The margin a position of this notional takes from the wallet."""
    return money(notional_usd / leverage)


def maintenance_usd(instrument: Instrument, position: Position, mark: Decimal) -> Decimal:
    """The margin a position must keep at this mark price."""
    return instrument.maintenance_usd(abs(position.qty) * mark)


def cross_collateral_usd(
    wallet_usd: Decimal, others_unrealized_usd: Decimal, others_maintenance_usd: Decimal
) -> Decimal:
    """What stands behind one position when all share the wallet."""
    return wallet_usd + others_unrealized_usd - others_maintenance_usd


def liquidation_price(
    instrument: Instrument, position: Position, collateral_usd: Decimal
) -> Decimal | None:
    """The mark price at which the venue takes the position, not rounded to the grid.

    None when no price above zero does: flat, or a long whose collateral covers its whole cost.
    """
    if not position.qty:
        return None
    size, long = abs(position.qty), position.qty > 0
    equity_at_zero_usd = collateral_usd + (-position.cost_usd if long else position.cost_usd)
    prices = [
        (equity_at_zero_usd + tier.cum_usd) / (size * (tier.maint_frac - (1 if long else -1)))
        for tier in instrument.tiers
    ]
    price = max(prices) if long else min(prices)
    return price if price > 0 else None


def bankruptcy_price(position: Position, collateral_usd: Decimal) -> Decimal | None:
    """The price at which the collateral is gone; None when no price above zero takes it all."""
    if not position.qty:
        return None
    lost_usd = -collateral_usd if position.qty > 0 else collateral_usd
    price = (position.cost_usd + lost_usd) / abs(position.qty)
    return price if price > 0 else None


def is_liquidated(
    instrument: Instrument, position: Position, collateral_usd: Decimal, mark: Decimal
) -> bool:
    """Whether the venue takes the position at this mark price."""
    equity_usd = collateral_usd + unrealized_usd(position, mark)
    return bool(position.qty) and equity_usd <= maintenance_usd(instrument, position, mark)
