"""Signed HTTP: ccxt knows the endpoints and signs, the rest of the request is ours.

Only its implicit methods are used, one per endpoint. They hand parameters through as text and,
with ``fetch`` replaced, bytes back: no float, no guess about what an error means, and no retry.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import yarl
from ccxt.async_support import binanceusdm

from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.core.errors import BrokenInvariant, InDoubt, Unreachable
from quantum_trader.core.secret import Secret

CONNECT_S = 3.0
ANSWER_S = 5.0
BYTES_MAX = 32 * 1024 * 1024
CLOSE_MS = 50
SIGNATURE = "signature="
ORDERING = ("/order", "/algoOrder", "/batchOrders")
"""How the addresses end at which an order can be placed."""
NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
"""Failures of making the connection: no byte of the request was sent."""


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever it says. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire(binanceusdm):  # type: ignore[misc]  # ccxt has no types
    """One account of one environment. The secret is held hidden and shown to the signature only.

    After construction every address in ccxt's tables is one of ``hosts``: it asks production
    endpoints of other products, too, and whatever it knows of those is gone.
    """

    def __init__(
        self, hosts: Hosts, key: Secret, secret: Secret, time_there_ms: Callable[[], int]
    ) -> None:
        options = {"fetchCurrencies": False, "fetchMargins": False, "recvWindow": None}
        super().__init__({"enableRateLimit": False, "options": options})
        self._key = key
        self._secret_text = secret
        self._time_there_ms = time_there_ms
        self._host = urlsplit(hosts.rest).netloc
        self.refusal: Callable[[], str | None] = _free
        self.entry_refusal: Callable[[], str | None] = _free
        self.timeout_on_exit = CLOSE_MS
        self.urls: dict[str, Any] = point_at(self.urls, hosts)
        check_hosts(self.urls, hosts)

    def nonce(self) -> int:
        """The time that is signed: the venue's."""
        return self._time_there_ms()

    def sign(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Sign with the secret in hand, and put it away."""
        self.apiKey, self.secret = self._key.reveal(), self._secret_text.reveal()
        try:
            signed: dict[str, Any] = super().sign(*args, **kwargs)
        finally:
            self.apiKey = self.secret = ""
        return signed

    def set_last_request(self, request: object) -> None:
        """Nothing that was signed is kept."""

    async def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Answer:
        """One request, sent once. Raises ``Unreachable`` and ``InDoubt``."""
        self._check(method, url, body or "")
        self.open(True)
        host = self._host
        try:
            async with self.session.request(
                method,
                yarl.URL(url, encoded=True),
                data=None if body is None else body.encode(),
                headers=self.prepare_request_headers(headers),
                timeout=aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=CONNECT_S),
                allow_redirects=False,
            ) as response:
                content = await response.content.read(BYTES_MAX + 1)
                while content and len(content) <= BYTES_MAX and not response.content.at_eof():
                    content += await response.content.read(BYTES_MAX + 1 - len(content))
                seen = {name.lower(): value for name, value in response.headers.items()}
                status = response.status
        except NEVER_LEFT as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise Unreachable(f"{host} cannot be reached: {reason}") from None
        except TimeoutError:
            raise InDoubt(f"{host} gave no answer within {ANSWER_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # Neither text nor cause of such an error is kept: both hold the signed address.
            raise InDoubt(f"{host} broke off: {type(error).__name__}") from None
        if len(content) > BYTES_MAX:
            raise InDoubt(f"{host} answered with more than {BYTES_MAX} bytes")
        return Answer(status, seen, content)

    def _check(self, method: str, url: str, body: str) -> None:
        """Let nothing of an ended lease out: its time is in the signature, so this comes after it.

        A process that stood still just before it was signed would have signed a time that the
        venue still takes after the lease. The same holds for an order that adds risk, and the word
        that nothing may.
        """
        if method == "GET" or SIGNATURE not in f"{url}{body}":
            return
        refusal = self.refusal()
        if refusal is None and adds_risk(method, url, body):
            refusal = self.entry_refusal()
        if refusal is not None:
            raise Unreachable(f"not sent: {refusal}")

    async def ask(self, method: str, params: Mapping[str, str]) -> Answer:
        """Call one endpoint by ccxt's name for it."""
        call = getattr(self, method)
        answer: Answer = await call(dict(params))
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        await super().close()
        await asyncio.sleep(0)


def _free() -> None:
    """Why nothing may be sent: there is no lease to keep to, and nobody to ask."""


def adds_risk(method: str, url: str, body: str) -> bool:
    """Whether what was signed is an order that may open, by the words that are about to leave."""
    parts = urlsplit(url)
    if method == "DELETE" or not parts.path.endswith(ORDERING):
        return False
    said = parse_qs(parts.query) | parse_qs(body)
    return ["true"] not in (said.get("reduceOnly"), said.get("closePosition"))


def point_at(urls: Mapping[str, Any], hosts: Hosts) -> dict[str, Any]:
    """ccxt's table of addresses with our endpoints at ``hosts``, and nothing else in it."""
    api = {
        name: f"{hosts.rest}{urlsplit(url).path}"
        for name, url in urls["api"].items()
        if isinstance(url, str) and name.startswith("fapi")
    }
    return {"api": api}


def check_hosts(urls: object, hosts: Hosts) -> None:
    """Raise ``BrokenInvariant`` for any address that is not one of ``hosts``."""
    allowed = {urlsplit(hosts.rest).netloc, urlsplit(hosts.streams).netloc}
    for text in _texts(urls):
        if "://" in text and urlsplit(text).netloc not in allowed:
            raise BrokenInvariant(f"an address of another host is left: {urlsplit(text).netloc}")


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
