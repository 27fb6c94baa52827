"""From a position with its levels to the scene that is drawn."""

from decimal import Decimal

from quantum_trader.app.picture.outline import Outline
from quantum_trader.app.picture.scene import Mark, Scene
from quantum_trader.app.picture.walk import walk
from quantum_trader.app.story.exits import circumstances, plain
from quantum_trader.core.units import percent_text, usd_text

REMARK = (
    "The price is made up; the stop follows it as the exit rules move it. R and USDT on the right: "
    "the whole position, before costs."
)


def scene_of(outline: Outline) -> Scene:
    """A position with everything that is decided about leaving it."""
    walked = walk(outline)
    symbol, plan = outline.instrument.symbol, outline.plan
    worth_usd = outline.qty * outline.entry_price
    return Scene(
        title=f"{symbol} {outline.side} {outline.qty} at {outline.entry_price:,f}, "
        f"{outline.leverage}x",
        subtitle=f"{plain(plan.profile).lower()}: {circumstances(plan)}     worth "
        f"{usd_text(worth_usd)}, margin {usd_text(worth_usd / outline.leverage)}",
        remark=REMARK,
        side=outline.side,
        entry_price=outline.entry_price,
        stop_price=outline.stop_price,
        risk_usd=outline.risk_usd,
        marks=tuple(_marks(outline)),
        way=walked.way,
        stops=walked.stops,
        sales=walked.sales,
    )


def _marks(outline: Outline) -> list[Mark]:
    verb = "bought" if outline.side == "LONG" else "sold"
    found = [
        Mark("entry", "entry", outline.entry_price, f"{outline.qty} {verb}"),
        Mark("stop", "first stop", outline.stop_price, f"\u2212{usd_text(outline.risk_usd)}"),
        *(_target(outline, number) for number in range(len(outline.legs))),
        *_trail(outline),
    ]
    break_even = outline.break_even()
    if break_even is not None:
        found.append(Mark("break_even", "break-even", break_even, "stop after target 1"))
    if outline.liquidation_price is not None:
        found.append(Mark("liquidation", "liquidation", outline.liquidation_price, ""))
    return found


def _target(outline: Outline, number: int) -> Mark:
    leg = outline.legs[number]
    gain = usd_text(outline.gain_usd(leg.price, leg.qty))
    note = f"{_share(leg.frac)} leave: +{gain}"
    return Mark("target", f"target {leg.stage}", leg.price, note)


def _trail(outline: Outline) -> list[Mark]:
    """Where the runner's stop begins to follow, and where it follows closer."""
    trail = outline.plan.trail
    if trail is None or outline.runner_qty <= 0:
        return []
    share = _share(outline.runner_qty / outline.qty)
    begins = f"{share} follow, {percent_text(trail.callback_frac)} behind"
    return [
        Mark("trail", "trail begins", outline.at_r(trail.activation_r), begins),
        *(
            Mark("trail", "trail tightens", outline.at_r(r), f"{percent_text(frac)} behind")
            for r, frac in trail.tightening
        ),
    ]


def _share(frac: Decimal) -> str:
    """A part of the position: "30 %", and "22.5 %" where it is not a whole number."""
    return f"{percent_text(frac, 1).removesuffix('.0 %').removesuffix(' %')} %"
