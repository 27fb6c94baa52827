"""A comparison of exits to look at: one HTML file that needs nothing but a browser."""

from collections.abc import Sequence

import msgspec
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from quantum_trader.app.comparison.wanted import Answer
from quantum_trader.app.comparison.words import (
    MEASURES,
    conditions_text,
    counts_text,
    interval_text,
    number_text,
)
from quantum_trader.app.standalone import data_for_script, plotly_script, template_text
from quantum_trader.research.exits_compare import common
from quantum_trader.research.exits_verdict import p_text
from quantum_trader.research.paired import Floats
from quantum_trader.research.policy_row import Run, results_r, results_usd


class PolicyChart(msgspec.Struct, frozen=True, kw_only=True):
    """One policy's results: R of every trade, and means with intervals in both units."""

    name: str
    r: list[float]
    mean_r: float | None
    ci_r: tuple[float, float] | None
    mean_usd: float | None
    ci_usd: tuple[float, float] | None


class PairChart(msgspec.Struct, frozen=True, kw_only=True):
    """Policy minus base, summed up over their common entries in the order of time.

    ``t`` has the epoch ms of every entry.
    """

    name: str
    t: list[int]
    r: list[float]
    usd: list[float]


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page's script draws."""

    base: str
    policies: list[PolicyChart]
    pairs: list[PairChart]


def render(answer: Answer, runs: Sequence[Run]) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("quantum_trader.app"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "number": number_text,
        "interval": interval_text,
        "p": lambda p: "n/a" if p is None else p_text(p),
        "counts": counts_text,
    }
    return environment.get_template("exits/compare.html").render(
        answer=answer,
        base=answer.policies[0].name,
        measures=MEASURES,
        conditions=conditions_text(answer.conditions),
        data=data_for_script(msgspec.json.encode(draw(answer, runs))),
        css=template_text("report/report.css"),
        own_css=template_text("exits/compare.css"),
        script=template_text("exits/compare.js"),
        plotly=plotly_script(),
    )


def draw(answer: Answer, runs: Sequence[Run]) -> Drawn:
    """The columns behind all charts."""
    base, *others = runs
    charts = [
        PolicyChart(
            name=row.name,
            r=_short(results_r(run.trades), 4),
            mean_r=row.expectancy_r,
            ci_r=row.ci_r,
            mean_usd=row.expectancy_usd,
            ci_usd=row.ci_usd,
        )
        for row, run in zip(answer.policies, runs, strict=True)
    ]
    return Drawn(base=base.policy, policies=charts, pairs=[_pair(run, base) for run in others])


def _pair(run: Run, base: Run) -> PairChart:
    ours, theirs = common(run, base)
    return PairChart(
        name=run.policy,
        t=[trade.opened_ms for trade in ours],
        r=_short(np.cumsum(results_r(ours) - results_r(theirs)), 4),
        usd=_short(np.cumsum(results_usd(ours) - results_usd(theirs)), 2),
    )


def _short(values: Floats, digits: int) -> list[float]:
    rounded: list[float] = np.round(values, digits).tolist()
    return rounded
