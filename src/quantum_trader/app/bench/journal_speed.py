"""The journal's commit, beside a bare append and fsync on the same disk in the same seconds."""

import os
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.app.bench.crowd import ACCOUNT, NOW_MS
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.redis_path import P50, P99, quantile
from quantum_trader.core.events import OrderCommanded
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.orders.ids import client_order_id

RECORD = b"x" * 1_024
"""About as much as a commit writes."""


async def journal_speed(effort: Effort) -> Sequence[Row]:
    """Milliseconds until an order is on disk, one after the other."""
    count = effort.of(2_000, 100)
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    for _ in effort.rounds():
        commits, syncs = _measured(count)
        ours.append(commits)
        bare.append(syncs)
    note = f"{count} orders, a commit each, in turn with an append of 1 KiB and its fsync"
    return [
        row(
            Aim(name=f"journal commit, {name}", unit="ms", note=note, better="below"),
            [quantile(run, share) for run in ours],
            [quantile(run, share) for run in bare],
        )
        for name, share in (("p50", P50), ("p99", P99))
    ]


def _measured(count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each commit, and of each bare sync, in turn."""
    commits, syncs = [], []
    with tempfile.TemporaryDirectory(prefix="quantum-bench-") as folder:
        journal = SqliteJournal(Path(folder) / "journal.sqlite", ACCOUNT)
        file = os.open(Path(folder) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for number in range(count):
                order = _order(number)
                began_s = time.perf_counter()
                journal.intend([order])
                between_s = time.perf_counter()
                os.write(file, RECORD)
                os.fsync(file)
                syncs.append(1_000 * (time.perf_counter() - between_s))
                commits.append(1_000 * (between_s - began_s))
        finally:
            os.close(file)
            journal.close()
    return commits, syncs


def _order(number: int) -> OrderCommanded:
    """An entry as the trader commands it."""
    plan_id = f"plan-{number}"
    return OrderCommanded(
        id=f"{plan_id}/1",
        at_ms=NOW_MS,
        trace_id=plan_id,
        account=ACCOUNT,
        plan_id=plan_id,
        role="entry",
        leg=0,
        order=OrderRequest(
            client_order_id=client_order_id("entry", ACCOUNT, plan_id, 0, 1),
            symbol="BTCUSDT",
            side="BUY",
            kind="MARKET",
            qty=Decimal("0.05"),
            price=None,
            trigger_price=None,
            reduce_only=False,
        ),
        leverage=10,
        expires_ms=None,
        reason="a benchmark",
    )
