"""Ways of leaving, compared: the same entries, what each way made of them, and what that proves."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np

from quantum_trader.core.events import TradeClosed
from quantum_trader.research.paired import LEVEL, Interval, Paired, holm, paired
from quantum_trader.research.policy_row import (
    PolicyRow,
    Run,
    days_of,
    policy_row,
    results_r,
    results_usd,
)

DAYS_MIN = 20
"""With fewer days nothing is called real, whatever its p says: too little of the world was seen."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of policy minus base over common entries, and whether it is real.

    ``p`` is of the mean, ``p_corrected`` after Holm over all tests of the comparison,
    ``p_wilcoxon`` of the signed ranks of days. ``detectable`` is the difference that so many days
    would show four times in five. ``real``: corrected p below 5 %, on at least 20 days.
    """

    mean: float
    ci: Interval | None
    p: float | None
    p_corrected: float | None
    p_wilcoxon: float | None
    detectable: float | None
    real: bool


class PairRow(msgspec.Struct, frozen=True, kw_only=True):
    """One policy against the base, on the ``pairs`` entries that both took, on so many days."""

    name: str
    against: str
    pairs: int
    days: int
    r: Difference
    usd: Difference


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about some policies on one set of entries; the first policy is the base.

    ``problems`` says in sentences what must not be and was.
    """

    policies: tuple[PolicyRow, ...]
    pairs: tuple[PairRow, ...]
    problems: tuple[str, ...]


class _Tested(NamedTuple):
    name: str
    pairs: int
    days: int
    r: Paired
    usd: Paired


class Common(NamedTuple):
    """The trades of two policies from the entries that both took, in the same order."""

    ours: list[TradeClosed]
    theirs: list[TradeClosed]


def compare(runs: Sequence[Run], seed: int) -> Comparison:
    """All numbers of all policies, each tested against the first one."""
    base, *others = runs
    shared = [(run.policy, common(run, base)) for run in others]
    tested = [_tested(name, pair, seed) for name, pair in shared if pair.ours]
    problems = [
        f"{base.policy} and {name} share no entry" for name, pair in shared if not pair.ours
    ]
    problems += [
        f"{name} and {base.policy} did not get the same entries: {count} differ in price or size"
        for name, pair in shared
        if (count := _unlike(pair))
    ]
    corrected = iter(holm([p for each in tested for p in (each.r.p, each.usd.p)]))
    return Comparison(
        policies=tuple(policy_row(run, seed) for run in runs),
        pairs=tuple(
            PairRow(
                name=each.name,
                against=base.policy,
                pairs=each.pairs,
                days=each.days,
                r=_difference(each.r, next(corrected), each.days),
                usd=_difference(each.usd, next(corrected), each.days),
            )
            for each in tested
        ),
        problems=(*chain.from_iterable(run.problems for run in runs), *problems),
    )


def common(run: Run, base: Run) -> Common:
    """The trades that both made of the same entries, in the order of the entries."""
    theirs = {trade.intent_id: trade for trade in base.trades}
    pairs = [(trade, theirs[trade.intent_id]) for trade in run.trades if trade.intent_id in theirs]
    pairs.sort(key=lambda pair: (pair[0].opened_ms, pair[0].symbol))
    return Common([ours for ours, _ in pairs], [other for _, other in pairs])


def _unlike(pair: Common) -> int:
    """How many entries were not the same in quantity, price or time: none, in an honest trial."""
    return sum(_entry(ours) != _entry(other) for ours, other in zip(*pair, strict=True))


def _entry(trade: TradeClosed) -> tuple[object, ...]:
    return trade.symbol, trade.side, trade.qty, trade.entry_vwap, trade.opened_ms


def _tested(name: str, pair: Common, seed: int) -> _Tested:
    days = days_of(pair.ours)
    return _Tested(
        name,
        len(days),
        len(np.unique(days)),
        paired(results_r(pair.ours) - results_r(pair.theirs), days, seed),
        paired(results_usd(pair.ours) - results_usd(pair.theirs), days, seed),
    )


def _difference(test: Paired, corrected: float | None, days: int) -> Difference:
    return Difference(
        mean=test.mean,
        ci=test.ci,
        p=test.p,
        p_corrected=corrected,
        p_wilcoxon=test.p_wilcoxon,
        detectable=test.detectable,
        real=corrected is not None and corrected < LEVEL and days >= DAYS_MIN,
    )
