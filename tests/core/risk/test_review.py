"""The review asks every gate and approves only when none says no."""

from decimal import Decimal

import pytest

from quantum_trader.core.events import Refusal
from quantum_trader.core.risk import review as review_module
from quantum_trader.core.risk.case import EntryCase
from quantum_trader.core.risk.gates import GATES
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.risk.review import ApprovedIntent, review
from tests.core.risk.cases import NOW_MS, a_case, an_intent


def test_a_case_without_objection_is_approved_with_all_it_stands_on() -> None:
    case = a_case()
    approved = review(case, RiskLimits())
    assert isinstance(approved, ApprovedIntent)
    assert approved.case is case


def test_all_reasons_are_listed_in_the_order_of_the_gates() -> None:
    case = a_case(
        intent=an_intent(at_ms=NOW_MS - 10**6),
        safe_drain=True,
        open_positions=10,
        available_usd=Decimal(0),
    )
    refusals = review(case, RiskLimits())
    assert isinstance(refusals, tuple)
    assert [no.gate for no in refusals] == [
        "safe_drain_off",
        "fresh",
        "positions_below_max",
        "margin_available",
    ]


def test_every_gate_is_asked_even_after_the_first_no(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def gate(number: int, case: EntryCase, limits: RiskLimits) -> Refusal | None:
        asked.append(number)
        return Refusal("never", "always no, for a reason") if number == 0 else None

    counting = [lambda case, limits, n=n: gate(n, case, limits) for n in range(len(GATES))]
    monkeypatch.setattr(review_module, "GATES", counting)
    assert isinstance(review(a_case(), RiskLimits()), tuple)
    assert asked == list(range(len(GATES)))
