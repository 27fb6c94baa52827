"""A service that reads forty entries and commits one for each."""

from collections.abc import Sequence

from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.ports import Commit, Output

IN, OUT, SERVICE = "quantum:stream:in", "quantum:stream:out", "trader"
COMMITS = 40


async def begun(bus: RedisBus) -> tuple[list[str], int]:
    """Fill a stream and take its lease: the ids that were read, and the epoch."""
    await bus.open_group(SERVICE, IN, "0")
    await bus.append(IN, [{b"n": b"%d" % n} for n in range(COMMITS)], writer="w")
    entries = await bus.read(SERVICE, [IN], count=COMMITS, block_ms=0)
    return [entry.id for entry in entries], await bus.take_lease(SERVICE)


async def commit(bus: RedisBus, ids: Sequence[str], epoch: int, first: int = 1) -> None:
    """One commit for each entry, numbered from the first."""
    for seq, entry_id in enumerate(ids, first):
        await bus.commit(
            Commit(
                service=SERVICE,
                epoch=epoch,
                seq=seq,
                inbox=b"record",
                outputs=[Output(OUT, f"{epoch}-{seq}", {b"n": b"%d" % seq})],
                acks={IN: [entry_id]},
                projections={},
                snapshot=None,
            )
        )
