"""Policies of exits against each other: what is counted, what is called real, in which words."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from quantum_trader.research.exits_compare import Comparison, compare
from quantum_trader.research.exits_verdict import p_text, signed, verdict
from quantum_trader.research.policy_row import Run, policy_row
from tests.research.trades import HOLD_MS, a_run, a_trade, without

ENTRIES = 120
SEED = 3


def luck(count: int = ENTRIES, seed: int = 1) -> list[float]:
    """Results of about 100 USDT up or down, with no edge."""
    return [float(net) for net in np.random.default_rng(seed).normal(0.0, 100.0, count).round(2)]


def shifted(nets: Sequence[float], by_usd: float, wobble_usd: float = 20.0) -> list[float]:
    """The same market, so much better on the whole and a little different each time."""
    wobble = np.random.default_rng(9).normal(by_usd, wobble_usd, len(nets))
    return [round(net + float(more), 2) for net, more in zip(nets, wobble, strict=True)]


def told(*runs: Run) -> tuple[Comparison, str, tuple[str, ...]]:
    """The comparison and its words."""
    found = compare(runs, SEED)
    words = verdict(found)
    return found, words.text, words.pairs


def test_a_row_adds_up() -> None:
    trades = [a_trade(0, 50, 0), a_trade(1, -100, 0), a_trade(2, 200, 1), a_trade(3, -30, 2)]
    row = policy_row(Run(policy="p", trades=tuple(trades), refused={"e9": "fresh"}), SEED)
    assert (row.trades, row.refused) == (4, {"fresh": 1})
    assert row.expectancy_usd == pytest.approx(30.0)
    assert row.expectancy_r == pytest.approx(0.3)
    assert row.win_rate_frac == 0.5
    assert row.profit_factor == pytest.approx(250 / 130)
    assert row.max_drawdown_usd == pytest.approx(100.0)
    assert row.max_drawdown_r == pytest.approx(1.0)
    assert (row.tail_loss_usd, row.tail_loss_r) == (-100.0, -1.0)
    assert (row.hold_ms_mean, row.hold_ms_median) == (HOLD_MS, HOLD_MS)
    assert (row.risk_usd_mean, row.fees_usd_mean, row.funding_usd_mean) == (100.0, 5.0, 0.0)
    assert row.exits == {"targets": 2, "stop_loss": 2}
    assert row.ci_usd is not None
    assert row.ci_usd[0] < 30 < row.ci_usd[1]


def test_the_order_of_closing_makes_the_fall_whatever_order_the_facts_came_in() -> None:
    trades = [a_trade(number, net, number) for number, net in enumerate((100, -60, 90, -60))]
    rows = [
        policy_row(Run(policy="p", trades=tuple(order), refused={}), SEED)
        for order in (trades, [*trades[1::2], *trades[::2]])
    ]
    assert rows[0] == rows[1]
    assert rows[0].max_drawdown_usd == pytest.approx(60.0)


def test_a_policy_that_took_nothing_has_no_numbers_and_no_pair() -> None:
    nobody = Run(policy="nobody", trades=(), refused={"e0": "draft_exists", "e1": "draft_exists"})
    found, text, pairs = told(nobody, a_run("somebody", luck()))
    assert found.policies[0].refused == {"draft_exists": 2}
    assert found.policies[0].expectancy_r is None
    assert (found.pairs, pairs) == ((), ())
    assert text == "nobody took no trade at all."
    assert found.problems == ("nobody and somebody share no entry",)


def test_the_same_run_twice_is_told_from_nothing() -> None:
    found, text, pairs = told(a_run("one", luck()), a_run("two", luck()))
    (pair,) = found.pairs
    assert (pair.pairs, pair.days, pair.r.mean, pair.usd.mean) == (ENTRIES, ENTRIES // 2, 0.0, 0.0)
    assert (pair.r.p_corrected, pair.r.real, pair.usd.real) == (1.0, False, False)
    assert text.startswith("one cannot be told from two: what differs may be chance; nothing here")
    assert pairs[0].startswith("two and one cannot be told apart, on 120 common entries of 60 days")


def test_a_real_difference_is_called_real_in_both_directions() -> None:
    base, better = a_run("base", luck()), a_run("better", shifted(luck(), 30))
    found, text, pairs = told(base, better)
    assert found.pairs[0].r.mean == pytest.approx(0.3, abs=0.05)
    assert found.pairs[0].r.real
    assert found.pairs[0].usd.real
    assert text.startswith("base is worse than better; nothing here shows base to be better")
    assert pairs[0].startswith("better is really better than base, on 120")
    _, text, pairs = told(better, base)
    assert text.startswith("better is better than base. By itself better ")
    assert pairs[0].startswith("base is really worse than better, on 120")


def test_the_smaller_loser_still_loses() -> None:
    losing = [net - 150 for net in luck()]
    _, text, _ = told(a_run("base", shifted(losing, 30)), a_run("other", losing))
    assert text.startswith("base is better than other. By itself base lost: \u2212")


def test_few_days_are_never_called_proof() -> None:
    nets = luck(38)
    found, _, pairs = told(a_run("base", nets), a_run("better", shifted(nets, 60)))
    assert found.pairs[0].days == 19
    assert found.pairs[0].r.p_corrected is not None
    assert found.pairs[0].r.p_corrected < 0.001
    assert not found.pairs[0].r.real
    assert pairs[0].startswith("better and base: too little was seen to call anything real")


def test_many_policies_make_each_proof_harder() -> None:
    nets = luck()
    near = a_run("near", shifted(nets, 3.3))
    alone, _, _ = told(a_run("base", nets), near)
    among, _, _ = told(
        a_run("base", nets), near, *(a_run(f"n{n}", luck(seed=n)) for n in range(5, 15))
    )
    assert alone.pairs[0].r.real
    assert among.pairs[0].r.p == alone.pairs[0].r.p
    assert not among.pairs[0].r.real


def test_a_wider_stop_makes_the_same_money_less_r() -> None:
    nets = [net + 60 for net in luck()]
    base, wide = a_run("base", nets), a_run("wide", nets, risk=300.0)
    found, text, pairs = told(base, wide)
    assert found.pairs[0].r.real
    assert found.pairs[0].usd.mean == 0.0
    assert pairs[0].startswith("wide is really worse than base in R, not in money")
    assert text.startswith("base is better than wide (in R, not in money). By itself base ")


def test_a_difference_in_money_alone_says_so() -> None:
    nets = luck()
    base = a_run("base", nets)
    more = tuple(
        msgspec.structs.replace(trade, net_usd=trade.net_usd + 10) for trade in base.trades
    )
    _, text, pairs = told(base, msgspec.structs.replace(base, policy="more", trades=more))
    assert text.startswith("base is worse than more (in money, not in R); nothing here shows")
    assert pairs[0].startswith("more is really better than base in money, not in R")


def test_more_money_by_less_r_is_said_in_one_breath() -> None:
    nets = [net + 200 for net in luck()]
    _, text, pairs = told(a_run("base", nets), a_run("big", shifted(nets, 40), risk=300.0))
    assert text.startswith("In R and in money base and big differ in opposite directions; ")
    assert pairs[0].startswith("big is really worse in R and better in money")


def test_the_usual_day_may_differ_where_the_mean_does_not() -> None:
    nets = luck()
    often = [net + 10.0 for net in nets]
    often[7] -= 3_000.0
    _, _, pairs = told(a_run("base", nets), a_run("often", often))
    assert pairs[0].startswith("often and base cannot be told apart")
    assert pairs[0].endswith("by ranks), the mean does not.")


def test_an_entry_that_one_policy_refused_is_in_no_pair() -> None:
    nets = luck()
    choosy = without(a_run("choosy", nets), 5, "stop_protects")
    found, _, _ = told(a_run("base", nets), choosy)
    assert found.pairs[0].pairs == ENTRIES - 1
    assert found.policies[1].refused == {"stop_protects": 1}
    assert found.problems == ()


@pytest.mark.parametrize(
    "change",
    [{"qty": Decimal("0.2")}, {"entry_vwap": Decimal(60_001)}, {"opened_ms": 0}, {"side": "SHORT"}],
)
def test_entries_that_were_not_the_same_are_a_problem(change: dict[str, object]) -> None:
    base, other = a_run("base", luck()), a_run("other", luck())
    odd = msgspec.structs.replace(other.trades[3], **change)
    trades = (*other.trades[:3], odd, *other.trades[4:])
    found, _, _ = told(base, msgspec.structs.replace(other, trades=trades))
    assert found.problems == (
        "other and base did not get the same entries: 1 differ in price or size",
    )


def test_what_a_trial_found_wrong_is_passed_on() -> None:
    bad = msgspec.structs.replace(a_run("bad", luck()), problems=("bad: it broke",))
    assert compare([a_run("base", luck()), bad], SEED).problems == ("bad: it broke",)


def test_one_policy_alone_is_measured_and_compared_with_nobody() -> None:
    found, text, pairs = told(a_run("alone", [net + 90 for net in luck()]))
    assert (found.pairs, pairs) == ((), ())
    assert text.startswith("By itself alone earned: +")


def test_numbers_for_people() -> None:
    assert [signed(value, 2) for value in (1.234, -0.5, -0.001, 0.0)] == [
        "+1.23",
        "\u22120.50",
        "0.00",
        "0.00",
    ]
    assert [p_text(p) for p in (0.0001, 0.0123, 0.5)] == ["below 0.001", "0.012", "0.50"]
