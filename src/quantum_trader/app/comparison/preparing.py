"""Before the first trial: the rules, the entries, and the parts of the record that they need."""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from quantum_trader.adapters.archive.candles import Recording, open_recordings
from quantum_trader.adapters.market.instrument_files import load as load_instruments
from quantum_trader.app.comparison.proposals import ACCOUNT
from quantum_trader.app.comparison.source import Source
from quantum_trader.app.comparison.wanted import RANDOM, Wanted
from quantum_trader.app.config import load
from quantum_trader.core.errors import UsageError
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.market.volatility import ATR_BARS, SAMPLE_EVERY_BARS, SAMPLES
from quantum_trader.core.market.window import WINDOW_BARS
from quantum_trader.core.risk.gates import STOPS_EACH
from quantum_trader.core.rules import Rules
from quantum_trader.core.signals import MODELS
from quantum_trader.research.entries import (
    Entry,
    Ints,
    Need,
    drawn,
    model_entries,
    places,
    random_entries,
    spans,
)

BEFORE_BARS = max(WINDOW_BARS, SAMPLES * SAMPLE_EVERY_BARS) + ATR_BARS + SAMPLE_EVERY_BARS
"""Bars before an entry. Nothing that is decided looks farther back, so the record between the
entries need not be played: market state has its closes, the volatility rank its samples, and of
what an average of 14 bars was before them less than a part in 10^24 is left. Only which bars are
sampled, of every 15 or so, moves with where playing begins, and that is alike for every policy."""
MARGIN_MS = 1_800_000
"""Behind the longest time a position may be held: closing it takes a bar or two."""
SETTLED_MS = 8 * 3_600_000 + 60_000
"""The usual interval of funding, and a minute of the venue's jitter."""
DEPOSIT_NOTIONALS = 1_000
"""So large is the wallet: no entry is ever refused for want of money, whatever was lost before."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """All that was decided before the first trial: the same entries for every policy.

    ``bars`` are of all trials together; ``funded`` are the entries whose funding rates are known.
    """

    wanted: Wanted
    rules: Rules
    entries: tuple[Entry, ...]
    sources: tuple[Source, ...]
    funded: int
    bars: int


def prepare(wanted: Wanted) -> Prepared:
    """Choose the entries and set up a trial for every policy.

    Raises ``UsageError`` where no entry is possible, ``ConfigError`` for what cannot be read and
    for a policy that nobody knows.
    """
    for policy in wanted.policies:
        policy_of(policy)
    recordings = open_recordings(wanted.paths, wanted.symbols, wanted.span_ms)
    rules = _rules(recordings, wanted)
    longest_ms = max(each.interval_ms for each in recordings)
    after_ms = rules.exits.hold_max_ms + MARGIN_MS + 2 * longest_ms
    need = Need(before_bars=BEFORE_BARS, after_ms=after_ms)
    entries = _entries(recordings, wanted, need)
    if not entries:
        raise UsageError(
            f"no entry is possible there: it needs {BEFORE_BARS} bars before it and "
            f"{after_ms // 60_000} minutes behind it without a hole"
        )
    sources = _sources(recordings, entries, need)
    return Prepared(
        wanted=wanted,
        rules=rules,
        entries=entries,
        sources=sources,
        funded=_funded(recordings, entries),
        bars=len(wanted.policies) * _bars(recordings, sources),
    )


def _rules(recordings: Sequence[Recording], wanted: Wanted) -> Rules:
    """The configured rules in an account with room for every entry.

    Limits that would refuse an entry under one policy and not under another are opened wide, or
    the policies would not be compared on the same entries. What protects stays as configured.
    """
    config = load(
        typed={
            "account": ACCOUNT,
            "symbols": tuple(each.symbol for each in recordings),
            "leverage": wanted.leverage,
            "instruments": wanted.instruments,
            "brackets": wanted.brackets,
        }
    )
    rules = config.rules(load_instruments(config.instruments, config.brackets))
    limits = msgspec.structs.replace(
        rules.limits,
        symbols_allowed=None,
        positions_max=len(recordings) + 1,
        stops_max=STOPS_EACH * (len(recordings) + 1),
        notional_max_usd=2 * wanted.notional_usd,
        gross_notional_max_usd=2 * wanted.notional_usd * (len(recordings) + 1),
        cooldown_open_ms=0,
        cooldown_close_ms=0,
    )
    deposit_usd = DEPOSIT_NOTIONALS * wanted.notional_usd
    return msgspec.structs.replace(rules, limits=limits, deposit_usd=deposit_usd)


def _entries(recordings: Sequence[Recording], wanted: Wanted, need: Need) -> tuple[Entry, ...]:
    where = {each.symbol: _places(each, need) for each in recordings}
    source, count = wanted.entries.source, wanted.entries.count
    if source == RANDOM:
        return random_entries(where, count, wanted.seed, need.after_ms)
    model = MODELS[source]()
    found = [
        entry
        for each in recordings
        for entry in model_entries(model, each.candles(), where[each.symbol], need.after_ms)
    ]
    return drawn(found, count, wanted.seed)


def _places(recording: Recording, need: Need) -> Ints:
    opens = [candle.open_ms for candle in recording.candles()]
    return places(opens, recording.interval_ms, need)


def _sources(
    recordings: Sequence[Recording], entries: Sequence[Entry], need: Need
) -> tuple[Source, ...]:
    parts = spans(entries, {each.symbol: each.interval_ms for each in recordings}, need)
    return tuple(
        Source(path=each.path, symbol=each.symbol, spans=parts[each.symbol])
        for each in recordings
        if each.symbol in parts
    )


def _funded(recordings: Sequence[Recording], entries: Sequence[Entry]) -> int:
    """How many entries have a settlement so near before them that none can be missing."""
    times = {each.symbol: [rate.at_ms for rate in each.rates()] for each in recordings}
    count = 0
    for entry in entries:
        settled = times[entry.symbol]
        before = bisect_right(settled, entry.at_ms)
        count += before > 0 and entry.at_ms - settled[before - 1] <= SETTLED_MS
    return count


def _bars(recordings: Sequence[Recording], sources: Sequence[Source]) -> int:
    intervals_ms = {each.symbol: each.interval_ms for each in recordings}
    return sum(
        (span.until_ms - span.from_ms) // intervals_ms[source.symbol]
        for source in sources
        for span in source.spans
    )
