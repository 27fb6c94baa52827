"""``quantum exits``: how positions are left, and what speaks for it."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import typer

from quantum_trader.app.cli.exits_compare import add_to as add_compare
from quantum_trader.app.cli.frame import (
    DONE,
    Common,
    command,
    new_app,
    say,
    show_json,
    show_table,
)
from quantum_trader.app.config import load
from quantum_trader.core.errors import UsageError
from quantum_trader.core.exits.kill_score import (
    RECORDED,
    KillComponents,
    Score,
    acting,
    breakdown,
    entry_scale,
    recorded,
)
from quantum_trader.core.exits.settings import KillSettings
from quantum_trader.core.units import percent_text

WEIGHTS = (
    "weight_regime_flip",
    "weight_sigma_spike",
    "weight_ts_drop",
    "weight_age_penalty",
)
SHARES = ("regime_flip", "age_penalty")
"""Components that are parts of a whole, so at most 1."""

app = new_app()


class Part(msgspec.Struct, frozen=True):
    """One component: its value, its weight, and what it adds to z."""

    value: float
    weight: float
    adds: float


class RecordedScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score as it was always computed, sigmoid(z), and the threshold it was used with."""

    z: float
    score: float
    breakdown: dict[str, Part]
    threshold: float
    wants_out: bool


class ActingScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score that acts, sigmoid(z - z0).

    ``neutral`` is the score of a neutral market. ``entry_scale`` is the part of its size that an
    entry may have at this score, from ``entry_from`` on less than 1; None: it is refused.
    """

    z: float
    z0: float
    score: float
    breakdown: dict[str, Part]
    threshold: float
    wants_out: bool
    streak: int
    neutral: float
    entry_from: float
    entry_scale: float | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Both scores of the same components."""

    weights: str
    recorded: RecordedScore
    acting: ActingScore


@dataclass(frozen=True, kw_only=True)
class KillOptions(Common):
    """What ``exits kill-score`` takes."""

    regime_flip: Annotated[float, typer.Option(help="1 when the regime turned, else 0.")]
    sigma_spike: Annotated[float, typer.Option(help="Volatility over its reference, less 1.")]
    ts_drop: Annotated[float, typer.Option(help="How far the trend falls short.")]
    age_penalty: Annotated[float, typer.Option(help="Age over the longest age, 0 to 1.")]
    weights: Annotated[
        Literal["config", "kernel", "policy"],
        typer.Option(help="As configured, or as recorded: by itself or under a policy."),
    ] = "config"


@app.callback()
def exits() -> None:
    """How positions are left, and what speaks for it."""


@command(app, KillOptions, "kill-score")
def kill_score(options: KillOptions) -> int:
    """The kill score of four components: as it was always computed, and as it acts."""
    answer = answer_for(_components(options), options.weights, load().exit_rules.kill)
    if options.as_json:
        show_json(answer)
    else:
        _show(answer)
    return DONE


add_compare(app)


def answer_for(components: KillComponents, weights: str, configured: KillSettings) -> Answer:
    """Both scores; ``weights`` is "config" or a key of ``RECORDED``, the rest as configured."""
    chosen = RECORDED.get(weights)
    settings = configured if chosen is None else _with_weights_of(chosen, configured)
    parts = _parts(components, settings)
    was, now = recorded(components, settings), acting(components, settings)
    return Answer(
        weights=weights,
        recorded=_recorded(was, parts, chosen or RECORDED["kernel"]),
        acting=ActingScore(
            z=now.z,
            z0=now.z0,
            score=now.score,
            breakdown=parts,
            threshold=settings.threshold,
            wants_out=now.score >= settings.threshold,
            streak=settings.streak,
            neutral=settings.neutral,
            entry_from=settings.entry_from,
            entry_scale=entry_scale(now.score, settings),
        ),
    )


def _recorded(found: Score, parts: dict[str, Part], settings: KillSettings) -> RecordedScore:
    return RecordedScore(
        z=found.z,
        score=found.score,
        breakdown=parts,
        threshold=settings.threshold,
        wants_out=found.score >= settings.threshold,
    )


def _with_weights_of(chosen: KillSettings, configured: KillSettings) -> KillSettings:
    weights = {name: getattr(chosen, name) for name in WEIGHTS}
    return msgspec.structs.replace(configured, **weights)


def _parts(components: KillComponents, settings: KillSettings) -> dict[str, Part]:
    return {
        name: Part(getattr(components, name), getattr(settings, f"weight_{name}"), adds)
        for name, adds in breakdown(components, settings).items()
    }


def _components(options: KillOptions) -> KillComponents:
    """What was typed. Raises ``UsageError`` for what no market can give."""
    found = KillComponents(
        options.regime_flip, options.sigma_spike, options.ts_drop, options.age_penalty
    )
    for name, value in msgspec.structs.asdict(found).items():
        most = 1.0 if name in SHARES else math.inf
        if not (0.0 <= value <= most and math.isfinite(value)):
            allowed = "between 0 and 1" if name in SHARES else "0 or above"
            raise UsageError(f"--{name.replace('_', '-')} {value:g}: a number {allowed}")
    return found


def _show(answer: Answer) -> None:
    was, now = answer.recorded, answer.acting
    show_table(
        ("component", "value", "weight", "adds to z"),
        [
            (name, f"{part.value:.6f}", f"{part.weight:g}", f"{part.adds:.6f}")
            for name, part in now.breakdown.items()
        ],
    )
    say("")
    show_table(
        ("score", "z", "z0", "K", "threshold", "wants out"),
        [
            (
                "recorded",
                f"{was.z:.6f}",
                "0",
                f"{was.score:.6f}",
                was.threshold,
                _yes(was.wants_out),
            ),
            _row(now),
        ],
    )
    say("")
    say(f"a neutral market acts as {now.neutral:g}; {_entry_text(now)}")


def _row(now: ActingScore) -> tuple[object, ...]:
    numbers = (f"{now.z:.6f}", f"{now.z0:.6f}", f"{now.score:.6f}")
    return ("acting", *numbers, now.threshold, _yes(now.wants_out))


def _yes(wants_out: bool) -> str:
    return "yes" if wants_out else "no"


def _entry_text(now: ActingScore) -> str:
    if now.entry_scale is None:
        return f"from {now.threshold:g} on an entry is refused"
    return f"an entry may have {percent_text(now.entry_scale, 0)} of its size"
