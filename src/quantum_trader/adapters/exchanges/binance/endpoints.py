"""The requests we make: ccxt's name for each, what it weighs, and whether it places an order."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """One request. ``words`` name it to people; a POST or PUT is never repeated."""

    call: str
    words: str
    weight: int = 1
    orders: int = 0
    signed: bool = True

    @property
    def is_question(self) -> bool:
        """It changes nothing at the venue, so it may be asked again."""
        return "Get" in self.call


TIME = Endpoint("fapiPublicGetTime", "the time", signed=False)
INSTRUMENTS = Endpoint("fapiPublicGetExchangeInfo", "the instruments", signed=False)
MARK = Endpoint("fapiPublicGetPremiumIndex", "the mark price", signed=False)
FUNDING_RATES = Endpoint("fapiPublicGetFundingRate", "the funding rates", signed=False)
BRACKETS = Endpoint("fapiPrivateGetLeverageBracket", "the margin tiers")
PRICE = Endpoint("fapiPublicGetTickerPrice", "a price", signed=False)

PLACE = Endpoint("fapiPrivatePostOrder", "an order", weight=0, orders=1)
CANCEL = Endpoint("fapiPrivateDeleteOrder", "a cancel")
FIND = Endpoint("fapiPrivateGetOrder", "an order's state")
OPEN_ORDERS = Endpoint("fapiPrivateGetOpenOrders", "the open orders", weight=40)
ORDERS_OF = Endpoint("fapiPrivateGetOpenOrders", "the open orders of a symbol")
ALL_ORDERS = Endpoint("fapiPrivateGetAllOrders", "past orders", weight=5)

PLACE_ALGO = Endpoint("fapiPrivatePostAlgoOrder", "a conditional order", weight=0, orders=1)
CANCEL_ALGO = Endpoint("fapiPrivateDeleteAlgoOrder", "a cancel of a conditional order")
FIND_ALGO = Endpoint("fapiPrivateGetAlgoOrder", "a conditional order's state")
OPEN_ALGOS = Endpoint("fapiPrivateGetOpenAlgoOrders", "the open conditional orders", weight=40)
ALGOS_OF = Endpoint("fapiPrivateGetOpenAlgoOrders", "the open conditional orders of a symbol")
ALL_ALGOS = Endpoint("fapiPrivateGetAllAlgoOrders", "past conditional orders", weight=5)

TRADES = Endpoint("fapiPrivateGetUserTrades", "our trades", weight=5)
INCOME = Endpoint("fapiPrivateGetIncome", "the income", weight=30)
ACCOUNT = Endpoint("fapiPrivateV3GetAccount", "the account", weight=5)
POSITIONS = Endpoint("fapiPrivateV3GetPositionRisk", "the positions", weight=5)
ACCOUNT_CONFIG = Endpoint("fapiPrivateGetAccountConfig", "the account's modes", weight=5)
SYMBOL_CONFIG = Endpoint("fapiPrivateGetSymbolConfig", "leverage and margin types", weight=5)
LEVERAGE = Endpoint("fapiPrivatePostLeverage", "a leverage")
MARGIN_TYPE = Endpoint("fapiPrivatePostMarginType", "a margin type")

LISTEN_KEY = Endpoint("fapiPrivatePostListenKey", "a key for the user stream", signed=False)
KEEP_LISTEN_KEY = Endpoint("fapiPrivatePutListenKey", "the life of that key", signed=False)
