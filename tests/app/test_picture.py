"""The picture of a position: nothing overlaps, nothing lies outside, and it shows what is true."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from quantum_trader.app.cli.plan_answer import outline_of
from quantum_trader.app.picture.drawing import check_file, draw, save
from quantum_trader.app.picture.frame import bounds, is_outside
from quantum_trader.app.picture.outline import Outline
from quantum_trader.app.picture.position_scene import scene_of
from quantum_trader.app.picture.scene import Mark, Scene
from quantum_trader.app.picture.spread import spread
from quantum_trader.app.picture.walk import walk
from quantum_trader.app.preview import Entry, preview
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError, UsageError
from quantum_trader.core.risk.draft import Problem
from quantum_trader.core.units import Side, sign_of
from tests.support import some_rules

POLICIES = (
    "adaptive",
    "dynamic",
    "hints",
    "profile:TREND_DEFAULT",
    "profile:RANGE_DEFAULT",
    "profile:VOLATILE_DEFAULT",
    "profile:CHOP_DEFAULT",
    "profile:NORMAL_DEFAULT",
    "profile:CHALLENGE_100",
    "static_3_4",
)
PRICES = {"BTCUSDT": "60000", "SOLUSDT": "151.37", "ETHUSDT": "3021.5"}


def an_outline(
    policy: str = "adaptive", side: Side = "LONG", leverage: int = 10, symbol: str = "BTCUSDT"
) -> Outline:
    """A position of about 10,000 USDT, left by this policy."""
    instrument = DEFAULT_INSTRUMENTS[symbol]
    price = Decimal(PRICES[symbol])
    entry = Entry(
        instrument=instrument,
        side=side,
        leverage=leverage,
        entry_price=price,
        qty=instrument.floor_qty(10_000 / price),
        notional_usd=None,
        confidence=None,
        regime=None,
        volatility_factor=None,
        trend=None,
        funding_rate_frac=None,
        divergence=None,
    )
    rules = some_rules()
    exits = msgspec.structs.replace(rules.exits, policy=policy)
    rules = msgspec.structs.replace(rules, exits=exits)
    draft = preview(entry, rules)
    assert not isinstance(draft, Problem), draft
    return outline_of(entry, draft, rules)


def a_scene(marks: Sequence[Mark], side: Side = "LONG") -> Scene:
    """A long from 100 with a stop at 99, without a way of the price."""
    return Scene(
        title="A",
        subtitle="b",
        remark="c",
        side=side,
        entry_price=Decimal(100),
        stop_price=Decimal(99),
        risk_usd=Decimal(10),
        marks=(Mark("entry", "entry", Decimal(100), ""), *marks),
        way=(),
        stops=(),
        sales=(),
    )


@given(
    st.lists(st.floats(-50, 150), max_size=14),
    st.floats(0.1, 20),
)
def test_labels_are_apart_in_order_and_inside(wanted: list[float], gap: float) -> None:
    places = spread(wanted, gap, 0.0, 100.0)
    apart = min(gap, 100.0 / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    assert all(-1e-9 <= place <= 100.0 + 1e-9 for place in places)
    for before, after in pairwise(order):
        assert places[after] - places[before] >= apart - 1e-9


@given(st.lists(st.integers(1, 9), max_size=9, unique=True))
def test_labels_that_are_apart_stay_where_they_belong(tens: list[int]) -> None:
    wanted = [float(10 * each) for each in tens]
    assert spread(wanted, 9.5, 0.0, 100.0) == pytest.approx(wanted)


def test_labels_that_would_touch_share_the_way() -> None:
    assert spread([50.0, 50.0], 10.0, 0.0, 100.0) == [45.0, 55.0]
    assert spread([50.0, 52.0, 90.0], 10.0, 0.0, 100.0) == [46.0, 56.0, 90.0]
    assert spread([1.0, 99.0, 98.0], 10.0, 0.0, 100.0) == [1.0, 100.0, 90.0]
    assert spread([], 10.0, 0.0, 100.0) == []


@given(st.lists(st.floats(0, 100), min_size=2, max_size=4), st.floats(1, 20), st.data())
def test_no_other_places_are_nearer_to_the_wishes(
    wanted: list[float], gap: float, data: st.DataObject
) -> None:
    places = spread(wanted, gap, -1e4, 1e4)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    other, last = [0.0] * len(wanted), -1e4
    for place in order:
        last = other[place] = data.draw(st.floats(last, last + 1.2e4))
        last += gap
    assert _way(places, wanted) <= _way(other, wanted) + 1e-6


def _way(places: list[float], wanted: list[float]) -> float:
    return sum((one - two) ** 2 for one, two in zip(places, wanted, strict=True))


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_stop_only_tightens_and_at_the_end_nothing_is_left(policy: str, side: Side) -> None:
    outline = an_outline(policy, side)
    walked, sign = walk(outline), sign_of(side)
    stops = [stop * sign for _, stop in walked.stops]
    assert stops == sorted(stops)
    assert walked.stops[0][1] == float(outline.stop_price)
    assert len(walked.sales) == len(outline.legs) + (outline.runner_qty > 0)
    assert walked.sales[-1][0] == walked.way[-1][0] == 1.0
    sold = [price for _, price in walked.sales][: len(outline.legs)]
    assert sold == [float(leg.price) for leg in outline.legs]


def test_the_stop_follows_by_the_rules_that_decide_about_real_positions() -> None:
    outline = an_outline()
    stops = {stop for _, stop in walk(outline).stops}
    break_even = outline.break_even()
    assert break_even == Decimal("60054.0"), "both fees of 0.04 % and a spread of 0.01 %"
    assert {float(break_even), float(outline.target_prices[0])} <= stops


def test_a_first_target_just_beyond_break_even_does_not_end_the_way() -> None:
    outline = an_outline("profile:CHOP_DEFAULT", "LONG", 20, "ETHUSDT")
    break_even, first = outline.break_even(), outline.target_prices[0]
    assert break_even is not None
    assert 0 < first - break_even <= outline.instrument.tick
    assert len(walk(outline).sales) == 3


def test_a_runner_leaves_at_its_trailing_stop_and_its_profit_is_locked_in() -> None:
    outline = an_outline("profile:TREND_DEFAULT")
    walked = walk(outline)
    peak = max(price for _, price in walked.way)
    (_, left_at), entry = walked.sales[-1], float(outline.entry_price)
    assert left_at == pytest.approx(peak - 0.01 * entry, rel=1e-3), "one per cent from 5 R on"
    assert left_at > float(outline.target_prices[-1])


def test_long_and_short_are_mirrors() -> None:
    long, short = walk(an_outline(side="LONG")), walk(an_outline(side="SHORT"))
    assert len(long.way) == len(short.way)
    entry = 60_000.0
    for (_, up), (_, down) in zip(long.way, short.way, strict=True):
        assert up - entry == pytest.approx(entry - down, abs=1.0)


def texts(figure: Figure) -> list[Text]:
    """Every text that can be seen."""
    figure.draw_without_rendering()
    return [one for one in figure.findobj(Text) if one.get_visible() and one.get_text()]


@pytest.mark.parametrize(
    "outline",
    [
        an_outline("profile:TREND_DEFAULT", "LONG", 5),
        an_outline("dynamic", "SHORT", 25, "SOLUSDT"),
        an_outline("profile:RANGE_DEFAULT", "SHORT", 10, "ETHUSDT"),
    ],
    ids=["long", "short", "narrow"],
)
def test_no_text_lies_on_another_or_outside_the_picture(outline: Outline) -> None:
    figure = draw(scene_of(outline))
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts(figure)]
    assert len(boxes) > 30
    whole = figure.bbox
    for text, box in boxes:
        assert box.x0 >= whole.x0, text
        assert box.x1 <= whole.x1, text
        assert box.y0 >= whole.y0, text
        assert box.y1 <= whole.y1, text
    for (one, its), (other, others) in combinations(boxes, 2):
        shared = (
            min(its.x1, others.x1) - max(its.x0, others.x0),
            min(its.y1, others.y1) - max(its.y0, others.y0),
        )
        assert min(shared) <= 1.0, f"{one!r} lies on {other!r}"


def test_a_picture_says_every_level_with_its_price_and_its_money() -> None:
    outline = an_outline("profile:TREND_DEFAULT", leverage=5)
    said = " ".join(one.get_text() for one in texts(draw(scene_of(outline))))
    for price in (outline.stop_price, *(leg.price for leg in outline.legs)):
        assert f"{price:,f}" in said
    assert f"−{outline.risk_usd:,.2f} USDT" in said
    for word in ("trail begins", "trail tightens", "break-even", "liquidation", "made up"):
        assert word in said
    assert "+1.00 R" in said


def test_a_far_liquidation_is_told_at_the_edge_and_does_not_squeeze_the_rest() -> None:
    target = Mark("target", "target 1", Decimal(102), "")
    stop = Mark("stop", "first stop", Decimal(99), "")
    far = Mark("liquidation", "liquidation", Decimal(50), "")
    near = Mark("liquidation", "liquidation", Decimal("98.5"), "")
    low, high = bounds(a_scene([target, stop, far]))
    assert (low, high) == pytest.approx((98.82, 102.18))
    assert is_outside(far, low, high)
    assert "beyond this picture" in " ".join(
        one.get_text() for one in texts(draw(a_scene([target, stop, far])))
    )
    assert not is_outside(near, *bounds(a_scene([target, stop, near])))


def test_r_and_price_are_two_scales_of_one_thing() -> None:
    long = a_scene([])
    short = msgspec.structs.replace(long, side="SHORT", stop_price=Decimal(101))
    assert [long.r_at(102.0), short.r_at(98.0), long.r_at(99.0)] == [2.0, 2.0, -1.0]
    for scene in (long, short):
        assert scene.r_at(scene.price_at(1.7)) == pytest.approx(1.7)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_is_a_file_and_the_same_position_is_the_same_picture(
    tmp_path: Path, kind: str
) -> None:
    scene = scene_of(an_outline())
    one, two = tmp_path / f"one.{kind}", tmp_path / f"two.{kind}"
    save(scene, one)
    if kind == "png":
        save(scene, two)
        assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_size > 5_000
    assert one.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")


def test_a_file_that_cannot_be_is_found_out_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_file(tmp_path / "plan.PNG")
    for name, words in (("plan.bmp", "ends in .png"), ("no/plan.png", "folder that exists")):
        with pytest.raises(UsageError, match=words):
            check_file(tmp_path / name)
    monkeypatch.setattr("quantum_trader.app.picture.drawing.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"quantum-trader\[research\]"):
        check_file(tmp_path / "plan.png")
