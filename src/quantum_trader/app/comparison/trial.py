"""One policy of exits on trial: given entries through the very system, over a recorded market."""

import asyncio
import heapq
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby

import msgspec

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.app.comparison.proposals import close_intent, entry_intent
from quantum_trader.app.comparison.source import Source, facts_of
from quantum_trader.app.comparison.wanted import Slippage
from quantum_trader.app.rig import Rig, matching_rules
from quantum_trader.core.events import (
    CandleClosed,
    Fact,
    IntentApplied,
    IntentRefused,
    MarketFact,
    TradeClosed,
)
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import usd_text
from quantum_trader.research.entries import Entry
from quantum_trader.research.policy_row import Run

GAP_MAX_USD = Decimal("0.01")
"""Our books and the venue's account must agree to the cent."""
REPORT_EVERY_BARS = 2_000

OnProgress = Callable[[int], None]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """All that one run needs. Nothing in it is shared, so it may happen in any process."""

    policy: str
    rules: Rules
    slippage: Slippage
    sources: tuple[Source, ...]
    entries: tuple[Entry, ...]
    notional_usd: Decimal


def try_policy(trial: Trial, on_progress: OnProgress) -> Run:
    """Run it to its end; ``on_progress`` is told now and then how many more bars are done."""
    running = _Running(trial, on_progress)
    asyncio.run(running.play())
    return running.finish()


class _Running:
    """One trial under way."""

    def __init__(self, trial: Trial, on_progress: OnProgress) -> None:
        self._trial = trial
        self._on_progress = on_progress
        venue = PaperExchange(_matching(trial))  # In place of the usual one, for its slippage.
        self._rig = Rig(trial.rules, (), self._sink, door=lambda _: venue)
        self._rig.venue = venue
        self._trades: list[TradeClosed] = []
        self._refused: dict[str, str] = {}
        self._last_ms: dict[str, int] = {}
        self._cut_off = 0
        self._bars = 0

    async def play(self) -> None:
        """Moment by moment: the market first, then who enters at its close."""
        entries = iter(self._trial.entries)
        entry = next(entries, None)
        started = False
        tapes = [facts_of(source) for source in self._trial.sources]
        for at_ms, together in groupby(heapq.merge(*tapes, key=_when), key=_at_ms):
            moment = list(together)
            if not started:
                await self._rig.start(at_ms)
                started = True
            await self._close_before_holes(moment)
            await self._rig.show(moment)
            while entry is not None and entry.at_ms <= at_ms:
                await self._rig.propose(entry_intent(entry, self._trial.notional_usd))
                entry = next(entries, None)
            self._count(moment)
        for symbol in self._last_ms:
            await self._close(symbol)
        self._on_progress(self._bars % REPORT_EVERY_BARS)

    async def _close_before_holes(self, moment: Sequence[MarketFact]) -> None:
        """Where a part of the recording ends, what is still open there is closed."""
        for fact in moment:
            if isinstance(fact, CandleClosed):
                if self._last_ms.get(fact.symbol, fact.open_ms) != fact.open_ms:
                    await self._close(fact.symbol)
                self._last_ms[fact.symbol] = fact.at_ms

    async def _close(self, symbol: str) -> None:
        if symbol in self._rig.trader.state.positions:
            self._cut_off += 1
            await self._rig.propose(close_intent(symbol, self._rig.clock.now_ms()))

    def _count(self, moment: Sequence[MarketFact]) -> None:
        for fact in moment:
            if isinstance(fact, CandleClosed):
                self._bars += 1
                if self._bars % REPORT_EVERY_BARS == 0:
                    self._rig.bus.forget()
                    self._on_progress(REPORT_EVERY_BARS)

    def _sink(self, _: Fact, said: Sequence[Fact]) -> None:
        for fact in said:
            if isinstance(fact, TradeClosed):
                self._trades.append(fact)
            elif isinstance(fact, IntentRefused):
                gates = (refusal.gate for refusal in fact.refusals)
                self._refused[fact.trace_id] = ", ".join(gates)
            elif isinstance(fact, IntentApplied) and fact.status == "failed":
                self._refused[fact.trace_id] = fact.reason

    def finish(self) -> Run:
        """What became of every entry, and what must never happen and did."""
        traded = {trade.trace_id for trade in self._trades}
        refused = {name: why for name, why in self._refused.items() if name not in traded}
        for entry in self._trial.entries:
            if entry.name not in traded:
                refused.setdefault(entry.name, "no answer")
        policy = self._trial.policy
        problems = tuple(f"{policy}: {problem}" for problem in self._problems())
        return Run(policy=policy, trades=tuple(self._trades), refused=refused, problems=problems)

    def _problems(self) -> Iterator[str]:
        state, venue = self._rig.trader.state, self._rig.venue
        if self._cut_off:
            yield f"{self._cut_off} trades did not end within their part of the recording"
        if state.positions:
            yield f"{len(state.positions)} positions are open at the end"
        if state.ledger.total_usd():
            yield f"the ledger does not sum to zero but to {state.ledger.total_usd()}"
        gap_usd = abs(state.equity_usd - venue.equity_usd())
        if gap_usd > GAP_MAX_USD:
            yield f"our books and the venue's account differ by {usd_text(gap_usd)}"


def _matching(trial: Trial) -> MatchingRules:
    return msgspec.structs.replace(
        matching_rules(trial.rules),
        slippage_ticks=trial.slippage.ticks,
        slippage_bps=trial.slippage.bps,
    )


def _when(fact: MarketFact) -> tuple[int, str]:
    return fact.at_ms, fact.symbol


def _at_ms(fact: MarketFact) -> int:
    return fact.at_ms
