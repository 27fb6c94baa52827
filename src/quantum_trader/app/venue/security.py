"""Whether a request may be answered: its key, its time, its signature."""

import hmac

import msgspec

from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused, refuse

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000
AHEAD_MAX_MS = 1_000
KEY_CHARACTERS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Credentials(msgspec.Struct, frozen=True):
    """The key of an account and what its requests are signed with."""

    name: str
    key: str
    secret: str


def known(keys: dict[str, Credentials], key: str | None) -> Credentials:
    """Whose key it is. Refuses with -2014 what is no key, -2015 what is nobody's."""
    if not key or not KEY_CHARACTERS.issuperset(key):
        raise Refused(-2014, "API-key format invalid.", 401)
    found = keys.get(key)
    if found is None:
        raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return found


def check_time(params: Params, now_ms: int) -> None:
    """Refuse with -1021 what is too old or too early, -1102 what has no time."""
    stamp_ms = params.whole("timestamp")
    window_ms = params.whole("recvWindow", RECV_WINDOW_MS)
    if not 0 < window_ms <= RECV_WINDOW_MAX_MS:
        raise Refused(-1131, "recvWindow must be less than 60000")
    if stamp_ms > now_ms + AHEAD_MAX_MS:
        raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if stamp_ms < now_ms - window_ms:
        refuse(-1021)


def check_signature(secret: str, query: str, body: str) -> None:
    """Refuse with -1022 unless the signature fits the parameters, in query, body, or both.

    It is the HMAC-SHA256 of the query followed by the body, without the signature itself, which
    stands at the end of the one or of the other.
    """
    query, in_query = _split(query)
    body, in_body = _split(body)
    given = in_query or in_body
    if not given:
        raise Refused(
            -1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
        )
    wanted = hmac.digest(secret.encode(), (query + body).encode(), "sha256").hex()
    if not hmac.compare_digest(wanted, given.lower()):
        raise Refused(-1022, "Signature for this request is not valid.")


def _split(text: str) -> tuple[str, str]:
    """Parameters without their signature, and the signature."""
    if "signature=" not in text:
        return text, ""
    parts = text.split("&")
    kept = [part for part in parts if not part.startswith("signature=")]
    given = [part for part in parts if part.startswith("signature=")]
    return "&".join(kept), given[-1].removeprefix("signature=") if given else ""
