"""The account as the venue has it: modes, leverage, wallet, positions, open orders, instruments."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from quantum_trader.adapters.exchanges.binance import answers, endpoints
from quantum_trader.adapters.exchanges.binance.answers import (
    AlgoRow,
    OrderRow,
    PositionRow,
    SymbolConfigRow,
    amount,
    positive,
)
from quantum_trader.adapters.exchanges.binance.budget import Limits
from quantum_trader.adapters.exchanges.binance.events import ConfigEvent
from quantum_trader.adapters.exchanges.binance.history import History
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.rest import Refused, Rest, read
from quantum_trader.core.errors import ConfigError, InDoubt, Malformed
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.instrument import (
    Instrument,
    combine,
    parse_brackets,
    parse_exchange_info,
)
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import Rejected, RestingOrder, VenueAccount, VenuePosition

ISOLATED = "ISOLATED"
INVALID_LEVERAGE = -4028
KINDS: Mapping[str, OrderKind] = {
    "MARKET": "MARKET",
    "LIMIT": "LIMIT",
    "STOP_MARKET": "STOP_MARKET",
    "TAKE_PROFIT_MARKET": "TAKE_PROFIT_MARKET",
    # Kinds that only a hand places here, as the kind that is nearest in what it may do.
    "STOP": "STOP_MARKET",
    "TAKE_PROFIT": "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET": "STOP_MARKET",
}


SETTING_MS = 60_000
"""How old what changes slowly may be, for whoever asks often."""


class _Setting(NamedTuple):
    """What changes slowly, as it was at a time."""

    at_ms: int
    wallet: answers.AccountRow
    modes: answers.AccountConfigRow
    leverages: Mapping[str, SymbolConfigRow]


class Standing:
    """How one account stands, and what it is set to."""

    def __init__(self, rest: Rest, history: History, identity: Identity) -> None:
        self._rest = rest
        self._history = history
        self._identity = identity
        self._configured: dict[str, tuple[bool, int]] = {}
        self._told: _Setting | None = None

    async def preflight(self) -> None:
        """Refuse an account that is set to what this system does not trade on.

        Raises ``ConfigError`` with what to change, and like ``Rest.ask``. Nothing is changed here:
        these are modes of the whole account, and others may rely on them.
        """
        modes = await self._rest.ask(endpoints.ACCOUNT_CONFIG, answers.ACCOUNT_CONFIG)
        if modes.dual_side_position:
            raise ConfigError(
                "the account is in hedge mode, which would make two positions of one; switch it to "
                "one-way mode at the venue (it must be flat and without orders for that)"
            )
        if modes.multi_assets_margin:
            raise ConfigError(
                "the account is in multi-assets mode, in which no position is isolated and losses "
                "have no bound; switch it to single-asset mode at the venue"
            )
        if not modes.can_trade:
            raise ConfigError("the venue does not let this account trade; ask it why")
        await self._learn_leverages()

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make a symbol isolated and set its leverage, where it is not known to be so already."""
        if self._configured.get(symbol) == (True, leverage):
            return None
        isolated, _ = self._configured.pop(symbol, (False, 0))
        if not isolated:
            given = {"symbol": symbol, "marginType": ISOLATED}
            answer = await self._rest.call(endpoints.MARGIN_TYPE, given, "entry")
            if isinstance(answer, Refused) and not answer.done:
                return Rejected("", answer.code, answer.reason)
        given = {"symbol": symbol, "leverage": str(leverage)}
        answer = await self._rest.call(endpoints.LEVERAGE, given, "entry")
        if isinstance(answer, Refused):
            return Rejected("", answer.code, answer.reason)
        row = read(answers.LEVERAGE, answer, "a leverage was set")
        if row.leverage != leverage:
            return Rejected("", INVALID_LEVERAGE, f"the venue set {row.leverage} instead")
        self._configured[symbol] = (True, leverage)
        return None

    def note_config(self, event: ConfigEvent | None) -> None:
        """The venue told of a change of leverage; None when it may have told unheard."""
        if event is None:
            self._configured.clear()
        elif event.ac is not None and event.ac.s in self._configured:
            isolated, _ = self._configured[event.ac.s]
            self._configured[event.ac.s] = (isolated, event.ac.l)

    async def account(self, *, held_only: bool = False) -> VenueAccount:
        """Wallet, positions and all open orders. Raises like ``Rest.ask``.

        ``held_only`` asks for orders where something is held alone, and for what changes slowly
        once a minute, at a fraction of the weight.
        """
        at_ms = await self._history.market_ms()
        positions, setting = await asyncio.gather(
            self._rest.ask(endpoints.POSITIONS, answers.POSITIONS),
            self._setting(at_ms, SETTING_MS if held_only else 0),
        )
        wallet, modes, leverages = setting.wallet, setting.modes, setting.leverages
        symbols = {row.symbol: None for row in positions if row.position_amt}
        if not symbols.keys() <= leverages.keys():
            leverages = await self._learn_leverages()
        orders, algos = await self._open_orders([*symbols] if held_only else None)
        for algo in algos:
            self._identity.note_algo(algo)
        try:
            return VenueAccount(
                at_ms=at_ms,
                wallet_usd=sum(
                    (
                        amount("walletBalance", one.wallet_balance)
                        for one in wallet.assets
                        if one.asset == answers.USD
                    ),
                    ZERO,
                ),
                positions=tuple(_position(row, leverages) for row in positions if row.position_amt),
                open_orders=(
                    *(self._resting(row) for row in orders),
                    *(_resting_algo(row) for row in algos),
                ),
                hedge_mode=modes.dual_side_position,
            )
        except Malformed as error:
            raise InDoubt(f"the account: {error}") from None

    async def _setting(self, at_ms: int, age_ms: int) -> _Setting:
        """Wallet, modes and leverages; those that were told less than so long ago will do."""
        if self._told is not None and 0 <= at_ms - self._told.at_ms < age_ms:
            return self._told
        wallet, modes, leverages = await asyncio.gather(
            self._rest.ask(endpoints.ACCOUNT, answers.ACCOUNT),
            self._rest.ask(endpoints.ACCOUNT_CONFIG, answers.ACCOUNT_CONFIG),
            self._learn_leverages(),
        )
        self._told = _Setting(at_ms, wallet, modes, leverages)
        return self._told

    async def _open_orders(
        self, symbols: Sequence[str] | None
    ) -> tuple[list[answers.OrderRow], list[answers.AlgoRow]]:
        """Orders at rest in these symbols, or in all for None."""
        ask = self._rest.ask
        if symbols is None:
            return await asyncio.gather(
                ask(endpoints.OPEN_ORDERS, answers.ORDERS),
                ask(endpoints.OPEN_ALGOS, answers.ALGOS),
            )
        orders: list[answers.OrderRow] = []
        algos: list[answers.AlgoRow] = []
        for symbol in symbols:
            here = {"symbol": symbol}
            more_orders = await ask(endpoints.ORDERS_OF, answers.ORDERS, here)
            more_algos = await ask(endpoints.ALGOS_OF, answers.ALGOS, here)
            orders, algos = orders + more_orders, algos + more_algos
        return orders, algos

    async def instruments(self) -> dict[str, Instrument]:
        """Filters and margin tiers of everything that can be traded. Raises like ``Rest.ask``."""
        info = await self._rest.call(endpoints.INSTRUMENTS)
        brackets = await self._rest.call(endpoints.BRACKETS)
        if isinstance(info, Refused) or isinstance(brackets, Refused):
            raise InDoubt("the venue refused to tell its instruments")
        try:
            self._limit(read(answers.LIMITS, info, "the limits"))
            return combine(parse_exchange_info(info), parse_brackets(brackets))[0]
        except Malformed as error:
            raise InDoubt(f"the instruments: {error}") from None

    async def flat_symbol(self) -> tuple[str, Decimal]:
        """A symbol without a position, and its mark. Raises ``LookupError`` when there is none."""
        held = {
            row.symbol
            for row in await self._rest.ask(endpoints.POSITIONS, answers.POSITIONS)
            if row.position_amt
        }
        flat = [symbol for symbol in self._history.symbols if symbol not in held]
        if not flat:
            raise LookupError("every symbol has a position")
        return flat[0], await self.mark(flat[0])

    async def mark(self, symbol: str) -> Decimal:
        """The mark price of a symbol. Raises like ``Rest.ask``, and ``Malformed``."""
        row = await self._rest.ask(endpoints.MARK, answers.MARK, {"symbol": symbol})
        return positive("markPrice", row.mark_price)

    def _limit(self, row: answers.LimitsRow) -> None:
        """Take over the limits that the venue states; the usual ones hold for the rest."""
        said = {
            f"{one.rate_limit_type} {one.interval_num} {one.interval}": one.limit
            for one in row.rate_limits
            if one.limit > 0
        }
        usual = Limits()
        self._rest.limit(
            Limits(
                weight_1m=said.get("REQUEST_WEIGHT 1 MINUTE", usual.weight_1m),
                orders_10s=said.get("ORDERS 10 SECOND", usual.orders_10s),
                orders_1m=said.get("ORDERS 1 MINUTE", usual.orders_1m),
            )
        )

    async def _learn_leverages(self) -> Mapping[str, SymbolConfigRow]:
        rows = await self._rest.ask(endpoints.SYMBOL_CONFIG, answers.SYMBOL_CONFIG)
        found = {row.symbol: row for row in rows}
        self._configured = {
            symbol: (row.margin_type == ISOLATED, row.leverage) for symbol, row in found.items()
        }
        return found

    def _resting(self, row: OrderRow) -> RestingOrder:
        name = self._identity.name_of(row.order_id) or row.client_order_id
        order = OrderRequest(
            client_order_id=name,
            symbol=row.symbol,
            side=row.side,
            kind=_kind(row.type),
            qty=amount("origQty", row.orig_qty),
            price=amount("price", row.price) or None,
            trigger_price=None,
            reduce_only=row.reduce_only,
            close_position=row.close_position,
        )
        filled_qty = amount("executedQty", row.executed_qty)
        return RestingOrder(order=order, venue_order_id=str(row.order_id), filled_qty=filled_qty)


def _resting_algo(row: AlgoRow) -> RestingOrder:
    order = OrderRequest(
        client_order_id=row.client_algo_id,
        symbol=row.symbol,
        side=row.side,
        kind=_kind(row.order_type),
        qty=ZERO if row.close_position else amount("quantity", row.quantity),
        price=None,
        trigger_price=amount("triggerPrice", row.trigger_price),
        reduce_only=row.reduce_only,
        close_position=row.close_position,
    )
    return RestingOrder(order=order, venue_order_id=str(row.algo_id), filled_qty=ZERO)


def _kind(text: str) -> OrderKind:
    if text not in KINDS:
        raise Malformed("type", text, "a type of order known here")
    return KINDS[text]


def _position(row: PositionRow, leverages: Mapping[str, SymbolConfigRow]) -> VenuePosition:
    config = leverages.get(row.symbol)
    if config is None:
        raise Malformed(row.symbol, None, "its leverage and margin type")
    liquidation = amount("liquidationPrice", row.liquidation_price)
    return VenuePosition(
        symbol=row.symbol,
        qty=amount("positionAmt", row.position_amt),
        entry_price=amount("entryPrice", row.entry_price),
        mark=amount("markPrice", row.mark_price),
        unrealized_usd=amount("unRealizedProfit", row.un_realized_profit),
        isolated_wallet_usd=amount("isolatedWallet", row.isolated_wallet),
        liquidation_price=liquidation if liquidation > ZERO else None,
        leverage=config.leverage,
        isolated=config.margin_type == ISOLATED,
    )
