"""Messages that lie under the names of another mode, as the doctor sees them."""

from collections.abc import Iterator, Mapping

from quantum_trader.adapters.bus.namespace import Namespace, marked_mode
from quantum_trader.app.finding import Finding, yellow
from quantum_trader.core.mode import KEY_PREFIXES
from quantum_trader.streams import TRADE_INTENT


def stray_findings(strays: Mapping[str, int], names: Namespace) -> Iterator[Finding]:
    """One finding for each mode that is not that of the server; ``strays`` are entries by key."""
    for mode in KEY_PREFIXES:
        lying = {key: entries for key, entries in strays.items() if marked_mode(key) == mode}
        if lying:
            count = sum(lying.values())
            entries = "1 entry lies" if count == 1 else f"{count:,} entries lie"
            streams = "1 stream" if len(lying) == 1 else f"{len(lying)} streams"
            what = (
                f"{entries} in {streams} named as in mode {mode} "
                f"({next(iter(lying))}); this server is of mode {names.mode}, and nobody reads that"
            )
            remedy = f"Whoever means this system writes to {names.outer(TRADE_INTENT)}."
            yield yellow("stream.astray", f"mode {mode}", what, remedy)
