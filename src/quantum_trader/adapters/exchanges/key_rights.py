"""What a key may do at the venue, asked of the venue itself."""

import hashlib
import hmac
from urllib.parse import urlencode

import msgspec

from quantum_trader.adapters.market.fetching import fetch
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.secret import Secret

PATH = "/sapi/v1/account/apiRestrictions"
WINDOW_MS = 2_000
TIMEOUT_S = 5.0


class KeyRights(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The rights of a key, by the venue's own names. None is what it did not say."""

    ip_restrict: bool | None = None
    enable_reading: bool | None = None
    enable_futures: bool | None = None
    enable_withdrawals: bool | None = None
    enable_internal_transfer: bool | None = None
    permits_universal_transfer: bool | None = None


async def ask_rights(host: str, key: Secret, secret: Secret, at_ms: int) -> KeyRights:
    """Ask ``host`` what a key may do. Raises ``Unreachable`` when it does not say."""
    query = urlencode({"recvWindow": WINDOW_MS, "timestamp": at_ms})
    signature = hmac.new(secret.reveal().encode(), query.encode(), hashlib.sha256).hexdigest()
    url = f"{host}{PATH}?{query}&signature={signature}"
    body = await fetch(url, TIMEOUT_S, {"X-MBX-APIKEY": key.reveal()})
    try:
        return msgspec.json.decode(body, type=KeyRights)
    except msgspec.DecodeError as error:
        raise Unreachable(f"{host} did not say what the key may do: {error}") from error


def objections(rights: KeyRights) -> tuple[str, ...]:
    """Why a key must not trade here: it may move money away, or may not trade, or who knows."""
    found = []
    for may, what in (
        (rights.enable_withdrawals, "withdraw"),
        (rights.enable_internal_transfer, "transfer to other accounts"),
        (rights.permits_universal_transfer, "transfer between wallets"),
    ):
        if may is None:
            found.append(f"the venue did not say whether the key may {what}")
        elif may:
            found.append(f"the key may {what}: whoever steals it takes the money with it")
    if not rights.enable_futures:
        found.append("the key may not trade futures")
    if not rights.enable_reading:
        found.append("the key may not read the account")
    return tuple(found)


def remarks(rights: KeyRights) -> tuple[str, ...]:
    """What a person should know about a key that may be used."""
    if rights.ip_restrict:
        return ("the key is bound to addresses that were named at the venue",)
    return (
        "the key works from any address: a thief can trade with it, and the venue takes its right "
        "to trade away after some weeks. Bind it to this machine's address",
    )
