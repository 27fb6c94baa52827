"""The whole system as a process of its own: it trades, is killed, comes back, and is alone."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx2
import psutil
import pytest

from quantum_trader.adapters.journal.sqlite import audit
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.core.events import (
    IntentApplied,
    IntentProposed,
    OrderCommanded,
    PlanMade,
    RulesAdopted,
)
from quantum_trader.streams import (
    APPLY_PLAN,
    APPLY_RESULT,
    OPERATOR_STREAM,
    ORDER_COMMAND,
    TRADE_INTENT,
)
from tests.running import Running, facts_on, holds_protected, run_once

RSS_MAX = 150 * 1024**2


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start systems on one folder; whatever still runs at the end is killed."""
    all_of_them: list[Running] = []

    def start(*more: str, folder: Path = tmp_path / "data") -> Running:
        all_of_them.append(Running(folder, *more))
        return all_of_them[-1]

    yield start
    for one in all_of_them:
        one.process.kill()
        one.process.communicate()


def test_it_trades_protected_on_a_page_with_little_memory_and_ends_with_a_summary(
    started: Callable[..., Running],
) -> None:
    system = started()
    assert system.ready["ready"] is True
    assert (system.ready["market"], system.ready["account"]) == ("SIMULATED", "paper-SIMULATED")
    state = system.until(holds_protected)
    assert state["head"]["account"] == "paper-SIMULATED"
    html = httpx2.get(system.ready["page_url"]).text
    assert "SIMULATED" in html
    assert "CONFIRMED" in html
    assert psutil.Process(system.process.pid).memory_info().rss < RSS_MAX
    code, out, log = system.end(signal.SIGINT)
    assert code == 0, log
    summary = json.loads(out)["summary"]
    assert summary["opened"] >= 1
    assert summary["protected_positions"] == summary["open_positions"]
    assert all(json.loads(line)["market"] == "SIMULATED" for line in log.splitlines())


def test_after_a_kill_it_goes_on_where_it_was_and_asks_nothing_twice(
    started: Callable[..., Running], tmp_path: Path
) -> None:
    first = started()
    before = first.until(holds_protected)
    first.end(signal.SIGKILL)
    second = started()
    state = second.until(lambda now: now["opened"] >= before["opened"] and now["head"])
    # It trades on meanwhile: whoever was entered by now has a plan by then.
    orders = [one for one in facts_on(second.ready, ORDER_COMMAND) if type(one) is OrderCommanded]
    plans = [fact for fact in facts_on(second.ready, APPLY_PLAN) if isinstance(fact, PlanMade)]
    answers = [
        fact for fact in facts_on(second.ready, APPLY_RESULT) if isinstance(fact, IntentApplied)
    ]
    entries = [order.plan_id for order in orders if order.role == "entry"]
    assert {held["plan_id"] for held in before["held"]} <= {plan.plan_id for plan in plans}
    assert len(entries) == len(set(entries)), "no plan is entered twice"
    assert set(entries) <= {plan.plan_id for plan in plans}
    assert len(answers) == len({answer.plan_id for answer in answers})
    assert state["head"]["deposit_usd"] == before["head"]["deposit_usd"]
    opened = {one["plan_id"] for one in before["held"] if one["stop_price"]}
    closed = {trade["plan_id"] for trade in state["trades"]}
    still = {held["plan_id"]: held for held in state["held"]}
    assert opened <= closed | set(still)
    assert second.end()[0] == 0
    assert audit(tmp_path / "data" / JOURNAL_FILE) > 0


def test_a_market_that_was_made_up_goes_on_at_the_price_where_it_stopped(
    started: Callable[..., Running],
) -> None:
    first = started("--symbols", "BTCUSDT")
    first.until(lambda now: now["head"] is not None)
    time.sleep(2)
    first.end(signal.SIGKILL)
    second = started("--symbols", "BTCUSDT")
    second.until(lambda now: now["head"] is not None)
    time.sleep(2)
    bars = facts_on(second.ready, "quantum:stream:market.klines")
    jumps = [abs(later.open / bar.close - 1) for bar, later in pairwise(bars)]
    assert len(bars) > 303
    assert max(jumps) < 1e-9
    assert {bar.source for bar in bars} == {"SIMULATED"}


def test_rules_are_adopted_before_anything_else_and_again_only_when_they_change(
    started: Callable[..., Running],
) -> None:
    leverages = []
    for more in ((), (), ("--leverage", "5")):
        system = started(*more)
        orders = facts_on(system.ready, OPERATOR_STREAM)
        adopted = [fact for fact in orders if isinstance(fact, RulesAdopted)]
        leverages.append([fact.rules.limits.leverage_default for fact in adopted])
        assert system.end()[0] == 0
    assert leverages == [[10], [10], [10, 5]]


def test_while_safe_drain_is_on_everything_is_judged_and_no_order_leaves(
    started: Callable[..., Running],
) -> None:
    system = started("--safe-drain")
    system.until(lambda now: any(one["type"] == "intent.skipped" for one in now["outcomes"]))
    assert "SAFE-DRAIN" in httpx2.get(system.ready["page_url"]).text
    intents = facts_on(system.ready, TRADE_INTENT)
    assert any(isinstance(fact, IntentProposed) for fact in intents)
    assert facts_on(system.ready, ORDER_COMMAND) == []


def test_a_second_system_on_the_same_folder_is_refused_and_told_who_has_it(
    started: Callable[..., Running], tmp_path: Path
) -> None:
    system = started()
    again = run_once("--data-dir", str(tmp_path / "data"))
    assert again.returncode == 2
    error = json.loads(again.stdout)["error"]
    assert str(system.process.pid) in error["what"]
    assert "would trade against each other" in error["what"]
    assert system.state()["head"] is not None or system.process.poll() is None


def test_a_symbol_nobody_has_rules_for_is_refused_before_anything_starts(tmp_path: Path) -> None:
    folder = tmp_path / "never"
    refused = run_once("--data-dir", str(folder), "--symbols", "BTCUSDT,NOSUCHUSDT")
    assert refused.returncode == 2
    assert "NOSUCHUSDT" in json.loads(refused.stdout)["error"]["what"]
    assert not folder.exists()


def test_prices_of_one_market_never_reach_the_books_of_another(
    started: Callable[..., Running], tmp_path: Path, shared_data: Path
) -> None:
    started().end()
    recording = str(shared_data / "binance_um" / "klines_1m")
    mixed = run_once("--data-dir", str(tmp_path / "data"), "--replay-data", recording)
    assert mixed.returncode == 2
    assert "paper-SIMULATED" in json.loads(mixed.stdout)["error"]["what"]


def test_a_recording_plays_in_its_own_time_and_under_its_own_name(
    started: Callable[..., Running], shared_data: Path
) -> None:
    recording = str(shared_data / "binance_um" / "klines_1m")
    symbols = ("--symbols", "BTCUSDT,ETHUSDT")
    played = started("--replay-data", recording, "--speed", "600", *symbols)
    assert played.ready["account"] == "paper-recorded"
    state = played.until(lambda now: now["head"] is not None and now["head"]["at_ms"] > 0)
    later = played.until(lambda now: now["at_ms"] > state["at_ms"] + 10 * 60_000)
    assert 1_600_000_000_000 < later["at_ms"] < 1_780_000_000_000
    assert later["at_ms"] - later["head"]["at_ms"] < 3_600_000


def test_it_ends_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    done = run_once("--market", "synthetic", "--data-dir", str(tmp_path / "d"), "--duration", "1")
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert json.loads(first)["data_dir"] == str(tmp_path / "d")
    assert json.loads(last)["summary"]["exit_code"] == 0
