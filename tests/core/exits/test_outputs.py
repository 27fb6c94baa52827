"""Plans in the forms that others read: signs are kept, and what is not there is None."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.outputs import (
    outputs_of,
    to_dynamic_tpsl,
    to_partial_exit_config,
    to_trailing_config,
)
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.exits.policy import POLICIES, policy_of
from tests.core.exits.contexts import a_leg, a_plan
from tests.core.exits.plan_asks import INPUTS, inputs


def test_a_ladder_is_told_by_its_first_target_and_its_stop() -> None:
    found = to_dynamic_tpsl(policy_of("dynamic")(inputs()))
    assert found.tp_frac == pytest.approx(0.015)
    assert found.sl_frac == -0.025
    assert found.trail_callback_frac == 0.015
    assert found.partial
    assert found.rationale.startswith("targets by")
    assert found.confidence == 0.75


def test_a_locked_profit_stays_a_profit() -> None:
    locked = policy_of("dynamic")(inputs(margin_profit_frac=0.15))
    found = to_dynamic_tpsl(locked)
    assert found.sl_frac == 0.002
    assert found.tp_frac == pytest.approx(0.0225)
    assert not found.partial
    assert found.trail_callback_frac is None


def test_what_a_plan_does_not_have_is_none_and_not_something_usual() -> None:
    emergency = policy_of("dynamic")(inputs(risk_mode="ESS_ACTIVE"))
    found = to_dynamic_tpsl(emergency)
    assert (found.tp_frac, found.sl_frac, found.trail_callback_frac) == (None, None, None)
    assert to_trailing_config(emergency) is None
    assert to_partial_exit_config(emergency) == ()
    assert to_trailing_config(policy_of("static_3_4")(inputs())) is None


def test_a_trail_begins_at_its_own_activation() -> None:
    found = to_trailing_config(policy_of("profile:TREND_DEFAULT")(inputs()))
    assert found is not None
    assert (found.callback_frac, found.activation_r, found.size_frac) == (0.02, 1.5, 0.35)
    assert found.activation_frac == pytest.approx(1.5 * 0.025)
    assert found.tightening == ((3.0, 0.015), (5.0, 0.01))


def test_partial_exits_are_told_nearest_first_and_the_trail_last() -> None:
    found = to_partial_exit_config(policy_of("profile:TREND_DEFAULT")(inputs()))
    assert [each.kind for each in found] == ["TP", "TP", "TP", "TRAIL"]
    assert [each.trigger_frac for each in found] == [
        pytest.approx(0.0125),
        pytest.approx(0.025),
        pytest.approx(0.05),
        None,
    ]
    assert [each.size_frac for each in found] == [0.15, 0.20, 0.30, 0.35]
    assert [each.trail_callback_frac for each in found] == [None, None, None, 0.02]
    assert found[0].reason == "target 1 of 3"


def test_all_forms_are_of_the_same_plan() -> None:
    plan = policy_of("profile:TREND_DEFAULT")(inputs())
    found = outputs_of(plan)
    assert found.dynamic_tpsl == to_dynamic_tpsl(plan)
    assert found.trailing_config == to_trailing_config(plan)
    assert found.partial_exit_config == to_partial_exit_config(plan)


@given(policy=st.sampled_from([*POLICIES, "static_3_4"]), asked=INPUTS)
def test_partial_exits_of_any_ladder_sell_all_of_the_initial_quantity(
    policy: str, asked: PlanInputs
) -> None:
    found = to_partial_exit_config(policy_of(policy)(asked))
    assert sum(each.size_frac for each in found) == pytest.approx(1.0, abs=1e-9)


def test_two_targets_are_a_ladder() -> None:
    legs = (a_leg("TP", 0.5, 0.01), a_leg("TP", 0.5, 0.02), a_leg("SL", 1.0, -0.01))
    assert to_dynamic_tpsl(a_plan(legs=legs)).partial
    assert not to_dynamic_tpsl(a_plan(legs=legs[1:])).partial
