"""Settings of an account: leverage, margin type and mode of positions, and margin added by hand."""

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.events import account_update, assets_update, config_update
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused, refuse
from quantum_trader.app.venue.shapes import Row
from quantum_trader.core.matching.margin import available_usd, refresh_margin
from quantum_trader.core.matching.orders import configure
from quantum_trader.core.matching.sides import SIDES, leg_of, legs_of, symbol_of
from quantum_trader.core.matching.state import Market, is_isolated
from quantum_trader.core.units import ZERO, money

SUCCESS: Row = {"code": 200, "msg": "success"}
MARGIN_TYPES = ("ISOLATED", "CROSSED")


def leverage(hall: Hall, account: Account, params: Params) -> Row:
    """POST leverage: of a symbol, on both sides. Refuses with -4028, -2027 or -4161."""
    symbol, wanted = params.symbol(hall.catalog.rows), params.whole("leverage")
    legs = _legs(account, symbol)
    for leg in legs:
        refused = configure(account.desk, leg, wanted)
        if refused is not None:
            raise Refused(refused.code, refused.reason)
    account.said.append(config_update(symbol, wanted, hall.at_ms))
    return {
        "symbol": symbol,
        "leverage": wanted,
        "maxNotionalValue": str(notional_max(hall, symbol, wanted)),
    }


def _legs(account: Account, symbol: str) -> list[str]:
    """The legs of a symbol that are on the desk; the symbol itself when none is yet."""
    there = [leg for leg in legs_of(symbol) if leg in account.desk.state.markets]
    return there or [symbol]


def notional_max(hall: Hall, symbol: str, wanted: int) -> int:
    """The largest notional that a leverage may have."""
    tiers = hall.catalog.instruments[symbol].tiers
    caps = [tier.cap_usd for tier in tiers if tier.leverage_max >= wanted]
    return int(max(caps, default=ZERO))


def margin_type(hall: Hall, account: Account, params: Params) -> Row:
    """POST marginType. Refuses with -4046, -4047, -4048 or -4168."""
    symbol = params.symbol(hall.catalog.rows)
    wanted = params.choice("marginType", (*MARGIN_TYPES, "CROSS"), -4136)
    isolated = wanted == "ISOLATED"
    if isolated and account.records.multi_assets:
        raise Refused(-4168, "Unable to adjust to isolated-margin mode under Multi-Assets mode.")
    markets = [_market(account, leg) for leg in _legs(account, symbol)]
    if all(is_isolated(account.desk.rules, one) == isolated for one in markets):
        refuse(-4046)
    if account.open_tickets(symbol):
        refuse(-4047)
    if account.has_position(symbol):
        refuse(-4048)
    for market in markets:
        market.margin_mode = "isolated" if isolated else "cross"
        refresh_margin(account.desk, market)
    return SUCCESS


def _market(account: Account, leg: str) -> Market:
    market = account.desk.state.markets.get(leg)
    if market is None:
        raise Refused(-1112, "No orders on book for symbol.")
    return market


def position_mode(hall: Hall, account: Account, params: Params) -> Row:
    """POST positionSide/dual: hedge mode on or off. Refuses with -4059, -4067 or -4068."""
    params.text("dualSidePosition")
    wanted = params.flag("dualSidePosition")
    if wanted == account.records.hedge:
        refuse(-4059)
    if account.open or account.algo_open:
        refuse(-4067)
    if any(one.position.qty for one in account.desk.state.markets.values()):
        refuse(-4068)
    account.records.hedge = wanted
    if wanted:
        _add_sides(account)
    return SUCCESS


def _add_sides(account: Account) -> None:
    """Both sides begin with the prices and the settings that their symbol has."""
    markets = account.desk.state.markets
    for market in [one for name, one in markets.items() if name == symbol_of(name)]:
        for side in SIDES[1:]:
            leg = leg_of(market.symbol, side)
            markets[leg] = msgspec.structs.replace(market, symbol=leg, orders=[])


def multi_assets(hall: Hall, account: Account, params: Params) -> Row:
    """POST multiAssetsMargin. Refuses with -4170 and -4171 as the venue does."""
    params.text("multiAssetsMargin")
    wanted = params.flag("multiAssetsMargin")
    if wanted == account.records.multi_assets:
        raise Refused(-4171, "No need to change Multi-Assets mode.")
    isolated = [one for one in account.markets() if is_isolated(account.desk.rules, one)]
    if wanted and isolated:
        text = "Unable to adjust Multi-Assets mode with symbols under isolated-margin mode."
        raise Refused(-4167, text)
    account.records.multi_assets = wanted
    account.said.append(assets_update(wanted, hall.at_ms))
    return SUCCESS


def fee_burn(hall: Hall, account: Account, params: Params) -> Row:
    """POST feeBurn: kept and shown, without any effect on fees: there is no BNB here."""
    params.text("feeBurn")
    account.records.fee_burn = params.flag("feeBurn")
    return SUCCESS


def position_margin(hall: Hall, account: Account, params: Params) -> Row:
    """POST positionMargin: into an isolated position (type 1) or out of it (type 2)."""
    symbol = params.symbol(hall.catalog.rows)
    kind, amount_usd = params.whole("type"), money(params.number("amount"))
    side = params.choice("positionSide", SIDES, -4060, "BOTH")
    market = account.desk.state.markets.get(leg_of(symbol, side))  # type: ignore[arg-type]
    if market is None or not market.position.qty:
        raise Refused(-4050, "Cross balance insufficient.")
    if not is_isolated(account.desk.rules, market):
        refuse(-4049)
    if amount_usd <= 0 or kind not in (1, 2):
        raise Refused(-4052, "No need to change auto add margin.")
    if kind == 1 and amount_usd > available_usd(account.desk):
        raise Refused(-4050, "Cross balance insufficient.")
    change_usd = amount_usd if kind == 1 else -amount_usd
    before_usd, before_level = market.isolated_usd, market.liquidation
    market.isolated_usd += change_usd
    refresh_margin(account.desk, market)
    if kind == 2 and _is_too_thin(market):
        market.isolated_usd, market.liquidation = before_usd, before_level
        refresh_margin(account.desk, market)
        refuse(-4051)
    account.records.margin_changes.append(
        {
            "symbol": symbol,
            "type": kind,
            "deltaType": "USER_ADJUST",
            "amount": f"{amount_usd:.8f}",
            "asset": "USDT",
            "time": hall.at_ms,
            "positionSide": side,
        }
    )
    account.said.append(account_update(account, "MARGIN_TRANSFER", ZERO, [market.symbol]))
    return {
        "amount": float(amount_usd),
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": kind,
    }


def _is_too_thin(market: Market) -> bool:
    """What is left must be the initial margin at least, and keep the position where it is."""
    held_usd = market.position.cost_usd / market.leverage
    return market.isolated_usd < held_usd
