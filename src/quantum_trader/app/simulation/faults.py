"""Everything that can go wrong in a world, by name, and which of it a seed enables how often."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from quantum_trader.app.simulation.dice import dice


class Kind(NamedTuple):
    """A kind of fault: what it is, and between which rates a world may have it.

    A rate is the chance per call, per report or per intent; ``per_minute`` ones happen by
    themselves, that often in a minute.
    """

    what: str
    least: float
    most: float
    per_minute: bool = False


CALLS: Mapping[str, Kind] = {
    "reply_lost": Kind("the venue carried a request out and its answer was lost", 0.02, 0.25),
    "request_lost": Kind("a request left and never arrived", 0.02, 0.2),
    "request_late": Kind("a request was given up and arrived seconds later", 0.02, 0.2),
    "accepted_very_late": Kind(
        "a request was carried out after it had been proved dead", 0.0, 0.06
    ),
    "unreachable": Kind("a request could not leave", 0.02, 0.3),
    "clock_refused": Kind("-1021: the timestamp was outside the window", 0.01, 0.1),
    "no_margin": Kind("-2019: margin is insufficient", 0.05, 0.4),
    "would_trigger": Kind("-2021: a stop would trigger immediately", 0.02, 0.2),
    "reduce_refused": Kind("-2022: a reduce-only order was refused", 0.02, 0.3),
    "too_small": Kind("-4164: the notional was too small", 0.05, 0.4),
    "banned": Kind(
        "429 and 418: too many requests, nothing is answered for a while", 0.1, 0.8, True
    ),
    "unknown_503": Kind("503 with unknown status, carried out or not", 0.02, 0.2),
    "timeout_1007": Kind("-1007: the venue's backend timed out, carried out or not", 0.02, 0.2),
    "slow_replies": Kind("answers took up to two seconds", 0.05, 0.4),
    "question_failed": Kind("a question about an order had no answer", 0.05, 0.5),
    "order_forgotten": Kind("the venue denied an order that it had, for a while", 0.02, 0.3),
}
REPORTS: Mapping[str, Kind] = {
    "events_late": Kind("the user stream was silent for seconds", 0.2, 2.0, True),
    "events_repeated": Kind("a report came twice", 0.05, 0.4),
    "events_reordered": Kind("reports of two symbols came in the wrong order", 0.1, 0.6),
    "partial_fill": Kind("a market order filled in parts, seconds apart", 0.1, 0.8),
    "rest_expired": Kind("the rest of a market order that had filled in part expired", 0.1, 0.6),
    "stop_rejected": Kind("a stop was rejected at its trigger", 0.05, 0.5),
    "stop_expired": Kind("the venue ended a resting stop by itself", 0.1, 1.0, True),
    "stop_survived": Kind("the venue kept a stop of a position that was gone", 0.3, 1.0),
    "target_expired": Kind("the venue ended a resting target by itself", 0.1, 1.0, True),
    "deleveraged": Kind("ADL: the venue closed a part of a position by itself", 0.05, 0.5, True),
    "price_gap": Kind("the price jumped by several per cent", 0.1, 1.0, True),
    "feed_silent": Kind("no prices came for a while", 0.1, 0.6, True),
    "hand_traded": Kind("somebody traded at the venue by hand", 0.1, 1.5, True),
}
MACHINE: Mapping[str, Kind] = {
    "killed": Kind("the process was killed between two steps", 0.2, 2.5, True),
    "killed_in_write": Kind("the process was killed around a write of the journal", 0.01, 0.08),
    "frozen": Kind("the process stood still, past its lease", 0.1, 0.8, True),
    "two_leaders": Kind("a second instance was started beside the first", 0.1, 0.6, True),
    "bus_reply_lost": Kind("the stream server did as told and its answer was lost", 0.001, 0.02),
    "bus_down": Kind("the stream server could not be reached", 0.1, 1.0, True),
    "bus_lost": Kind("the stream server lost everything", 0.02, 0.3, True),
    "bus_rolled_back": Kind("the stream server came back with an older state", 0.05, 0.4, True),
    "disk_full": Kind("the journal's disk was full", 0.05, 0.5, True),
    "disk_error": Kind("EIO: a write of the journal failed", 0.005, 0.05),
    "clock_forward": Kind("the wall clock jumped ahead", 0.05, 0.4, True),
    "clock_back": Kind("the wall clock was set back", 0.05, 0.4, True),
}
PEOPLE: Mapping[str, Kind] = {
    "halted": Kind("an operator ordered HALT", 0.05, 0.5, True),
    "flattened": Kind("an operator ordered FLATTEN", 0.05, 0.5, True),
    "drained": Kind("an operator switched safe-drain", 0.05, 0.4, True),
    "latched": Kind("somebody put the latch file in place", 0.05, 0.4, True),
    "intent_repeated": Kind("an intent was sent again", 0.1, 0.6),
    "intent_malformed": Kind("an intent could not be read", 0.1, 0.5),
    "intent_stale": Kind("an intent was minutes old", 0.05, 0.4),
    "poison": Kind("a message of nobody lay on one of our own streams", 0.05, 0.4, True),
}
GUARD: Mapping[str, Kind] = {
    "stayed_away": Kind(
        "the process was killed and nobody started it for up to a minute", 0.05, 0.4, True
    ),
    "guardian_killed": Kind("the guardian was killed between two steps", 0.2, 3.0, True),
    "guardian_frozen": Kind("the guardian stood still for a while", 0.1, 0.8, True),
}
KINDS: Mapping[str, Kind] = {**CALLS, **REPORTS, **MACHINE, **PEOPLE, **GUARD}
"""All of them. A new one goes to the end: what a seed draws for the others is as before."""
ENABLED_SHARE = (0.15, 0.6)
"""How large a part of all kinds one world has; constant hostility hides interactions."""


class Faults:
    """The faults of one world: what is enabled how often, and how often it happened."""

    def __init__(self, seed: int, only: Sequence[str] | None = None) -> None:
        """``only`` leaves out every other kind; what is left has the chance it always had."""
        chosen = KINDS if only is None else only
        swarm = _swarm(dice(seed, "swarm"))
        self._rates = {kind: rate for kind, rate in swarm.items() if kind in chosen}
        self._dice = {kind: dice(seed, f"fault/{kind}") for kind in self._rates}
        self.counts: Counter[str] = Counter()
        self.calm = False

    @property
    def enabled(self) -> tuple[str, ...]:
        """The kinds that this world has."""
        return tuple(self._rates)

    def strikes(self, kind: str) -> bool:
        """Whether a fault that has a chance here happens now; counted when it does."""
        rate = self._rates.get(kind)
        if rate is None or self.calm or self._dice[kind].random() >= rate:
            return False
        self.counts[kind] += 1
        return True

    def count(self, kind: str) -> None:
        """A fault happened that has its own time."""
        self.counts[kind] += 1

    def chance(self, kind: str) -> Random:
        """The chance of an enabled kind, for how long and how far."""
        return self._dice[kind]

    def pause_s(self, kind: str) -> float | None:
        """How long until a fault of its own time happens next; None when it never does."""
        rate = self._rates.get(kind)
        if not rate:
            return None
        return self._dice[kind].expovariate(rate / 60)


def _swarm(random: Random) -> dict[str, float]:
    share = random.uniform(*ENABLED_SHARE)
    rates: dict[str, float] = {}
    for name, kind in KINDS.items():
        enabled, rate = random.random() < share, random.uniform(kind.least, kind.most)
        if enabled:
            rates[name] = rate
    return rates
