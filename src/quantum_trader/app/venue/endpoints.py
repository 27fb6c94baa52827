"""The endpoints of the venue: method and path, what they cost, who may ask, and what answers."""

from collections.abc import Callable

from quantum_trader.app.venue import history, market_data, portfolio, settings_shown, tickers
from quantum_trader.app.venue.call import Endpoint
from quantum_trader.app.venue.params import Params


def _by_symbol(one: int, every: int) -> Callable[[Params], int]:
    """Some cost more without a symbol."""
    return lambda params: one if params.maybe("symbol") else every


def _by_limit(params: Params) -> int:
    """Bars: 1 below 100, 2 below 500, 5 up to 1000, 10 beyond."""
    limit = params.given.get("limit", "")
    wanted = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 6 else 500
    return 1 if wanted < 100 else 2 if wanted < 500 else 5 if wanted <= 1000 else 10


def _by_depth(params: Params) -> int:
    """The book: 2 up to 50 levels, 5 at 100, 10 at 500, 20 at 1000."""
    known = {"5": 2, "10": 2, "20": 2, "50": 2, "100": 5, "1000": 20}
    return known.get(params.given.get("limit", ""), 10)


PUBLIC = {
    "/fapi/v1/ping": Endpoint(look=settings_shown.ping, access="none"),
    "/fapi/v1/time": Endpoint(look=settings_shown.server_time, access="none"),
    "/fapi/v1/exchangeInfo": Endpoint(look=market_data.exchange_info, access="none"),
    "/fapi/v1/depth": Endpoint(look=market_data.depth, access="none", weight=_by_depth),
    "/fapi/v1/trades": Endpoint(look=market_data.trades, access="none", weight=5),
    "/fapi/v1/historicalTrades": Endpoint(look=market_data.trades, access="key", weight=20),
    "/fapi/v1/aggTrades": Endpoint(look=market_data.agg_trades, access="none", weight=20),
    "/fapi/v1/klines": Endpoint(look=market_data.klines, access="none", weight=_by_limit),
    "/fapi/v1/continuousKlines": Endpoint(look=market_data.klines, access="none", weight=_by_limit),
    "/fapi/v1/markPriceKlines": Endpoint(
        look=market_data.mark_klines, access="none", weight=_by_limit
    ),
    "/fapi/v1/indexPriceKlines": Endpoint(
        look=market_data.mark_klines, access="none", weight=_by_limit
    ),
    "/fapi/v1/premiumIndex": Endpoint(
        look=market_data.premium_index, access="none", weight=_by_symbol(1, 10)
    ),
    "/fapi/v1/fundingInfo": Endpoint(look=market_data.funding_info, access="none", weight=0),
    "/fapi/v1/fundingRate": Endpoint(look=market_data.funding_rate, access="none", weight=0),
    "/fapi/v1/openInterest": Endpoint(look=market_data.open_interest, access="none"),
    "/fapi/v1/ticker/24hr": Endpoint(look=tickers.day, access="none", weight=_by_symbol(1, 40)),
    "/fapi/v1/ticker/price": Endpoint(look=tickers.price, access="none", weight=_by_symbol(1, 2)),
    "/fapi/v2/ticker/price": Endpoint(look=tickers.price, access="none", weight=_by_symbol(1, 2)),
    "/fapi/v1/ticker/bookTicker": Endpoint(
        look=tickers.book_ticker, access="none", weight=_by_symbol(2, 5)
    ),
}

PRIVATE = {
    "/fapi/v1/leverageBracket": Endpoint(look=settings_shown.brackets),
    "/fapi/v2/account": Endpoint(look=portfolio.account_v2, weight=5),
    "/fapi/v3/account": Endpoint(look=portfolio.account_v3, weight=5),
    "/fapi/v2/balance": Endpoint(look=portfolio.balances, weight=5),
    "/fapi/v3/balance": Endpoint(look=portfolio.balances, weight=5),
    "/fapi/v2/positionRisk": Endpoint(look=portfolio.positions_v2, weight=5),
    "/fapi/v3/positionRisk": Endpoint(look=portfolio.positions_v3, weight=5),
    "/fapi/v1/accountConfig": Endpoint(look=settings_shown.account_config, weight=5),
    "/fapi/v1/symbolConfig": Endpoint(look=settings_shown.symbol_config, weight=5),
    "/fapi/v1/commissionRate": Endpoint(look=history.commission, weight=20),
    "/fapi/v1/positionSide/dual": Endpoint(look=settings_shown.position_mode, weight=30),
    "/fapi/v1/multiAssetsMargin": Endpoint(look=settings_shown.multi_assets, weight=30),
    "/fapi/v1/feeBurn": Endpoint(look=settings_shown.fee_burn, weight=30),
    "/fapi/v1/apiTradingStatus": Endpoint(
        look=settings_shown.trading_status, weight=_by_symbol(1, 10)
    ),
    "/fapi/v1/rateLimit/order": Endpoint(look=settings_shown.order_limits),
    "/fapi/v1/adlQuantile": Endpoint(look=portfolio.adl_quantiles, weight=5),
    "/fapi/v1/positionMargin/history": Endpoint(look=history.margin_history),
    "/fapi/v1/order": Endpoint(look=history.order),
    "/fapi/v1/openOrder": Endpoint(look=history.open_order),
    "/fapi/v1/openOrders": Endpoint(look=history.open_orders, weight=_by_symbol(1, 40)),
    "/fapi/v1/allOrders": Endpoint(look=history.all_orders, weight=5),
    "/fapi/v1/userTrades": Endpoint(look=history.user_trades, weight=5),
    "/fapi/v1/income": Endpoint(look=history.income, weight=30),
    "/fapi/v1/forceOrders": Endpoint(look=history.force_orders, weight=_by_symbol(20, 50)),
    "/fapi/v1/algoOrder": Endpoint(look=history.algo),
    "/fapi/v1/openAlgoOrders": Endpoint(look=history.open_algos, weight=_by_symbol(1, 40)),
    "/fapi/v1/allAlgoOrders": Endpoint(look=history.all_algos, weight=5),
}

WRITING = {
    ("POST", "/fapi/v1/order"): Endpoint(operation="order.place", weight=0, orders=1),
    ("PUT", "/fapi/v1/order"): Endpoint(operation="order.modify", weight=0, orders=1),
    ("DELETE", "/fapi/v1/order"): Endpoint(operation="order.cancel"),
    ("POST", "/fapi/v1/batchOrders"): Endpoint(operation="batch.place", weight=5, orders=5),
    ("PUT", "/fapi/v1/batchOrders"): Endpoint(operation="batch.modify", weight=5, orders=5),
    ("DELETE", "/fapi/v1/batchOrders"): Endpoint(operation="batch.cancel"),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(operation="orders.cancel_all"),
    ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(operation="orders.countdown", weight=10),
    ("POST", "/fapi/v1/algoOrder"): Endpoint(operation="algo.place", weight=0, orders=1),
    ("DELETE", "/fapi/v1/algoOrder"): Endpoint(operation="algo.cancel"),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(operation="algos.cancel_all"),
    ("POST", "/fapi/v1/leverage"): Endpoint(operation="leverage"),
    ("POST", "/fapi/v1/marginType"): Endpoint(operation="margin_type"),
    ("POST", "/fapi/v1/positionMargin"): Endpoint(operation="position_margin"),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(operation="position_mode"),
    ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(operation="multi_assets"),
    ("POST", "/fapi/v1/feeBurn"): Endpoint(operation="fee_burn"),
    ("POST", "/fapi/v1/listenKey"): Endpoint(operation="key.start", access="key"),
    ("PUT", "/fapi/v1/listenKey"): Endpoint(operation="key.keep", access="key"),
    ("DELETE", "/fapi/v1/listenKey"): Endpoint(operation="key.close", access="key"),
}

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    **{("GET", path): endpoint for path, endpoint in (PUBLIC | PRIVATE).items()},
    **WRITING,
}
