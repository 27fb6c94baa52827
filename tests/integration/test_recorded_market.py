"""Real recorded days through the whole system, the worst of them included."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from quantum_trader.adapters.archive.candles import Recording, open_recordings
from quantum_trader.app.replay import Tape, replay
from quantum_trader.app.rig import Rig
from quantum_trader.core.events import ExitDecided
from quantum_trader.core.rules import Rules
from quantum_trader.core.signals import MODELS
from tests.support import an_intent, some_rules
from tests.witness import Witness


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def recordings(shared: Path, symbols: Sequence[str], first: str, last: str) -> list[Recording]:
    folder = shared / "binance_um" / "klines_1m"
    paths = [folder / f"{symbol}.parquet" for symbol in symbols]
    return open_recordings(paths, None, (ms(first), ms(last)))


def rules(**limits: object) -> Rules:
    return msgspec.structs.replace(some_rules(**limits), account="paper-recorded")


async def test_a_recorded_week_is_traded_protected_and_booked(shared_data: Path) -> None:
    found = recordings(shared_data, ["BTCUSDT", "ETHUSDT"], "2025-02-03", "2025-02-06")
    tapes = [Tape(one.symbol, one.bars, one.facts()) for one in found]
    result = await replay(tapes, rules(), [MODELS["ema_cross"]()])
    assert result.bars == 2 * 3 * 1440
    assert len(result.trades) > 20
    assert result.unprotected_bars == 0
    assert result.ledger_sum_usd == 0
    assert result.equity_gap_usd == 0
    net = sum(trade.net_usd for trade in result.trades)
    assert result.equity[-1][1] == result.deposit_usd + net
    assert result.funding_usd != 0


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
async def test_the_crash_of_february_at_twenty_times_leverage(shared_data: Path, side: str) -> None:
    """ETH fell 27 % and ADA 33 % within the hour; somebody is in it all the way down."""
    found = recordings(shared_data, ["ETHUSDT", "ADAUSDT"], "2025-02-02T22:00", "2025-02-03T06:00")
    witness = Witness()
    rig = Rig(rules(cooldown_close_ms=0, cooldown_open_ms=0), [], witness)
    facts = sorted(
        (fact for one in found for fact in one.facts()), key=lambda fact: (fact.at_ms, fact.symbol)
    )
    await rig.start(facts[0].at_ms)
    proposed = 0
    for at_ms, together in groupby(facts, key=lambda fact: fact.at_ms):
        await rig.show(list(together))
        for symbol in ("ETHUSDT", "ADAUSDT"):
            proposed += 1
            intent = an_intent(side, at_ms=at_ms, symbol=symbol, leverage=20)
            await rig.propose(
                msgspec.structs.replace(
                    intent, signal_id=f"{symbol}{at_ms}", account=rig.rules.account
                )
            )
        await witness.check(rig)
    witness.check_story()
    assert len(witness.answers()) == proposed
    assert len(witness.trades()) > 40
    assert {trade.reason for trade in witness.trades()} >= {"stop_loss"}
    assert rig.trader.state.ledger.wallet_usd > 0


@pytest.mark.parametrize("policy", ["adaptive", "profile:TREND_DEFAULT"])
@pytest.mark.parametrize("leverage", [5, 10, 20, 50])
@pytest.mark.parametrize("side", ["LONG", "SHORT"])
async def test_positions_through_the_crash_are_left_by_rules_that_only_tighten(
    shared_data: Path, side: str, leverage: int, policy: str
) -> None:
    """An entry every half hour, for exits that have to do with a fall of a quarter."""
    found = recordings(shared_data, ["ETHUSDT"], "2025-02-02T18:00", "2025-02-03T08:00")
    witness = Witness()
    rig = Rig(_exits_by(policy, leverage), [], witness)
    await rig.start(ms("2025-02-02T18:00"))
    for bar, fact in enumerate(found[0].facts()):
        await rig.show([fact])
        if bar % 30 == 0:
            intent = an_intent(side, at_ms=fact.at_ms, symbol="ETHUSDT", leverage=leverage)
            await rig.propose(msgspec.structs.replace(intent, account=rig.rules.account))
        await witness.check(rig)
    witness.check_story()
    trades = witness.trades()
    assert len(trades) >= 3
    assert max(trade.r_net for trade in trades) > 0.5
    assert min(trade.r_net for trade in trades) > -6.0
    decided = [fact for fact in witness.said if isinstance(fact, ExitDecided)]
    assert len({fact.rule for fact in decided if fact.kind == "MOVE_STOP"}) >= 3


def _exits_by(policy: str, leverage: int) -> Rules:
    usual = rules(cooldown_close_ms=0, cooldown_open_ms=0, leverage_max=max(leverage, 20))
    exits = msgspec.structs.replace(usual.exits, policy=policy)
    return msgspec.structs.replace(usual, exits=exits)


def test_two_processes_with_different_hash_seeds_agree_to_the_bit(shared_data: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path;"
        "from tests.integration.test_recorded_market import *;"
        "found = recordings(Path(sys.argv[1]), ['SOLUSDT'], '2025-02-03', '2025-02-04');"
        "tapes = [Tape(one.symbol, one.bars, one.facts()) for one in found];"
        "print(asyncio.run(replay(tapes, rules(), [MODELS['ema_cross']()])).state_hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program, str(shared_data)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "12345")
    }
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == 64
