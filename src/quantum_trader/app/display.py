"""A view in words: ages, colours with a word beside them, and the line of equity."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from quantum_trader.app.board import Held
from quantum_trader.app.story import span_text
from quantum_trader.app.watch import Outcome, Sample, View
from quantum_trader.core.events import IntentApplied, IntentRefused
from quantum_trader.core.units import ZERO, percent_text, usd_text

MISSING = "none yet"
MINUS = "\u2212"
STALE_MS = 10_000
CHART_WIDTH, CHART_HEIGHT = 600, 90

Mood = Literal["good", "bad", "warn", ""]


class Word(msgspec.Struct, frozen=True):
    """A word and its colour; nothing is said by colour alone."""

    text: str
    mood: Mood


class Line(msgspec.Struct, frozen=True):
    """Equity as an SVG path in a box, and its bounds."""

    path: str
    low_usd: Decimal
    high_usd: Decimal
    first_ms: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the page computes from a view."""

    books_age_ms: int | None
    oldest_mark_ms: int | None
    trader: Word
    mode: Word
    unrealized_usd: Decimal | None
    change_usd: Decimal | None
    change_frac: Decimal | None
    naked: int
    line: Line | None


def shown(view: View) -> Shown:
    """Everything the page says that the view does not say itself."""
    head, equity_usd = view.head, view.equity_usd
    change_usd = None if head is None or equity_usd is None else equity_usd - head.deposit_usd
    marks = [view.at_ms - held.mark_ms for held in view.positions if held.mark_ms is not None]
    return Shown(
        books_age_ms=None if head is None else view.at_ms - head.at_ms,
        oldest_mark_ms=max(marks, default=None),
        trader=_trader(view),
        mode=_mode(view),
        unrealized_usd=None if head is None or equity_usd is None else equity_usd - head.wallet_usd,
        change_usd=change_usd,
        change_frac=_share(change_usd, None if head is None else head.deposit_usd),
        naked=len(view.positions) - view.protected,
        line=line_of(view.equity),
    )


def _share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return part / whole if part is not None and whole else None


def _trader(view: View) -> Word:
    if view.head is None:
        return Word("starting", "warn")
    age_ms = view.at_ms - view.head.at_ms
    if age_ms > STALE_MS and view.about.market != "recorded":
        return Word(f"silent for {span_text(age_ms)}", "bad")
    return Word("running", "good")


def _mode(view: View) -> Word:
    """Whether entries leave."""
    if view.head is None:
        return Word("no rules yet", "warn")
    if view.head.kill_level != "RUN":
        return Word(view.head.kill_level, "bad")
    if view.head.alerts:
        return Word("ALERT", "bad")
    if view.head.quarantined:
        return Word("QUARANTINE", "warn")
    return Word("SAFE-DRAIN", "warn") if view.head.safe_drain else Word("RUN", "good")


def protection(held: Held, at_ms: int) -> Word:
    """Whether a confirmed stop stands, in a word."""
    if held.protected:
        return Word("CONFIRMED", "good")
    name = "NAKED" if held.stop_price is None else "NOT ALL OF IT"
    since = "" if held.naked_since_ms is None else f" for {span_text(at_ms - held.naked_since_ms)}"
    return Word(f"{name}{since}", "bad")


def outcome(fact: Outcome) -> Word:
    """What became of an intent, in a word."""
    if isinstance(fact, IntentApplied):
        return Word(fact.status, "bad" if fact.status == "failed" else "good")
    return Word("refused", "warn") if isinstance(fact, IntentRefused) else Word("skipped", "")


def reason(fact: Outcome) -> str:
    """Why, in one line."""
    if isinstance(fact, IntentApplied):
        return fact.reason
    said = "; ".join(f"{each.gate.replace('_', ' ')}: {each.reason}" for each in fact.refusals)
    if isinstance(fact, IntentRefused):
        return said
    return f"{fact.kind.replace('_', ' ')}{f' ({said})' if said else ''}"


def r_of(held: Held) -> Decimal | None:
    """Open profit in units of the initial risk; None where either is missing."""
    if held.unrealized_usd is None or not held.risk_usd:
        return None
    return held.unrealized_usd / held.risk_usd


def line_of(samples: Sequence[Sample]) -> Line | None:
    """The line of equity; None before there are two samples."""
    if len(samples) < 2:
        return None
    values = [float(one.equity_usd) for one in samples]
    low, high = min(values), max(values)
    first_ms, last_ms = samples[0].at_ms, samples[-1].at_ms
    width, height = CHART_WIDTH / (last_ms - first_ms), CHART_HEIGHT - 6
    span = high - low or 1.0
    points = (
        f"{(one.at_ms - first_ms) * width:.1f},{3 + height * (high - value) / span:.1f}"
        for one, value in zip(samples, values, strict=True)
    )
    return Line(
        path="M" + "L".join(points),
        low_usd=min(one.equity_usd for one in samples),
        high_usd=max(one.equity_usd for one in samples),
        first_ms=first_ms,
    )


def usd(amount: Decimal | None) -> str:
    """Money, or that there is none to name."""
    return MISSING if amount is None else usd_text(amount).replace("-", MINUS)


def signed_usd(amount: Decimal | None) -> str:
    """Money with its sign."""
    if amount is None:
        return MISSING
    return f"{'+' if amount > 0 else MINUS if amount < 0 else ''}{usd_text(abs(amount))}"


def signed_percent(frac: Decimal | None) -> str:
    """A fraction as a signed percentage."""
    if frac is None:
        return MISSING
    return f"{'+' if frac > 0 else MINUS if frac < 0 else ''}{percent_text(abs(frac))}"


def signed_r(value: Decimal | float | None) -> str:
    """A multiple of the initial risk."""
    if value is None:
        return MISSING
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{abs(value):.2f} R"


def number(value: Decimal | None) -> str:
    """A price or a quantity: at most eight significant digits, none of them invented."""
    if value is None:
        return MISSING
    digits = max(0, 7 - max(value.adjusted(), 0)) if value else 0
    rounded = round(value, digits)
    text = f"{rounded:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


def span(span_ms: int | None) -> str:
    """A length of time."""
    return MISSING if span_ms is None else span_text(max(span_ms, 0))


def age(span_ms: int | None) -> str:
    """How long ago."""
    return MISSING if span_ms is None else f"{span(span_ms)} ago"


def mood(amount: Decimal | float | None) -> Mood:
    """The colour of a profit."""
    if amount is None or amount == ZERO:
        return ""
    return "good" if amount > 0 else "bad"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "age": age,
    "mood": mood,
    "number": number,
    "outcome": outcome,
    "protection": protection,
    "r_of": r_of,
    "reason": reason,
    "signed_percent": signed_percent,
    "signed_r": signed_r,
    "signed_usd": signed_usd,
    "span": span,
    "usd": usd,
}
