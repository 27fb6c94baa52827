"""Who trades the account, as the doctor sees it."""

from collections.abc import Iterator

from quantum_trader.app.health import Finding
from quantum_trader.core.lease import Held
from quantum_trader.services.leadership import LEASE


def lease_findings(held: Held | None, *, alive: bool) -> Iterator[Finding]:
    """A trader whose loop beats without a lease cannot send; ``held`` is who has it."""
    if alive and held is None:
        what = "nobody has the lease of the account, and yet a trader beats: it cannot send"
        yield Finding("red", LEASE, what, "See that the server answers it; else restart it.")
