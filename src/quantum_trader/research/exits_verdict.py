"""A comparison of exits in plain sentences. Where nothing was proved, it says that."""

from collections.abc import Sequence

import msgspec

from quantum_trader.research.exits_compare import DAYS_MIN, Comparison, Difference, PairRow
from quantum_trader.research.paired import LEVEL
from quantum_trader.research.policy_row import PolicyRow


class Verdict(msgspec.Struct, frozen=True):
    """``text`` is the whole answer; ``pairs`` has a sentence for every policy against the base."""

    text: str
    pairs: tuple[str, ...]


def verdict(comparison: Comparison) -> Verdict:
    """What was found, what was not, and whether the base earns anything at all."""
    base = comparison.policies[0]
    sentences = [] if not comparison.pairs else [_overall(base.name, comparison.pairs)]
    return Verdict(
        " ".join([*sentences, _alone(base)]), tuple(_of_pair(pair) for pair in comparison.pairs)
    )


def _overall(base: str, pairs: Sequence[PairRow]) -> str:
    """Who is really better, who is really worse, of whom nothing is known."""
    worse = [_named(pair) for pair in pairs if _ways(pair) == {-1}]
    better = [_named(pair) for pair in pairs if _ways(pair) == {1}]
    torn = [pair.name for pair in pairs if len(_ways(pair)) > 1]
    unknown = [pair.name for pair in pairs if not _ways(pair)]
    parts = []
    if worse:
        parts.append(f"{base} is better than {_list(worse)}")
    if better:
        parts.append(f"{base} is worse than {_list(better)}")
    if torn:
        parts.append(f"in R and in money {base} and {_list(torn)} differ in opposite directions")
    if unknown:
        link = "but it" if worse or better else base
        parts.append(f"{link} cannot be told from {_list(unknown)}: what differs may be chance")
    if not worse:
        parts.append(f"nothing here shows {base} to be better than any of the others")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text[0] == "i" else f"{text}."


def _named(pair: PairRow) -> str:
    """The policy, and in which unit it really differs where it is not both."""
    if pair.r.real and pair.usd.real:
        return pair.name
    return (
        f"{pair.name} (in R, not in money)" if pair.r.real else f"{pair.name} (in money, not in R)"
    )


def _ways(pair: PairRow) -> set[int]:
    """The directions in which the policy really differs from the base."""
    return {1 if test.mean > 0 else -1 for test in (pair.r, pair.usd) if test.real}


def _alone(row: PolicyRow) -> str:
    """Whether the base earns: the better of two losers still loses."""
    if row.expectancy_r is None:
        return f"{row.name} took no trade at all."
    told = f"{signed(row.expectancy_r, 3)} R a trade after costs{_interval(row.ci_r, 3)}"
    if row.ci_r is None or row.ci_r[0] <= 0.0 <= row.ci_r[1]:
        return f"By itself {row.name} made {told}: neither a profit nor a loss is shown."
    return f"By itself {row.name} {'earned' if row.expectancy_r > 0 else 'lost'}: {told}."


def _of_pair(pair: PairRow) -> str:
    """One policy against the base, with the numbers behind it."""
    entries = f"on {pair.pairs:,} common entries of {pair.days:,} days"
    if pair.days < DAYS_MIN:
        lead = f"{pair.name} and {pair.against}: too little was seen to call anything real"
    elif not _ways(pair):
        lead = f"{pair.name} and {pair.against} cannot be told apart"
    elif pair.r.real and pair.usd.real:
        lead = f"{pair.name} is really {_word(pair.r)} than {pair.against}"
        if _word(pair.r) != _word(pair.usd):
            lead = f"{pair.name} is really {_word(pair.r)} in R and {_word(pair.usd)} in money"
    elif pair.r.real:
        lead = f"{pair.name} is really {_word(pair.r)} than {pair.against} in R, not in money"
    else:
        lead = f"{pair.name} is really {_word(pair.usd)} than {pair.against} in money, not in R"
    return f"{lead}, {entries}: {_told(pair.r, 'R', 3)}; {_told(pair.usd, 'USDT', 2)}.{_rare(pair)}"


def _word(test: Difference) -> str:
    return "better" if test.mean > 0 else "worse"


def _told(test: Difference, unit: str, digits: int) -> str:
    if test.p_corrected is None or test.detectable is None:
        return f"{signed(test.mean, digits)} {unit} a trade"
    seen = "" if test.real else f", and less than {test.detectable:.{digits}f} would hardly show"
    interval = _interval(test.ci, digits)
    return (
        f"{signed(test.mean, digits)} {unit} a trade{interval}, p {p_text(test.p_corrected)}{seen}"
    )


def _rare(pair: PairRow) -> str:
    """The usual day and the mean may disagree: small gains on most days, rare large losses."""
    p = pair.r.p_wilcoxon
    if p is None or p >= LEVEL or pair.r.real or pair.days < DAYS_MIN:
        return ""
    return f" The usual day does differ (p {p_text(p)} by ranks), the mean does not."


def _interval(ci: tuple[float, float] | None, digits: int) -> str:
    if ci is None:
        return ""
    return f" (95 % interval {signed(ci[0], digits)} to {signed(ci[1], digits)})"


def signed(value: float, digits: int) -> str:
    """A number with its sign, the minus a real one; what rounds to zero has none."""
    text = f"{value:+.{digits}f}".replace("-", "\u2212")
    return text[1:] if not text.strip("+\u22120.") else text


def p_text(p: float) -> str:
    """A p value for people: never zero."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _list(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
