"""Money that came or went without a trade: the venue's wallet against the ledger.

Deposits, withdrawals, bonuses and fees paid in another coin are no fills, and not every venue tells
them. The wallet shows them. A fill, a fee or a funding that is only told late closes the difference
by itself, so one is booked when it has stood unchanged for longer than telling takes; should the
telling come after all, the opposite difference stands and is booked in the same way.
"""

from decimal import Decimal

from quantum_trader.core.books.ledger import WalletGap
from quantum_trader.core.events import AccountSeen
from quantum_trader.core.state import TraderState

PATIENCE_MS = 10 * 60_000
"""Twice the time after which a venue is asked for what it did not tell."""
MATERIAL_FRAC = Decimal("0.01")
"""Of the wallet. By more than this no entry is sized with money that may not be there."""


def note_wallet(state: TraderState, seen: AccountSeen) -> Decimal | None:
    """Compare, once everything else agrees; what was booked, in USDT, or None for nothing."""
    if seen.wallet_usd is None or seen.unsettled or seen.doubted or state.suspects:
        return None
    if state.quarantined:
        return None
    gap_usd, known = seen.wallet_usd - state.ledger.wallet_usd, state.wallet_gap
    if not gap_usd:
        state.wallet_gap = None
    elif known is None or known.usd != gap_usd:
        state.wallet_gap = WalletGap(usd=gap_usd, since_ms=seen.at_ms)
    elif seen.at_ms - known.since_ms >= PATIENCE_MS:
        state.ledger.adjust_external(gap_usd)
        state.wallet_gap = None
        return gap_usd
    return None


def material_gap(state: TraderState, seen: AccountSeen) -> WalletGap | None:
    """The difference, when it is large and was there before."""
    gap = state.wallet_gap
    if gap is None or gap.since_ms == seen.at_ms:
        return None
    return gap if abs(gap.usd) > MATERIAL_FRAC * abs(state.ledger.wallet_usd) else None
