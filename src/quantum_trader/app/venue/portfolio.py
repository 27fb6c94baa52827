"""Positions, margin and money of an account in the venue's own shapes."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.call import Call
from quantum_trader.app.venue.events import break_even, usd
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.market_data import Row
from quantum_trader.app.venue.shapes import ASSET
from quantum_trader.app.venue.switching import notional_max
from quantum_trader.core.books.margin import initial_usd, maintenance_usd
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.adl import quantile
from quantum_trader.core.matching.margin import available_usd, cross_wallet_usd, liquidation_level
from quantum_trader.core.matching.sides import side_of_leg, symbol_of
from quantum_trader.core.matching.state import Market, is_isolated, mark_of
from quantum_trader.core.matching.tally import NOTHING
from quantum_trader.core.units import ZERO

ALIAS = "SgsR"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One leg in numbers."""

    market: Market
    isolated: bool
    mark: Decimal
    notional_usd: Decimal
    profit_usd: Decimal
    initial_usd: Decimal
    resting_usd: Decimal
    keep_usd: Decimal
    updated_ms: int

    @property
    def is_used(self) -> bool:
        """Something is held or rests in it."""
        return bool(self.market.position.qty or self.market.orders)


def standings(account: Account) -> list[Standing]:
    """All legs of the mode that the account is in."""
    return [_standing(account, one) for one in account.markets() if one.last is not None]


def _standing(account: Account, market: Market) -> Standing:
    desk, position = account.desk, market.position
    mark = mark_of(market)
    share = desk.tally.shares.get(market.symbol, NOTHING)
    held = bool(position.qty)
    return Standing(
        market=market,
        isolated=is_isolated(desk.rules, market),
        mark=mark,
        notional_usd=position.qty * mark,
        profit_usd=unrealized_usd(position, mark) if held else ZERO,
        initial_usd=initial_usd(abs(position.qty) * mark, market.leverage),
        resting_usd=initial_usd(share.buy_usd + share.sell_usd, market.leverage),
        keep_usd=maintenance_usd(desk.instrument(market), position, mark) if held else ZERO,
        updated_ms=account.records.leg(market.symbol).updated_ms,
    )


def _asked(call: Call, rows: Iterable[Standing]) -> list[Standing]:
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    return [one for one in rows if symbol in (None, symbol_of(one.market.symbol))]


def positions_v3(call: Call) -> list[Row]:
    """GET v3/positionRisk: only what is held or has orders."""
    rows = [one for one in _asked(call, standings(call.account)) if one.is_used]
    return [risk_v3(call.hall, call.account, one) for one in rows]


def positions_ws(call: Call) -> list[Row]:
    """The same over WebSocket, where one field is spelled otherwise."""
    rows = positions_v3(call)
    for row in rows:
        row["unrealizedProfit"] = row.pop("unRealizedProfit")
    return rows


def risk_v3(hall: Hall, account: Account, one: Standing) -> Row:
    """A position as the newest query shows it."""
    share = account.desk.tally.shares.get(one.market.symbol, NOTHING)
    desks = [each.desk for each in hall.accounts.values()]
    return {
        "symbol": symbol_of(one.market.symbol),
        "positionSide": side_of_leg(one.market.symbol),
        **_prices(hall, account, one),
        "isolatedMargin": usd(_margin(one)),
        "notional": usd(one.notional_usd),
        "marginAsset": ASSET,
        "isolatedWallet": usd(one.market.isolated_usd) if one.isolated else "0",
        "initialMargin": usd(one.initial_usd + one.resting_usd),
        "maintMargin": usd(one.keep_usd),
        "positionInitialMargin": usd(one.initial_usd),
        "openOrderInitialMargin": usd(one.resting_usd),
        "adl": quantile(desks, symbol_of(one.market.symbol), one.market),
        "bidNotional": usd(share.buy_usd),
        "askNotional": usd(share.sell_usd),
        "updateTime": one.updated_ms,
    }


def _prices(hall: Hall, account: Account, one: Standing) -> Row:
    market, digits = one.market, hall.catalog.digits[symbol_of(one.market.symbol)]
    level = liquidation_level(account.desk, market)
    return {
        "positionAmt": digits.qty_text(market.position.qty),
        "entryPrice": f"{market.position.entry_price or ZERO:.8f}",
        "breakEvenPrice": f"{break_even(account, market):.8f}",
        "markPrice": f"{one.mark:.8f}",
        "unRealizedProfit": usd(one.profit_usd),
        "liquidationPrice": "0" if level is None or level <= 0 else f"{level:.8f}",
    }


def _margin(one: Standing) -> Decimal:
    return one.market.isolated_usd + one.profit_usd if one.isolated else ZERO


def positions_v2(call: Call) -> list[Row]:
    """GET v2/positionRisk: every symbol, flat or not."""
    return [
        {
            "symbol": symbol_of(one.market.symbol),
            **_prices(call.hall, call.account, one),
            "leverage": str(one.market.leverage),
            "maxNotionalValue": str(_notional_max(call, one)),
            "marginType": "isolated" if one.isolated else "cross",
            "isolatedMargin": usd(_margin(one)),
            "isAutoAddMargin": "false",
            "positionSide": side_of_leg(one.market.symbol),
            "notional": usd(one.notional_usd),
            "isolatedWallet": usd(one.market.isolated_usd) if one.isolated else "0",
            "updateTime": one.updated_ms,
        }
        for one in _asked(call, standings(call.account))
    ]


def _notional_max(call: Call, one: Standing) -> int:
    return notional_max(call.hall, symbol_of(one.market.symbol), one.market.leverage)


def _totals(account: Account, rows: list[Standing]) -> dict[str, str]:
    desk = account.desk
    wallet_usd = desk.state.wallet_usd
    profit_usd = sum((one.profit_usd for one in rows), ZERO)
    cross_profit_usd = sum((one.profit_usd for one in rows if not one.isolated), ZERO)
    held_usd = sum((one.initial_usd for one in rows), ZERO)
    resting_usd = sum((one.resting_usd for one in rows), ZERO)
    free_usd = max(available_usd(desk), ZERO)
    return {
        "walletBalance": usd(wallet_usd),
        "unrealizedProfit": usd(profit_usd),
        "marginBalance": usd(wallet_usd + profit_usd),
        "maintMargin": usd(sum((one.keep_usd for one in rows), ZERO)),
        "initialMargin": usd(held_usd + resting_usd),
        "positionInitialMargin": usd(held_usd),
        "openOrderInitialMargin": usd(resting_usd),
        "crossWalletBalance": usd(cross_wallet_usd(desk)),
        "crossUnPnl": usd(cross_profit_usd),
        "availableBalance": usd(free_usd),
        "maxWithdrawAmount": usd(min(free_usd, max(wallet_usd, ZERO))),
    }


TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}


def account_v3(call: Call) -> Row:
    """GET v3/account: money, and the positions that are there."""
    rows = standings(call.account)
    totals = _totals(call.account, rows)
    # Clients leave an asset of time 0 out, as one that nothing was ever paid into.
    updated_ms = max((one.updated_ms for one in rows), default=0) or call.hall.at_ms
    return {
        **{name: totals[field] for name, field in TOTALS.items()},
        "assets": [{"asset": ASSET, **totals, "updateTime": updated_ms}],
        "positions": [_position_v3(call, one) for one in rows if one.is_used],
    }


def _position_v3(call: Call, one: Standing) -> Row:
    digits = call.hall.catalog.digits[symbol_of(one.market.symbol)]
    return {
        "symbol": symbol_of(one.market.symbol),
        "positionSide": side_of_leg(one.market.symbol),
        "positionAmt": digits.qty_text(one.market.position.qty),
        "unrealizedProfit": usd(one.profit_usd),
        "isolatedMargin": usd(_margin(one)),
        "notional": usd(one.notional_usd),
        "isolatedWallet": usd(one.market.isolated_usd) if one.isolated else "0",
        "initialMargin": usd(one.initial_usd + one.resting_usd),
        "maintMargin": usd(one.keep_usd),
        "updateTime": one.updated_ms,
    }


def account_v2(call: Call) -> Row:
    """GET v2/account: settings, money, and every symbol."""
    rows = standings(call.account)
    totals = _totals(call.account, rows)
    updated_ms = max((one.updated_ms for one in rows), default=0)
    asset = {"asset": ASSET, **totals, "marginAvailable": True, "updateTime": updated_ms}
    return {
        "feeTier": 0,
        "feeBurn": call.account.records.fee_burn,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": call.account.records.multi_assets,
        "tradeGroupId": -1,
        **{name: totals[field] for name, field in TOTALS.items()},
        "assets": [asset],
        "positions": [_position_v2(call, one) for one in rows],
    }


def _position_v2(call: Call, one: Standing) -> Row:
    market, digits = one.market, call.hall.catalog.digits[symbol_of(one.market.symbol)]
    share = call.account.desk.tally.shares.get(market.symbol, NOTHING)
    return {
        "symbol": symbol_of(market.symbol),
        "initialMargin": usd(one.initial_usd + one.resting_usd),
        "maintMargin": usd(one.keep_usd),
        "unrealizedProfit": usd(one.profit_usd),
        "positionInitialMargin": usd(one.initial_usd),
        "openOrderInitialMargin": usd(one.resting_usd),
        "leverage": str(market.leverage),
        "isolated": one.isolated,
        "entryPrice": f"{market.position.entry_price or ZERO:.8f}",
        "breakEvenPrice": f"{break_even(call.account, market):.8f}",
        "maxNotional": str(_notional_max(call, one)),
        "bidNotional": usd(share.buy_usd),
        "askNotional": usd(share.sell_usd),
        "positionSide": side_of_leg(market.symbol),
        "positionAmt": digits.qty_text(market.position.qty),
        "notional": usd(one.notional_usd),
        "isolatedWallet": usd(market.isolated_usd) if one.isolated else "0",
        "updateTime": one.updated_ms,
    }


def balances(call: Call) -> list[Row]:
    """GET balance, v2 and v3."""
    rows = standings(call.account)
    totals = _totals(call.account, rows)
    return [
        {
            "accountAlias": ALIAS,
            "asset": ASSET,
            "balance": totals["walletBalance"],
            "crossWalletBalance": totals["crossWalletBalance"],
            "crossUnPnl": totals["crossUnPnl"],
            "availableBalance": totals["availableBalance"],
            "maxWithdrawAmount": totals["maxWithdrawAmount"],
            "marginAvailable": True,
            "updateTime": max((one.updated_ms for one in rows), default=0),
        }
    ]


def adl_quantiles(call: Call) -> list[Row]:
    """GET adlQuantile: of what is held."""
    desks = [one.desk for one in call.hall.accounts.values()]
    found: dict[str, Row] = {}
    for one in _asked(call, standings(call.account)):
        if one.market.position.qty:
            symbol, side = symbol_of(one.market.symbol), side_of_leg(one.market.symbol)
            found.setdefault(symbol, {})[side] = quantile(desks, symbol, one.market)
    return [{"symbol": symbol, "adlQuantile": row} for symbol, row in found.items()]
