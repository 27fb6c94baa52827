"""Fetching a public document: one GET, with a deadline and a limit on its size."""

import asyncio
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec

from quantum_trader.core.errors import Unreachable

BYTES_MAX = 8 * 1024 * 1024
SCHEMES = ("https", "http")
WORDS_MAX = 200
NO_HEADERS: Mapping[str, str] = {}


class _Refusal(msgspec.Struct):
    """Why a venue does not do what it was asked."""

    msg: str


async def fetch(url: str, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
    """The body of the answer. Raises ``Unreachable`` when there is none, or it is no success.

    The text of the error names the host and what the venue says, never the rest of the address.
    """
    host = urlsplit(url).netloc
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.to_thread(_get, url, timeout_s, headers)
    except TimeoutError as error:
        raise Unreachable(f"{host} gave no answer within {timeout_s:g} s") from error
    except URLError as error:
        raise Unreachable(
            f"{host}: {getattr(error.reason, 'strerror', None) or error.reason}"
        ) from error
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{host}: {error}") from error


def _get(url: str, timeout_s: float, headers: Mapping[str, str]) -> bytes:
    if urlsplit(url).scheme not in SCHEMES:
        raise Unreachable(f"{urlsplit(url).netloc or url}: not an address of the web")
    asked = Request(url, headers=dict(headers))  # noqa: S310 - the scheme was checked
    host = urlsplit(url).netloc
    try:
        with urlopen(asked, timeout=timeout_s) as answer:  # noqa: S310
            body: bytes = answer.read(BYTES_MAX + 1)
    except HTTPError as error:
        with error:
            why = _said(error.read(BYTES_MAX))
        raise Unreachable(f"{host} answered {error.code} {error.reason}{why}") from error
    if len(body) > BYTES_MAX:
        raise Unreachable(f"{host} answered with more than {BYTES_MAX} bytes")
    return body


def _said(body: bytes) -> str:
    """Why a venue refused, where it says so."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    return f": {refusal.msg[:WORDS_MAX]}"
