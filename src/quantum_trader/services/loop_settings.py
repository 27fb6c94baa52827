"""How a consumer loop behaves."""

import msgspec


class LoopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop behaves; ``account`` is whose dead letters it writes.

    ``silent_max`` is how many entries about which the handler said nothing may wait for the next
    commit; a crash repeats them. An entry that fails at its ``deliveries_max``-th delivery is given
    up. Entries that another consumer of the group has left alone for ``claim_idle_ms`` are taken
    over. Our own list is looked at every ``look_back_ms``, even while all is well: an instance that
    we fenced may have read under our name, and what it read nobody else is given.
    """

    account: str
    batch_max: int = 64
    silent_max: int = 0
    block_ms: int = 1_000
    deliveries_max: int = 5
    claim_idle_ms: int = 60_000
    look_back_ms: int = 1_000
    beat_every_ms: int = 1_000
