"""After the trials: every policy compared, and the answer as one object."""

import time

import msgspec

from quantum_trader.app.comparison.preparing import Prepared
from quantum_trader.app.comparison.trial import OnProgress, Trial
from quantum_trader.app.comparison.trials import try_all
from quantum_trader.app.comparison.wanted import Answer, Conditions, PairAnswer
from quantum_trader.app.rig import matching_rules
from quantum_trader.research.exits_compare import Comparison, compare
from quantum_trader.research.exits_verdict import Verdict, verdict
from quantum_trader.research.policy_row import Run


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison, the runs behind it, and what it means in sentences."""

    runs: tuple[Run, ...]
    comparison: Comparison
    verdict: Verdict
    seconds: float


def judge(prepared: Prepared, on_progress: OnProgress) -> Outcome:
    """Run every trial and compare what came out."""
    began_s = time.perf_counter()
    wanted = prepared.wanted
    trials = [_trial(policy, prepared) for policy in wanted.policies]
    runs = try_all(trials, wanted.jobs, on_progress)
    comparison = compare(runs, wanted.seed)
    return Outcome(
        runs=tuple(runs),
        comparison=comparison,
        verdict=verdict(comparison),
        seconds=time.perf_counter() - began_s,
    )


def _trial(policy: str, prepared: Prepared) -> Trial:
    rules = prepared.rules
    exits = msgspec.structs.replace(rules.exits, policy=policy)
    return Trial(
        policy=policy,
        rules=msgspec.structs.replace(rules, exits=exits),
        slippage=prepared.wanted.slippage,
        sources=prepared.sources,
        entries=prepared.entries,
        notional_usd=prepared.wanted.notional_usd,
    )


def answer(prepared: Prepared, outcome: Outcome) -> Answer:
    """All of it as one object."""
    comparison, words = outcome.comparison, outcome.verdict
    return Answer(
        verdict=words.text,
        policies=comparison.policies,
        pairs=tuple(
            PairAnswer(**msgspec.structs.asdict(pair), sentence=sentence)
            for pair, sentence in zip(comparison.pairs, words.pairs, strict=True)
        ),
        conditions=_conditions(prepared, outcome),
        problems=comparison.problems,
    )


def _conditions(prepared: Prepared, outcome: Outcome) -> Conditions:
    wanted, rules = prepared.wanted, prepared.rules
    return Conditions(
        entries=wanted.entries.source,
        entries_wanted=wanted.entries.count,
        entries_taken=len(prepared.entries),
        seed=wanted.seed,
        symbols=tuple(each.symbol for each in prepared.sources),
        entries_funded=prepared.funded,
        first_ms=prepared.entries[0].at_ms,
        last_ms=prepared.entries[-1].at_ms,
        notional_usd=wanted.notional_usd,
        leverage=rules.limits.leverage_default,
        taker_frac=rules.fees.taker_frac,
        maker_frac=rules.fees.maker_frac,
        slippage_ticks=wanted.slippage.ticks,
        slippage_bps=wanted.slippage.bps,
        hold_max_ms=rules.exits.hold_max_ms,
        intrabar=matching_rules(rules).intrabar,
        bars=prepared.bars,
        seconds=outcome.seconds,
    )
