"""What may be traded and in which steps: price and quantity grids, minima, margin tiers.

The wire formats are the venue's ``exchangeInfo`` and ``leverageBracket`` responses. Numbers go
from their JSON text straight into ``Decimal``; no float is ever in between.
"""

from decimal import Decimal
from itertools import pairwise
from math import isfinite

import msgspec

from quantum_trader.core.errors import Malformed
from quantum_trader.core.units import ONE, ZERO, Side, ceil_to, decimal_of, floor_to, nearest_to

CUM_TOLERANCE_USD = ONE
"""How far the venue may round the amounts that make maintenance continuous across tiers."""


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One margin tier: for a notional above ``floor_usd`` and up to ``cap_usd``.

    ``cum_usd`` is what makes ``notional * maint_frac - cum_usd`` continuous across tiers.
    """

    floor_usd: Decimal
    cap_usd: Decimal
    leverage_max: int
    maint_frac: Decimal
    cum_usd: Decimal


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """The rules one symbol puts on orders.

    ``price_up_frac`` and ``price_down_frac`` are multipliers of the mark price that bound limit
    prices (1.05 and 0.95). ``trigger_protect_frac`` is how far mark and last price may differ
    when a protected conditional order triggers; None when the venue did not say.
    """

    symbol: str
    status: str
    tick: Decimal
    step: Decimal
    qty_min: Decimal
    qty_max: Decimal
    market_step: Decimal
    market_qty_min: Decimal
    market_qty_max: Decimal
    notional_min_usd: Decimal
    price_min: Decimal
    price_max: Decimal
    price_up_frac: Decimal
    price_down_frac: Decimal
    liquidation_fee_frac: Decimal
    trigger_protect_frac: Decimal | None

    @property
    def tradable(self) -> bool:
        """The venue takes new positions in it."""
        return self.status == "TRADING"

    @property
    def order_step(self) -> Decimal:
        """The step that suits limit and market orders alike: the coarser of the two."""
        return max(self.step, self.market_step)

    @property
    def order_qty_min(self) -> Decimal:
        """The smallest quantity that is good for limit and market orders alike."""
        return max(self.qty_min, self.market_qty_min)

    @property
    def order_qty_max(self) -> Decimal:
        """The largest quantity that is good for limit and market orders alike."""
        return min(self.qty_max, self.market_qty_max)

    def floor_price(self, price: Decimal) -> Decimal:
        """The nearest price on the grid that is not above."""
        return floor_to(price, self.tick)

    def ceil_price(self, price: Decimal) -> Decimal:
        """The nearest price on the grid that is not below."""
        return ceil_to(price, self.tick)

    def nearest_price(self, price: Decimal) -> Decimal:
        """The nearest price on the grid, half to even."""
        return nearest_to(price, self.tick)

    def stop_on_grid(self, side: Side, price: Decimal) -> Decimal:
        """A stop on the price grid, rounded toward profit: what it was to lock in is locked in."""
        return self.ceil_price(price) if side == "LONG" else self.floor_price(price)

    def price_of(self, value: float) -> Decimal:
        """A statistic as a price on the grid. Raises ``Malformed`` for NaN and infinity."""
        if not isfinite(value):
            raise Malformed("price", value, "a finite number")
        return nearest_to(decimal_of(value), self.tick)

    def floor_qty(self, qty: Decimal) -> Decimal:
        """The largest quantity not above that both limit and market orders accept."""
        return floor_to(qty, self.order_step)

    def ceil_qty(self, qty: Decimal) -> Decimal:
        """The smallest quantity not below that both limit and market orders accept."""
        return ceil_to(qty, self.order_step)


class Instrument(Filters, frozen=True, kw_only=True):
    """Filters together with margin tiers, lowest first: all that an entry needs to know."""

    tiers: tuple[Tier, ...]

    @property
    def notional_max_usd(self) -> Decimal:
        """The largest position the venue allows at any leverage."""
        return self.tiers[-1].cap_usd

    def tier_at(self, notional_usd: Decimal) -> Tier:
        """The tier of a notional; beyond the last cap its maintenance still holds."""
        for tier in self.tiers:
            if notional_usd <= tier.cap_usd:
                return tier
        return self.tiers[-1]

    def leverage_max_at(self, notional_usd: Decimal) -> int:
        """The largest leverage for a notional; 0 beyond the last cap: no such position."""
        tier = self.tier_at(notional_usd)
        return tier.leverage_max if notional_usd <= tier.cap_usd else 0

    def maintenance_usd(self, notional_usd: Decimal) -> Decimal:
        """Maintenance margin of a notional: ``notional * maint_frac - cum`` of its tier."""
        tier = self.tier_at(notional_usd)
        return notional_usd * tier.maint_frac - tier.cum_usd


class _Filter(msgspec.Struct, rename="camel"):
    filter_type: str
    tick_size: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    step_size: Decimal | None = None
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    notional: Decimal | None = None
    multiplier_up: Decimal | None = None
    multiplier_down: Decimal | None = None


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    contract_type: str
    quote_asset: str
    filters: list[_Filter]
    liquidation_fee: Decimal | None = None
    trigger_protect: Decimal | None = None


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


class _Bracket(msgspec.Struct, rename="camel"):
    notional_floor: Decimal
    notional_cap: Decimal
    initial_leverage: int
    maint_margin_ratio: Decimal
    cum: Decimal


class _Brackets(msgspec.Struct):
    symbol: str
    brackets: list[_Bracket]


UNREADABLE = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)
"""What reading and weighing raises for text that is none, and for numbers beyond all measure."""

_exchange_info = msgspec.json.Decoder(_ExchangeInfo)
_brackets = msgspec.json.Decoder(list[_Brackets] | _Brackets)


def parse_exchange_info(data: bytes) -> dict[str, Filters]:
    """The filters of all USDT-quoted perpetuals that are or were listed, from ``exchangeInfo``.

    Raises ``Malformed`` naming the symbol and the filter at fault.
    """
    try:
        found = _exchange_info.decode(data)
        return {each.symbol: _filters_of(each) for each in found.symbols if _is_ours(each)}
    except UNREADABLE as error:
        raise Malformed("exchangeInfo", data[:40], f"the venue's response ({error})") from error


def parse_brackets(data: bytes) -> dict[str, tuple[Tier, ...]]:
    """The margin tiers of all symbols in a ``leverageBracket`` response, for one symbol or all.

    A symbol listed twice keeps its stricter tiers. Raises ``Malformed`` when tiers leave a gap,
    overlap, or do not grow stricter.
    """
    tiers: dict[str, tuple[Tier, ...]] = {}
    try:
        found = _brackets.decode(data)
        for row in found if isinstance(found, list) else [found]:
            new = _tiers_of(row)
            tiers[row.symbol] = max(tiers.get(row.symbol, new), new, key=_strictness)
    except UNREADABLE as error:
        raise Malformed("leverageBracket", data[:40], f"the venue's response ({error})") from error
    return tiers


def combine(
    filters: dict[str, Filters], brackets: dict[str, tuple[Tier, ...]]
) -> tuple[dict[str, Instrument], tuple[str, ...]]:
    """Instruments that have filters and tiers, and the symbols left out for want of tiers."""
    whole = {
        symbol: Instrument(**msgspec.structs.asdict(each), tiers=brackets[symbol])
        for symbol, each in filters.items()
        if symbol in brackets
    }
    return whole, tuple(symbol for symbol in filters if symbol not in brackets)


def check_tiers(symbol: str, tiers: tuple[Tier, ...]) -> None:
    """Raise ``Malformed`` unless tiers cover everything from zero on and grow stricter."""
    if not tiers or tiers[0].floor_usd != 0 or tiers[0].cum_usd != 0:
        raise Malformed(f"{symbol}.brackets", tiers[:1], "a first tier with floor 0 and cum 0")
    for tier in tiers:
        if tier.cap_usd <= tier.floor_usd:
            raise Malformed(f"{symbol}.notionalCap", tier, "a cap above the floor")
        if tier.leverage_max < 1 or not 0 < tier.maint_frac * tier.leverage_max < 1:
            raise Malformed(f"{symbol}.maintMarginRatio", tier, "less than the initial margin")
    for low, high in pairwise(tiers):
        _check_step(symbol, low, high)


def _check_step(symbol: str, low: Tier, high: Tier) -> None:
    if high.floor_usd != low.cap_usd:
        raise Malformed(f"{symbol}.notionalFloor", high, f"to begin at {low.cap_usd}")
    if high.leverage_max > low.leverage_max or high.maint_frac < low.maint_frac:
        raise Malformed(f"{symbol}.brackets", high, "to be no milder than the tier below")
    cum_usd = low.cum_usd + low.cap_usd * (high.maint_frac - low.maint_frac)
    if abs(high.cum_usd - cum_usd) > CUM_TOLERANCE_USD:
        raise Malformed(f"{symbol}.cum", high, f"about {cum_usd}")


def _is_ours(row: _Symbol) -> bool:
    # Before its listing a symbol shows placeholders for filters, a tick of zero among them.
    listed = row.status != "PENDING_TRADING"
    return listed and row.quote_asset == "USDT" and row.contract_type.endswith("PERPETUAL")


def _filters_of(row: _Symbol) -> Filters:
    found = {each.filter_type: each for each in row.filters}

    def of(kind: str, name: str) -> Decimal:
        return _number(f"{row.symbol}.{kind}.{name}", getattr(found.get(kind), name, None))

    filters = Filters(
        symbol=row.symbol,
        status=row.status,
        tick=of("PRICE_FILTER", "tick_size"),
        step=of("LOT_SIZE", "step_size"),
        qty_min=of("LOT_SIZE", "min_qty"),
        qty_max=of("LOT_SIZE", "max_qty"),
        market_step=of("MARKET_LOT_SIZE", "step_size"),
        market_qty_min=of("MARKET_LOT_SIZE", "min_qty"),
        market_qty_max=of("MARKET_LOT_SIZE", "max_qty"),
        notional_min_usd=of("MIN_NOTIONAL", "notional"),
        price_min=of("PRICE_FILTER", "min_price"),
        price_max=of("PRICE_FILTER", "max_price"),
        price_up_frac=of("PERCENT_PRICE", "multiplier_up"),
        price_down_frac=of("PERCENT_PRICE", "multiplier_down"),
        liquidation_fee_frac=_number(f"{row.symbol}.liquidationFee", row.liquidation_fee),
        trigger_protect_frac=row.trigger_protect,
    )
    _check_filters(filters)
    return filters


def _number(field: str, value: Decimal | None) -> Decimal:
    """A finite, non-negative number without trailing zeros, so that its text is a grid's."""
    if value is None or not value.is_finite() or value < 0:
        raise Malformed(field, value, "a number, zero or more")
    plain = value.normalize()
    return plain if int(plain.as_tuple().exponent) <= 0 else plain.quantize(ONE)


def _check_filters(each: Filters) -> None:
    finest, coarsest = sorted((each.step, each.market_step))
    if each.tick <= ZERO or finest <= ZERO:
        raise Malformed(f"{each.symbol}.tick and steps", (each.tick, finest), "more than zero")
    if coarsest % finest != 0:
        raise Malformed(f"{each.symbol}.stepSize", coarsest, f"a multiple of {finest}")
    if each.order_qty_max < each.order_qty_min or each.price_max < each.price_min:
        raise Malformed(f"{each.symbol}.filters", each, "maxima above their minima")
    if not each.price_down_frac < ONE < each.price_up_frac:
        raise Malformed(f"{each.symbol}.PERCENT_PRICE", each.price_down_frac, "to bracket one")


def _strictness(tiers: tuple[Tier, ...]) -> tuple[Decimal, Decimal]:
    return tiers[0].maint_frac, -tiers[0].cap_usd


def _tiers_of(row: _Brackets) -> tuple[Tier, ...]:
    tiers = tuple(
        Tier(
            floor_usd=_number(f"{row.symbol}.notionalFloor", each.notional_floor),
            cap_usd=_number(f"{row.symbol}.notionalCap", each.notional_cap),
            leverage_max=each.initial_leverage,
            maint_frac=_number(f"{row.symbol}.maintMarginRatio", each.maint_margin_ratio),
            cum_usd=_number(f"{row.symbol}.cum", each.cum),
        )
        for each in sorted(row.brackets, key=lambda one: one.notional_floor)
    )
    check_tiers(row.symbol, tiers)
    return tiers
