"""Settings of an account and of the venue, as queries show them."""

from quantum_trader.app.venue.call import Call
from quantum_trader.app.venue.catalog import RATE_LIMITS
from quantum_trader.app.venue.market_data import Row
from quantum_trader.app.venue.switching import notional_max
from quantum_trader.core.matching.sides import symbol_of
from quantum_trader.core.matching.state import is_isolated


def ping(_call: Call) -> Row:
    """GET ping."""
    return {}


def server_time(call: Call) -> Row:
    """GET time: the clock that requests are signed by."""
    return {"serverTime": call.wall_ms}


def account_config(call: Call) -> Row:
    """GET accountConfig."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "dualSidePosition": call.account.records.hedge,
        "updateTime": 0,
        "multiAssetsMargin": call.account.records.multi_assets,
        "tradeGroupId": -1,
    }


def symbol_config(call: Call) -> list[Row]:
    """GET symbolConfig, of a symbol or all."""
    wanted = call.params.maybe_symbol(call.hall.catalog.rows)
    desk, rows = call.account.desk, {}
    for market in call.account.markets():
        symbol = symbol_of(market.symbol)
        if wanted in (None, symbol):
            rows[symbol] = {
                "symbol": symbol,
                "marginType": "ISOLATED" if is_isolated(desk.rules, market) else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": market.leverage,
                "maxNotionalValue": str(notional_max(call.hall, symbol, market.leverage)),
            }
    return list(rows.values())


def position_mode(call: Call) -> Row:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.account.records.hedge}


def multi_assets(call: Call) -> Row:
    """GET multiAssetsMargin."""
    return {"multiAssetsMargin": call.account.records.multi_assets}


def fee_burn(call: Call) -> Row:
    """GET feeBurn."""
    return {"feeBurn": call.account.records.fee_burn}


def brackets(call: Call) -> list[Row]:
    """GET leverageBracket, of a symbol or all."""
    wanted = call.params.maybe_symbol(call.hall.catalog.rows)
    known = call.hall.catalog.brackets
    return [known[symbol] for symbol in call.hall.catalog.rows if wanted in (None, symbol)]


def order_limits(_call: Call) -> list[Row]:
    """GET rateLimit/order."""
    found = [one for one in RATE_LIMITS if one["rateLimitType"] == "ORDERS"]
    return sorted(found, key=lambda one: str(one["interval"]), reverse=True)


def trading_status(call: Call) -> Row:
    """GET apiTradingStatus: nobody is locked here."""
    return {"indicators": {}, "updateTime": call.wall_ms}
