"""Listen keys: what opens a user stream, for an hour from the last sign of life."""

from hashlib import sha256

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import refuse
from quantum_trader.app.venue.shapes import Row

LIFE_MS = 3_600_000


def start(hall: Hall, account: Account, _params: Params) -> Row:
    """POST listenKey: the key of the account, which lives on; a new one when there is none."""
    key = account.records.listen_key
    if not key or account.records.key_until_ms <= hall.counters.wall_ms:
        hall.counters.keys += 1
        seed = f"{hall.house.salt}/{account.name}/{hall.counters.keys}"
        key = account.records.listen_key = sha256(seed.encode()).hexdigest()
    account.records.key_until_ms = hall.counters.wall_ms + LIFE_MS
    return {"listenKey": key}


def keep(hall: Hall, account: Account, _params: Params) -> Row:
    """PUT listenKey. Refuses with -1125 when there is none to keep alive."""
    key = account.records.listen_key
    if not key or account.records.key_until_ms <= hall.counters.wall_ms:
        refuse(-1125)
    account.records.key_until_ms = hall.counters.wall_ms + LIFE_MS
    return {"listenKey": key}


def close(hall: Hall, account: Account, _params: Params) -> Row:
    """DELETE listenKey."""
    expire(hall, account)
    return {}


def expire(hall: Hall, account: Account) -> None:
    """End the key of an account and tell whoever listens."""
    key = account.records.listen_key
    if key:
        account.records.listen_key = ""
        at_ms = hall.counters.wall_ms
        account.said.append({"e": "listenKeyExpired", "E": at_ms, "listenKey": key})


def owner(hall: Hall, key: str) -> Account | None:
    """The account whose stream a key opens; None when it is no key (any more)."""
    for account in hall.accounts.values():
        if key and account.records.listen_key == key:
            return account
    return None
