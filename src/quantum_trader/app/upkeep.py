"""What is wrong with the keeping of the streams: archive, trimming, canaries, and who does it."""

from collections.abc import Iterator, Mapping

import msgspec

from quantum_trader.app.finding import Finding, red, yellow
from quantum_trader.app.health import Seen
from quantum_trader.app.story import span_text
from quantum_trader.core.events import Blocked
from quantum_trader.services.archiver import HOUR_MS, NO_ARCHIVE
from quantum_trader.services.canary import Late
from quantum_trader.services.needs import slowest_group
from quantum_trader.streams import ARCHIVER, CANARY, JANITOR, KEEPERS, KEPT, PREFIX, groups

ROUNDS_MS: Mapping[str, int] = {ARCHIVER: 10_000, JANITOR: 60_000, CANARY: 5_000}
"""How often each of them goes round; a round may take a while where much is to be done."""
ROUND_TAKES_MAX_MS = 120_000
ARCHIVE_WAIT_MAX_MS = 2 * HOUR_MS
GROWING_FRAC = 0.5
"""A stream this near to its limit is worth a look before entries are refused."""
GROUP = "the group "
SERVICES = frozenset(service for service, _ in groups())

_problems = msgspec.json.Decoder(list[str]).decode
_blocked = msgspec.json.Decoder(list[Blocked]).decode
_late = msgspec.json.Decoder(list[Late]).decode


def upkeep_findings(seen: Seen, now_ms: int) -> Iterator[Finding]:
    """What archiver, janitor and canary say, and that they say anything."""
    yield from _silent_keepers(seen, now_ms)
    status = seen.heartbeats.get(ARCHIVER, {})
    yield from _archive(status)
    blocked = _blocked(status.get("blocked", b"[]"))
    for one in blocked:
        what = f"{one.entries:,} entries, at most {one.entries_max:,}: {one.by} keeps them"
        yield red("trimming.blocked", one.stream, what, _way_out(one.by, one.stream))
    yield from _growing(seen, {one.stream for one in blocked})
    for late in _late(seen.heartbeats.get(CANARY, {}).get("late", b"[]")):
        yield red(
            "canary.late",
            f"{late.stream} {late.service}",
            f"a canary has been under way to {late.service} for "
            f"{span_text(now_ms - late.since_ms)}: what is written there is not handled",
            f"See in the log what {late.service} does; end the process and start it, "
            "`quantum run`.",
        )


def _silent_keepers(seen: Seen, now_ms: int) -> Iterator[Finding]:
    for keeper in KEEPERS:
        at = seen.heartbeats.get(keeper, {}).get("at")
        silent_ms = None if at is None else now_ms - int(at)
        if silent_ms is None or silent_ms > ROUNDS_MS[keeper] + ROUND_TAKES_MAX_MS:
            what = (
                "has never gone round here"
                if silent_ms is None
                else f"silent for {span_text(silent_ms)}"
            )
            remedy = "It hangs or does not run: end the process and start it, `quantum run`."
            yield yellow("keeper.silent", keeper, what, remedy)


def _archive(status: Mapping[str, bytes]) -> Iterator[Finding]:
    for problem in _problems(status.get("problems", b"[]")):
        if problem == NO_ARCHIVE:
            remedy = "`pip install quantum-trader[archive]`, and start again."
            yield yellow("archive.off", ARCHIVER, problem, remedy)
        else:
            remedy = "Make room or mend the folder; `quantum archive verify` says what is torn."
            yield red("archive.failing", ARCHIVER, problem, remedy)
    waited_ms = int(status.get("waited_ms", b"0"))
    if waited_ms > ARCHIVE_WAIT_MAX_MS:
        what = f"entries have waited for the archive for {span_text(waited_ms)}"
        remedy = "See in the log why; `quantum archive verify` reads what is there."
        yield yellow("archive.behind", ARCHIVER, what, remedy)


def _growing(seen: Seen, blocked: set[str]) -> Iterator[Finding]:
    """Streams on their way to the limit, with who is farthest behind."""
    for row in KEPT:
        info, name = seen.held.get(row.key), row.key.removeprefix(PREFIX)
        if info is None or name in blocked or info.length <= row.entries_max * GROWING_FRAC:
            continue
        slowest = slowest_group(info)
        by = "the archive" if slowest is None else slowest.by
        what = f"{info.length:,} entries of at most {row.entries_max:,}; {by} is farthest behind"
        yield yellow("stream.growing", name, what, _way_out(by, name))


def _way_out(by: str, stream: str) -> str:
    """What to do about whoever keeps a stream from being trimmed."""
    group = by.removeprefix(GROUP)
    if group == by:
        return "See what is said of the archive, and that the system runs: `quantum run`."
    if group in SERVICES:
        return f"See in the log what {group} does; end the process and start it, `quantum run`."
    return (
        f"Start what reads as {group}; remove a group that is nobody's; or pass its backlog over: "
        f"`quantum drain backlog {stream} --group {group} --to ID`."
    )
