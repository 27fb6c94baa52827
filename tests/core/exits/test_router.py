"""Which plan a position has: its own and nobody else's, as long as it is good."""

from typing import Any

import msgspec
import pytest

from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.exits.router import Holding, get_active, get_or_create, invalidate
from tests.core.exits.plan_asks import NOW_MS, inputs


def holding(**changes: Any) -> Holding:
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "position_id": "p1",
        "side": "LONG",
        "entry_price": 100.0,
    }
    return Holding(**{**values, **changes})


class Maker:
    """Makes plans for a position, and counts them."""

    def __init__(self, holding: Holding, now_ms: int = NOW_MS) -> None:
        self.made = 0
        self._inputs = inputs(now_ms=now_ms, **msgspec.structs.asdict(holding))

    def __call__(self) -> ExitPlan:
        self.made += 1
        return policy_of("profile")(self._inputs)


def test_a_position_keeps_the_plan_that_was_made_for_it() -> None:
    plans: dict[str, ExitPlan] = {}
    make = Maker(holding())
    first = get_or_create(plans, holding(), NOW_MS, make)
    assert get_or_create(plans, holding(), NOW_MS + 1_000, make) is first
    assert get_active(plans, holding(), NOW_MS) is first
    assert make.made == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "SHORT"},
        {"position_id": "p2"},
        {"position_id": "p2", "side": "SHORT"},
        {"entry_price": 101.0},
        {"entry_price": 99.4},
    ],
    ids=["flip under one id", "next position", "flip", "entry above", "entry below"],
)
def test_a_flip_or_another_position_never_reuses_a_plan(changes: dict[str, Any]) -> None:
    plans: dict[str, ExitPlan] = {}
    first = get_or_create(plans, holding(), NOW_MS, Maker(holding()))
    other = holding(**changes)
    assert get_active(plans, other, NOW_MS) is None
    second = get_or_create(plans, other, NOW_MS, Maker(other))
    assert second is not first
    assert (second.side, second.position_id) == (other.side, other.position_id)
    assert get_active(plans, holding(), NOW_MS) is None
    assert list(plans.values()) == [second]


def test_plans_of_other_symbols_stay() -> None:
    plans: dict[str, ExitPlan] = {}
    other = holding(symbol="ETHUSDT")
    get_or_create(plans, other, NOW_MS, Maker(other))
    get_or_create(plans, holding(), NOW_MS, Maker(holding()))
    assert get_active(plans, other, NOW_MS) is not None
    assert get_active(plans, holding(), NOW_MS) is not None


def test_the_slips_of_one_entry_do_not_make_another_position() -> None:
    plans: dict[str, ExitPlan] = {}
    first = get_or_create(plans, holding(), NOW_MS, Maker(holding()))
    assert get_active(plans, holding(entry_price=100.4), NOW_MS) is first
    assert get_active(plans, holding(entry_price=99.6), NOW_MS) is first


def test_a_plan_ends_when_it_said_it_would() -> None:
    plans: dict[str, ExitPlan] = {}
    first = get_or_create(plans, holding(), NOW_MS, Maker(holding()))
    assert get_active(plans, holding(), first.expires_ms - 1) is first
    assert get_active(plans, holding(), first.expires_ms) is None
    late = first.expires_ms
    renewed = get_or_create(plans, holding(), late, Maker(holding(), late))
    assert renewed.expires_ms > first.expires_ms
    assert list(plans.values()) == [renewed]


def test_an_invalidated_plan_is_made_anew() -> None:
    plans: dict[str, ExitPlan] = {}
    make = Maker(holding())
    first = get_or_create(plans, holding(), NOW_MS, make)
    assert invalidate(plans, "BTCUSDT", "p1") is first
    assert invalidate(plans, "BTCUSDT", "p1") is None
    assert get_active(plans, holding(), NOW_MS) is None
    get_or_create(plans, holding(), NOW_MS, make)
    assert make.made == 2


@pytest.mark.parametrize("changes", [{"side": "SHORT"}, {"position_id": "p9"}, {"symbol": "X"}])
def test_a_plan_made_for_somebody_else_is_not_kept(changes: dict[str, Any]) -> None:
    plans: dict[str, ExitPlan] = {}
    with pytest.raises(ValueError, match="was made for"):
        get_or_create(plans, holding(), NOW_MS, Maker(holding(**changes)))
    assert not plans


def test_plans_survive_a_restart() -> None:
    plans: dict[str, ExitPlan] = {}
    first = get_or_create(plans, holding(), NOW_MS, Maker(holding()))
    again = msgspec.json.decode(msgspec.json.encode(plans), type=dict[str, ExitPlan])
    assert get_active(again, holding(), NOW_MS) == first
