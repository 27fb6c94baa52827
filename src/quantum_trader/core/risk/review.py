"""The one place where an entry is approved."""

import msgspec

from quantum_trader.core.events import Refusal
from quantum_trader.core.risk.case import EntryCase
from quantum_trader.core.risk.gates import GATES
from quantum_trader.core.risk.limits import RiskLimits


class ApprovedIntent(msgspec.Struct, frozen=True):
    """Proof that every gate was asked and none said no. Only ``review`` makes one."""

    case: EntryCase


def review(case: EntryCase, limits: RiskLimits) -> ApprovedIntent | tuple[Refusal, ...]:
    """Ask every gate, even after the first no: the answer lists all the reasons."""
    refusals = tuple(no for gate in GATES if (no := gate(case, limits)) is not None)
    return refusals or ApprovedIntent(case)
