"""The barest backtest in Python: the same averages, ladder and fees in floats, and nothing else.

No journal, no bus, no ledger, no gates, no liquidation, no state to come back from.
"""

from quantum_trader.app.bench.walk import Walk

FAST, SLOW = 20, 50
STOP_FRAC = 0.0078
TARGETS_FRAC = (0.0089, 0.0135, 0.0187)
SHARES = (0.3, 0.3, 0.4)
FEE_FRAC = 0.0004
NOTIONAL_USD = 3_000.0
HOLD_BARS = 240
REST_BARS = 15
WARM_UP_BARS = 150


def bare_replay(prices: Walk) -> tuple[int, float]:
    """Trades and net result of the same idea, bar by bar."""
    fast = slow = prices.close[0]
    above = sign = stage = trades = opened = rest_until = 0
    entry = stop = left = net_usd = 0.0
    bars = zip(prices.high, prices.low, prices.close, strict=True)
    for bar, (high, low, close) in enumerate(bars):
        if sign:
            worst, best = (low, high) if sign > 0 else (high, low)
            done = 0.0
            if sign * (worst - stop) <= 0:
                done = left * sign * (stop / entry - 1)
                left = 0.0
            while left > 1e-9 and sign * (best / entry - 1) > TARGETS_FRAC[stage]:
                done += SHARES[stage] * TARGETS_FRAC[stage]
                left -= SHARES[stage]
                stage += 1
                stop = entry * (1 + sign * (2 * FEE_FRAC if stage == 1 else TARGETS_FRAC[0]))
            if left > 1e-9 and bar - opened >= HOLD_BARS:
                done += left * sign * (close / entry - 1)
                left = 0.0
            net_usd += NOTIONAL_USD * done
            if left <= 1e-9:
                net_usd -= 2 * FEE_FRAC * NOTIONAL_USD
                sign, rest_until, trades = 0, bar + REST_BARS, trades + 1
        fast += (close - fast) * 2.0 / (FAST + 1)
        slow += (close - slow) * 2.0 / (SLOW + 1)
        now = (fast > slow) - (fast < slow)
        if now and now != above:
            above = now
            if not sign and bar > WARM_UP_BARS and bar >= rest_until:
                sign, entry, left, stage, opened = now, close, 1.0, 0, bar
                stop = entry * (1 - sign * STOP_FRAC)
    return trades, net_usd
