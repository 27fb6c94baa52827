"""Funding: what longs and shorts pay each other at settlement."""

from quantum_trader.core.events import FundingRatePublished
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.liquidation import check_liquidation
from quantum_trader.core.matching.margin import refresh_margin
from quantum_trader.core.matching.state import Market, is_isolated, mark_of
from quantum_trader.core.units import ZERO, money
from quantum_trader.core.venue import VenueFunding


def on_funding(desk: Desk, market: Market, fact: FundingRatePublished) -> None:
    """Pay or receive ``-qty * mark * rate`` for a position that was open at the settlement.

    It moves the isolated wallet; what that cannot pay, the rest of the wallet pays.
    """
    if fact.at_ms <= market.funding_ms:
        return
    market.funding_ms = fact.at_ms
    qty = market.position.qty
    if not qty or market.opened_ms > fact.at_ms:
        return
    mark = mark_of(market)
    payment_usd = money(-qty * mark * fact.rate_frac)
    desk.state.wallet_usd += payment_usd
    desk.updates.append(
        VenueFunding(
            seq=desk.next_seq(),
            at_ms=desk.state.at_ms,
            symbol=market.symbol,
            client_order_id="",
            rate_frac=fact.rate_frac,
            mark=mark,
            qty=qty,
            payment_usd=payment_usd,
        )
    )
    if is_isolated(desk.rules, market):
        market.isolated_usd = max(market.isolated_usd + payment_usd, ZERO)
        refresh_margin(desk, market)
    check_liquidation(desk, market)
