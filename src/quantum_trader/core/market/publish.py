"""Market state, computed when it is due or when a decision asks, and said aloud either way."""

from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.market.state import compute
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState


def publish_state(state: TraderState, symbol: str, out: Out) -> MarketStateComputed | None:
    """The state of a symbol's market from its closed bars; None while there are too few."""
    view = state.markets.get(symbol)
    numbers = None if view is None else compute(view.window)
    if numbers is None:
        return None
    fact = MarketStateComputed(
        **out.stamp(""),
        symbol=symbol,
        **numbers.fields(),
    )
    out.say(fact)
    return fact
