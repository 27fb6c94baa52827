"""Who trades the account, as the doctor sees it."""

from collections.abc import Iterator

from quantum_trader.app.finding import Finding, red
from quantum_trader.core.lease import Held
from quantum_trader.services.leadership import LEASE


def lease_findings(held: Held | None, *, alive: bool) -> Iterator[Finding]:
    """A trader whose loop beats without a lease cannot send; ``held`` is who has it."""
    if alive and held is None:
        what = "nobody has the lease of the account, and yet a trader beats: it cannot send"
        remedy = "See that the server answers it; else end it and start it, `quantum run`."
        yield red("lease.missing", LEASE, what, remedy)
