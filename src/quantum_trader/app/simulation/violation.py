"""The invariants by name, and what one of them was found broken by."""

from collections.abc import Mapping

import msgspec

INVARIANTS: Mapping[str, str] = {
    "I1": "our books say what the venue says: positions and wallet, as folds of fills",
    "I2": "a position has stops for all of it at the venue, or is being closed",
    "I3": "a plan is entered at most once",
    "I4": "an order is in the journal before it leaves, and what is said of it is the truth",
    "I5": "targets never ask for more than there is",
    "I6": "nothing that is meant as an exit opens or turns a position",
    "I7": "no entry leaves after its time, counted from the signal",
    "I8": "the ledger is the venue's wallet, to the last digit",
    "I9": "every order has a name of ours, made by our own scheme",
    "I10": "there is one writer: nobody sends after a younger instance has begun",
    "I11": "orders, leverage and exposure stay within the hard caps",
    "I12": "a question without an answer changes nothing, and what is recorded as seen at the "
    "venue was there",
    "I13": "no message is lost: each one ends in a result, a dead letter or a counted skip",
    "I14": "once all is well again, every plan is over or protected within the time allowed",
    "I15": "nothing outside the world is touched",
    "I16": "state is what its log says: folded again it is the same",
    "alive": "no process dies of a defect of its own",
}


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant that did not hold, and since the beginning of the world when."""

    invariant: str
    at_ms: int
    what: str


class Violated(Exception):
    """A world ends with the first violation."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
        self.what = what
