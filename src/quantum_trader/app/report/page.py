"""The report: one HTML file that needs nothing but a browser."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from quantum_trader.app.replay import ReplayResult
from quantum_trader.app.report import charts, words
from quantum_trader.app.report.periods import periods
from quantum_trader.app.report.summary import Setup, Summary
from quantum_trader.app.report.thinning import bars_of
from quantum_trader.app.report.tiles import proof_tiles, result_tiles
from quantum_trader.app.report.trades import TRADES_MAX, TradeView, trade_views
from quantum_trader.core.errors import ConfigError

PLOTLY = "package_data/plotly.min.js"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page's script draws. ``trades`` may be fewer than ``trades_total``."""

    equity: charts.EquityChart
    costs: charts.CostChart
    r: charts.Histogram
    exits: list[charts.Exits]
    markets: dict[str, charts.Candles]
    breaks: list[tuple[int, int]]
    trades: list[TradeView]
    trades_total: int


def render(result: ReplayResult, setup: Setup, summary: Summary) -> str:
    """The whole page. Raises ``ConfigError`` where the chart library is not installed."""
    drawn = draw(result, setup)
    page = _environment().get_template("report/report.html")
    return page.render(
        headline=words.headline(summary),
        subject=words.subject(summary, setup),
        assumptions=words.assumptions(setup),
        summary=summary,
        source=setup.source,
        results=result_tiles(summary),
        proofs=proof_tiles(summary),
        periods=periods(result),
        trades_shown=len(drawn.trades),
        trades_max=TRADES_MAX,
        has_breaks=bool(drawn.breaks),
        data=_for_script(msgspec.json.encode(drawn)),
        css=_text("report.css"),
        story_script=_text("story.js"),
        script=_text("report.js"),
        plotly=_plotly(),
    )


def draw(result: ReplayResult, setup: Setup) -> Drawn:
    """The columns behind all charts."""
    markets = {symbol: bars_of(candles) for symbol, candles in result.candles.items()}
    at_ms = np.array([row[0] for row in result.equity], dtype=np.int64)
    return Drawn(
        equity=charts.equity_chart(result),
        costs=charts.cost_chart(result),
        r=charts.r_histogram(result.trades),
        exits=charts.exits_chart(result.trades),
        markets=charts.market_charts(markets, setup.intervals_ms),
        breaks=charts.breaks(at_ms),
        trades=trade_views(result, markets, setup.intervals_ms),
        trades_total=len(result.trades),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("quantum_trader.app"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "signed_usd": words.signed_usd,
        "signed_percent": words.signed_percent,
        "plain": lambda text: text.replace("_", " "),
    }
    return environment


def _text(name: str) -> str:
    return files("quantum_trader.app").joinpath("templates/report", name).read_text("utf-8")


def _for_script(data: bytes) -> str:
    """JSON that no browser can take for the end of its script element."""
    return data.decode().replace("<", "\\u003c")


def _plotly() -> str:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "the report draws with plotly, which is not installed: install quantum-trader[research]"
        )
    script = (Path(spec.origin).parent / PLOTLY).read_text(encoding="utf-8")
    return script.replace("</script", "<\\/script")
