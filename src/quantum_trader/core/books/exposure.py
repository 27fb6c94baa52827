"""The sums over all positions and entries under way, kept true change by change.

What a symbol or a plan adds to a sum is remembered beside it, so that exactly that is taken away
again, whatever has changed in between.
"""

from quantum_trader.core.books.margin import initial_usd
from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, money


def keep(state: TraderState, symbol: str, before: Position, after: Position, leverage: int) -> None:
    """Replace a position."""
    margin_usd = ZERO
    if after.qty:
        state.positions[symbol] = after
        margin_usd = initial_usd(after.cost_usd, leverage)
    else:
        state.positions.pop(symbol, None)
    exposure = state.exposure
    exposure.gross_usd += after.cost_usd - before.cost_usd
    exposure.margin_usd += margin_usd - state.margins.pop(symbol, ZERO)
    if after.qty:
        state.margins[symbol] = margin_usd
    revalue(state, symbol)


def revalue(state: TraderState, symbol: str) -> None:
    """Value one position at its mark."""
    before = state.unrealized.pop(symbol, ZERO)
    after = ZERO
    position, mark = state.positions.get(symbol), state.mark_of(symbol)
    if position is not None and mark is not None:
        after = state.unrealized[symbol] = unrealized_usd(position, mark)
    exposure = state.exposure
    exposure.unrealized_usd += after - before
    exposure.open_loss_usd += min(after, ZERO) - min(before, ZERO)


def expect(state: TraderState, plan: Plan) -> None:
    """Count what the entry of a plan may still fill, so that two entries cannot share one limit."""
    made, exposure, left = plan.made, state.exposure, plan.coming_qty
    before_usd, after_usd = plan.coming_usd, money(left * made.reference_price) if left else ZERO
    plan.coming_usd = after_usd
    exposure.coming_usd += after_usd - before_usd
    exposure.coming_margin_usd -= initial_usd(before_usd, made.leverage) if before_usd else ZERO
    exposure.coming_margin_usd += initial_usd(after_usd, made.leverage) if after_usd else ZERO
