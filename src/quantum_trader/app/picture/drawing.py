"""A scene as a file: PNG, SVG or PDF, by the ending of its name."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from quantum_trader.app.picture.frame import bounds, is_outside
from quantum_trader.app.picture.scene import Mark, Scene
from quantum_trader.app.picture.spread import spread
from quantum_trader.core.errors import ConfigError, UsageError
from quantum_trader.core.units import sign_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = (".png", ".svg", ".pdf")
WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 12.8, 8.4, 125
LINE_ENDS, LABEL_BEGINS = 0.615, 0.645
"""Where level lines end and labels begin, as parts of the width."""
LABEL_GAP_FRAC = 0.062
"""The height of a label of two lines, as a part of the picture's."""
R_STEPS = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
R_TICKS_MAX = 11
MINUS = "\u2212"

INK, QUIET, LINE, PAPER = "#14181d", "#5a6472", "#d5dae1", "#ffffff"
GOOD, BAD, ACCENT, WARN = "#0b7f61", "#c03a22", "#2c66d1", "#8a5a00"
COLOURS = {
    "entry": INK,
    "stop": BAD,
    "target": GOOD,
    "break_even": QUIET,
    "trail": ACCENT,
    "liquidation": WARN,
}
DASHES = {
    "entry": "solid",
    "stop": "solid",
    "target": (0, (6, 3)),
    "break_even": (0, (1, 2)),
    "trail": (0, (3, 2)),
    "liquidation": (0, (2, 2)),
}


def check_file(file: Path) -> None:
    """Find out before the work whether a picture can be made and kept there.

    Raises ``UsageError`` for a name or folder that will not do, and ``ConfigError`` where the
    library that draws is not installed.
    """
    if file.suffix.lower() not in KINDS:
        raise UsageError(f"--picture {file}: the name of a picture ends in {', '.join(KINDS)}")
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UsageError(f"--picture {file}: name a file in a folder that exists")
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "pictures are drawn with matplotlib, which is not installed: "
            "install quantum-trader[research]"
        )


def save(scene: Scene, file: Path) -> None:
    """Draw a scene into a file. Raises ``UsageError`` when it cannot be written."""
    figure = draw(scene)
    try:
        figure.savefig(file, dpi=DOTS_PER_IN, facecolor=PAPER, metadata=_undated(file))
    except OSError as error:
        raise UsageError(f"--picture {file}: cannot be written ({error.strerror})") from error


def draw(scene: Scene) -> "Figure":
    """The picture, not yet written anywhere."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
    axes = figure.add_axes((0.075, 0.085, 0.80, 0.775))
    low, high = bounds(scene)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(low, high)
    _dress(axes, scene)
    _zones(axes, scene, low, high)
    _levels(axes, scene, low, high)
    _way(axes, scene)
    _labels(axes, scene, low, high)
    _second_axis(axes, scene, low, high)
    _words(figure, scene)
    return figure


def _undated(file: Path) -> dict[str, str | None]:
    """The same scene gives the same file, so no date is written into it."""
    name = {".svg": "Date", ".pdf": "CreationDate"}.get(file.suffix.lower())
    return {} if name is None else {name: None}


def _dress(axes: "Axes", scene: Scene) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    digits = max(0, -int(scene.entry_price.normalize().as_tuple().exponent))
    step_digits = max(digits, _digits_for(scene.risk_price))
    axes.set_facecolor(PAPER)
    axes.yaxis.set_major_locator(MaxNLocator(9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda price, _: f"{price:,.{step_digits}f}"))
    axes.tick_params(axis="y", colors=QUIET, labelsize=10, length=0)
    axes.set_ylabel("price", color=QUIET, fontsize=11)
    axes.set_xticks([])
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_color(LINE)


def _digits_for(risk_price: float) -> int:
    """Digits after the point that tell tenths of one R apart."""
    digits = 0
    while risk_price * 10**digits < 10 and digits < 8:
        digits += 1
    return digits


def _zones(axes: "Axes", scene: Scene, low: float, high: float) -> None:
    """Losing and winning, in the faintest of colours."""
    entry = float(scene.entry_price)
    below, above = (BAD, GOOD) if scene.side == "LONG" else (GOOD, BAD)
    axes.axhspan(low, entry, xmax=LINE_ENDS, color=below, alpha=0.045, linewidth=0)
    axes.axhspan(entry, high, xmax=LINE_ENDS, color=above, alpha=0.045, linewidth=0)


def _levels(axes: "Axes", scene: Scene, low: float, high: float) -> None:
    for mark in scene.marks:
        if is_outside(mark, low, high):
            continue
        price, dash = float(mark.price), DASHES[mark.kind]
        width = 1.6 if mark.kind in ("entry", "stop") else 1.2
        axes.plot(
            [0.0, LINE_ENDS], [price, price], color=COLOURS[mark.kind], linewidth=width,
            linestyle=dash, zorder=2, solid_capstyle="butt",
        )  # fmt: skip


def _way(axes: "Axes", scene: Scene) -> None:
    """The made-up price, the stop behind it, and where parts of the position leave."""

    def placed(points: tuple[tuple[float, float], ...]) -> tuple[list[float], list[float]]:
        return [at * (LINE_ENDS - 0.03) + 0.01 for at, _ in points], [price for _, price in points]

    if scene.way:
        axes.plot(*placed(scene.way), color=INK, linewidth=2.0, zorder=4, label="price (made up)")
    if scene.stops:
        axes.plot(
            *placed(scene.stops), color=BAD, linewidth=2.2, zorder=3,
            drawstyle="steps-post", label="stop",
        )  # fmt: skip
    if scene.sales:
        axes.plot(
            *placed(scene.sales), linestyle="none", marker="o", markersize=8, zorder=5,
            color=GOOD, markeredgecolor=PAPER, markeredgewidth=1.5, label="a part leaves",
        )  # fmt: skip
    if scene.way:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=10,
            labelcolor=QUIET, borderaxespad=0.2, borderpad=0.0, handlelength=1.8,
        )  # fmt: skip


def _labels(axes: "Axes", scene: Scene, low: float, high: float) -> None:
    """Names and numbers beside the lines, joined to them where they had to move."""
    height = high - low
    gap = height * LABEL_GAP_FRAC
    edge = gap * 0.55
    marks = sorted(scene.marks, key=lambda mark: mark.price)
    wanted = [min(max(float(mark.price), low), high) for mark in marks]
    places = spread(wanted, gap, low + edge, high - edge)
    for mark, price, place in zip(marks, wanted, places, strict=True):
        outside = is_outside(mark, low, high)
        colour = COLOURS[mark.kind]
        axes.plot(
            [LINE_ENDS, LABEL_BEGINS - 0.006], [price, place], color=colour, linewidth=0.9,
            linestyle=":" if outside else "solid", zorder=1,
        )  # fmt: skip
        axes.text(
            LABEL_BEGINS, place + gap * 0.03, mark.name, color=colour, fontsize=11,
            fontweight="bold", va="bottom", ha="left",
        )  # fmt: skip
        axes.text(
            0.992, place + gap * 0.03, _price_text(mark), color=colour, fontsize=11,
            fontweight="bold", va="bottom", ha="right",
        )  # fmt: skip
        axes.text(
            LABEL_BEGINS, place - gap * 0.03, _numbers(scene, mark, outside=outside),
            color=QUIET, fontsize=9.5, va="top", ha="left",
        )  # fmt: skip


def _price_text(mark: Mark) -> str:
    return f"{mark.price:,f}"


def _numbers(scene: Scene, mark: Mark, *, outside: bool) -> str:
    """Distance in per cent and R, money, and what happens there."""
    frac = sign_of(scene.side) * float(mark.price / scene.entry_price - 1)
    r = scene.r_at(float(mark.price))
    parts = [] if mark.kind == "entry" else [f"{_signed(frac * 100)} %", f"{_signed(r)} R"]
    parts += [mark.note] if mark.note and not outside else []
    parts += ["beyond this picture"] if outside else []
    return "   ".join(parts)


def _second_axis(axes: "Axes", scene: Scene, low: float, high: float) -> None:
    """R and money of the whole position, on the right."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    ends = sorted((scene.r_at(low), scene.r_at(high)))
    step = next(
        (each for each in R_STEPS if (ends[1] - ends[0]) / each <= R_TICKS_MAX), R_STEPS[-1]
    )
    first, last = int(ends[0] / step), int(ends[1] / step)
    ticks = [number * step for number in range(first, last + 1)]
    risk_usd = float(scene.risk_usd)
    second = axes.twinx()
    second.set_ylim(scene.r_at(low), scene.r_at(high))
    second.yaxis.set_major_locator(FixedLocator(ticks))
    second.yaxis.set_major_formatter(
        FuncFormatter(lambda r, _: f"{_signed(r)} R\n{_signed(r * risk_usd)} USDT")
    )
    second.tick_params(axis="y", colors=QUIET, labelsize=9, length=4, color=LINE)
    for side in ("top", "right", "left", "bottom"):
        second.spines[side].set_visible(False)
    for r in ticks:
        axes.axhline(scene.price_at(r), xmax=LINE_ENDS, color=LINE, linewidth=0.6, zorder=0)


def _words(figure: "Figure", scene: Scene) -> None:
    figure.text(0.075, 0.945, scene.title, color=INK, fontsize=17, fontweight="bold")
    figure.text(0.075, 0.908, scene.subtitle, color=QUIET, fontsize=11)
    figure.text(0.075, 0.035, scene.remark, color=QUIET, fontsize=10, va="center")


def _signed(value: float) -> str:
    text = f"{value:+,.2f}".replace("-", MINUS)
    return "0.00" if not float(f"{value:.2f}") else text
