"""Recorded market through the very same system: what would have happened, and what it shows."""

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import msgspec

from quantum_trader.app.rig import Rig
from quantum_trader.app.story.exits import ExitFact
from quantum_trader.core.events import (
    CandleClosed,
    Fact,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
    KillScored,
    LevelsComputed,
    MarketFact,
    OrderCommanded,
    OrderFilled,
    TradeClosed,
)
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.rules import Rules
from quantum_trader.core.signals import AnyModel
from quantum_trader.core.state import state_hash
from quantum_trader.core.units import ZERO

HOLE_MS = 6 * 3_600_000
"""A recording that is silent for longer has ended: what is open then is closed at its last price,
because nobody can say what would have happened to it."""
LOOK_UP_EVERY_BARS = 2_000

OnProgress = Callable[[int], None]


class Tape:
    """One symbol's recorded facts, in the order in which they became true."""

    def __init__(self, symbol: str, bars: int, facts: Iterator[MarketFact]) -> None:
        self.symbol = symbol
        self.bars = bars
        self.facts = facts


class ReplayResult(msgspec.Struct, kw_only=True):
    """Everything a report needs.

    ``equity`` has one row per moment with a bar: (epoch ms, equity in USDT). ``stops`` holds every
    stop commanded as (symbol, epoch ms, price), ``exits`` by plan what the exit brain said of it
    (kill scores only while they are over their threshold). ``unprotected_bars`` counts bars at
    whose end a position stood without a confirmed stop; ``equity_gap_usd`` is the largest
    difference between our books and the venue's account at any bar.
    """

    bars: int = 0
    seconds: float = 0.0
    first_ms: int = 0
    last_ms: int = 0
    exposed_bars: int = 0
    unprotected_bars: int = 0
    equity_gap_usd: Decimal = ZERO
    ledger_sum_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    deposit_usd: Decimal = ZERO
    equity: list[tuple[int, Decimal]] = []
    candles: dict[str, list[CandleClosed]] = {}
    trades: list[TradeClosed] = []
    levels: list[LevelsComputed] = []
    fills: list[OrderFilled] = []
    stops: list[tuple[str, int, Decimal]] = []
    exits: dict[str, list[ExitFact]] = {}
    refusals: Counter[str] = msgspec.field(default_factory=Counter)
    skips: Counter[str] = msgspec.field(default_factory=Counter)
    state_hash: str = ""

    def __repr__(self) -> str:
        """Short: a task that returns this may be shown by the event loop when it ends."""
        return f"ReplayResult({self.bars} bars, {len(self.trades)} trades)"


async def replay(
    tapes: Sequence[Tape],
    rules: Rules,
    models: Sequence[AnyModel],
    on_progress: OnProgress | None = None,
) -> ReplayResult:
    """Play the tapes through a fresh system, close what is open at the end, and tell the result."""
    run = _Replay(rules, models, on_progress)
    began_s = time.perf_counter()
    await run.play(tapes)
    run.result.seconds = time.perf_counter() - began_s
    return run.finish()


class _Replay:
    """One replay under way."""

    def __init__(
        self, rules: Rules, models: Sequence[AnyModel], on_progress: OnProgress | None
    ) -> None:
        self.rig = Rig(rules, models, self._sink)
        self.result = ReplayResult(deposit_usd=rules.deposit_usd)
        self._on_progress = on_progress
        self._last_bar_ms: dict[str, int] = {}
        self._candles = defaultdict[str, list[CandleClosed]](list)
        self._seen = 0
        self._look_up_at = LOOK_UP_EVERY_BARS
        self._flat_since: tuple[int, int] | None = None

    async def play(self, tapes: Sequence[Tape]) -> None:
        """Moment by moment: all that became true at one time is shown together."""
        rig, facts = self.rig, tapes[0].facts
        if len(tapes) > 1:
            facts = heapq.merge(*(tape.facts for tape in tapes), key=_when)
        started = False
        for at_ms, together in groupby(facts, key=attrgetter("at_ms")):
            moment = list(together)
            if not started:
                await rig.start(at_ms)
                started = True
            bars = [fact for fact in moment if type(fact) is CandleClosed]
            for symbol in self._broken_off(bars):
                await self._close(symbol)
            await rig.show(moment)
            if bars:
                self._look(at_ms, bars)
        for tape in tapes:
            await self._close(tape.symbol)
        await rig.catch_up()

    def finish(self) -> ReplayResult:
        """The sums that only the end knows."""
        state, result = self.rig.trader.state, self.result
        result.candles = dict(self._candles)
        result.ledger_sum_usd = state.ledger.total_usd()
        result.fees_usd = state.ledger.balance_usd("fees")
        result.fees_usd += state.ledger.balance_usd("liquidation_fees")
        result.funding_usd = -state.ledger.balance_usd("funding")
        result.state_hash = state_hash(state)
        if result.equity:
            self._note_equity(result.last_ms)
        return result

    def _broken_off(self, bars: Sequence[CandleClosed]) -> list[str]:
        """The symbols before whose bars the recording has a hole."""
        last_bar_ms, found = self._last_bar_ms, []
        for bar in bars:
            symbol, open_ms = bar.symbol, bar.open_ms
            if open_ms - last_bar_ms.get(symbol, open_ms) > HOLE_MS:
                found.append(symbol)
            last_bar_ms[symbol] = bar.at_ms
        return found

    async def _close(self, symbol: str) -> None:
        """The recording of this symbol ends here."""
        if symbol in self.rig.trader.state.positions:
            await self.rig.propose(_flat(symbol, self.rig.clock.now_ms(), self.rig.rules.account))

    def _look(self, at_ms: int, bars: Sequence[CandleClosed]) -> None:
        """Compare our books with the venue's account, and note equity and protection."""
        result, state, candles = self.result, self.rig.trader.state, self._candles
        for bar in bars:
            candles[bar.symbol].append(bar)
        if not result.bars:
            result.first_ms = bars[0].open_ms
        result.bars += len(bars)
        result.last_ms = at_ms
        self._note_equity(at_ms)
        for symbol in state.positions:
            plan_id = state.plan_of.get(symbol)
            result.exposed_bars += 1
            if plan_id is None or state.plans[plan_id].stop is None:
                result.unprotected_bars += 1
        if result.bars >= self._look_up_at:
            self._look_up()

    def _note_equity(self, at_ms: int) -> None:
        """Both equities; while both sides are flat and nothing is booked they cannot change."""
        result, state, venue = self.result, self.rig.trader.state, self.rig.venue
        booked = None if state.positions else (state.ledger.entries, venue.reported_seq())
        if booked is not None and booked == self._flat_since:
            result.equity.append((at_ms, result.equity[-1][1]))
            return
        equity_usd, venues_usd = state.equity_usd, venue.equity_usd()
        result.equity.append((at_ms, equity_usd))
        self._flat_since = booked
        if equity_usd != venues_usd:
            result.equity_gap_usd = max(result.equity_gap_usd, abs(equity_usd - venues_usd))
            self._flat_since = None

    def _look_up(self) -> None:
        """Now and then: forget what everybody has read, and say how far we are."""
        seen, self._seen = self._seen, self.result.bars
        self._look_up_at = self._seen + LOOK_UP_EVERY_BARS
        self.rig.bus.forget()
        if self._on_progress is not None:
            self._on_progress(self._seen - seen)

    def _sink(self, cause: Fact, said: Sequence[Fact]) -> None:
        result = self.result
        if isinstance(cause, OrderFilled):
            result.fills.append(cause)
        for fact in said:
            if isinstance(fact, TradeClosed):
                result.trades.append(fact)
            elif isinstance(fact, LevelsComputed):
                result.levels.append(fact)
            elif isinstance(fact, OrderCommanded) and fact.order.trigger_price is not None:
                stop = (fact.order.symbol, fact.at_ms, fact.order.trigger_price)
                result.stops.append(stop)
            elif isinstance(fact, ExitFact):
                if not isinstance(fact, KillScored) or fact.streak:
                    result.exits.setdefault(fact.plan_id, []).append(fact)
            elif isinstance(fact, IntentRefused):
                result.refusals.update(refusal.gate for refusal in fact.refusals)
            elif isinstance(fact, IntentSkipped):
                result.skips[fact.kind] += 1


def _when(fact: MarketFact) -> tuple[int, str]:
    return fact.at_ms, fact.symbol


def _flat(symbol: str, at_ms: int, account: str) -> IntentProposed:
    """Close a position because its recording ends."""
    return IntentProposed(
        id=f"end:{symbol}:{at_ms}",
        at_ms=at_ms,
        trace_id=f"end:{symbol}:{at_ms}",
        account=account,
        symbol=symbol,
        side="FLAT",
        signal_id=f"end:{symbol}:{at_ms}",
        strategy="end_of_data",
        source="replay",
        confidence=None,
        entry_price=None,
        notional_usd=None,
        leverage=None,
        reason="the recording ends here",
        **UNSAID,
    )
