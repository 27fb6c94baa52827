"""Requests to the venue: what may leave, what an answer means, and nothing sent twice."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog

from quantum_trader.adapters.exchanges.binance.budget import Budget, Limits, Purpose
from quantum_trader.adapters.exchanges.binance.endpoints import TIME, Endpoint
from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.adapters.exchanges.binance.server_clock import ServerClock
from quantum_trader.adapters.exchanges.binance.wire import Answer, Wire
from quantum_trader.core.errors import BrokenInvariant, InDoubt, Locked, Unreachable
from quantum_trader.core.lease import RECEIVE_WINDOW_MS
from quantum_trader.core.orders.venue_codes import explained, outcome_of
from quantum_trader.core.secret import Secret

QUESTION_PAUSES_S = (0.2, 0.5, 1.0)
"""Between tries of a question that got no answer; asking changes nothing at the venue."""
CLOCK_CODE = -1021
CLOCK_TRIES = 3
CLOCK_WITHIN_S = 1.0
"""So often and so long a doubtful clock is measured again before an entry is refused for it."""
TOO_MANY = (-1003, -1015)
TEXT_MAX = 200
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding raises for bytes that are not what was promised."""

_log = structlog.get_logger()

T = TypeVar("T")
Params = Mapping[str, str]


class Refused(msgspec.Struct, frozen=True):
    """The venue refused by its rules, or it is so already (``done``)."""

    code: int
    reason: str
    done: bool


class _Error(msgspec.Struct, frozen=True):
    code: int
    msg: str = ""


class _Time(msgspec.Struct, frozen=True, rename="camel"):
    server_time: int


_error = msgspec.json.Decoder(_Error)
_time = msgspec.json.Decoder(_Time)


class Rest:
    """One account's requests. ``now_ms`` is the clock of this machine."""

    def __init__(
        self, hosts: Hosts, key: Secret, secret: Secret, now_ms: Callable[[], int]
    ) -> None:
        self._now_ms = now_ms
        self.clock = ServerClock(now_ms)
        self.budget = Budget()
        self._wire = Wire(hosts, key, secret, self.clock.there_ms)
        self.asks_as: Purpose = "question"

    def limit(self, limits: Limits) -> None:
        """What the venue said it grants."""
        self.budget = Budget(limits)

    def fence(self, refusal: Callable[[], str | None]) -> None:
        """What is signed and changes something is kept back while ``refusal`` gives a reason."""
        self._wire.refusal = refusal

    def fence_entries(self, refusal: Callable[[], str | None]) -> None:
        """An order that may open is kept back while ``refusal`` gives a reason, even if signed."""
        self._wire.entry_refusal = refusal

    async def call(
        self, endpoint: Endpoint, params: Params | None = None, purpose: Purpose = "question"
    ) -> bytes | Refused:
        """One request, sent at most once: the body of a success, or a refusal.

        Raises ``Unreachable`` when it had no effect, ``InDoubt`` when nobody knows, ``Locked``.
        """
        if purpose == "entry":
            await self._settle_clock()
        self._check(endpoint, self.asks_as if purpose == "question" else purpose)
        given = dict(params or {})
        if endpoint.signed:
            given["recvWindow"] = str(RECEIVE_WINDOW_MS)
        self.budget.spend(endpoint.weight, endpoint.orders, self.clock.there_ms())
        try:
            answer = await self._wire.ask(endpoint.call, given)
        except (Unreachable, InDoubt) as error:
            raise type(error)(f"{endpoint.words}: {error}") from None
        self.budget.note(answer.status, answer.headers, self.clock.there_ms())
        if answer.status == 200 and _is_json(answer.body):
            return answer.body
        return await self._failed(endpoint, answer)

    async def ask(
        self, endpoint: Endpoint, decoder: msgspec.json.Decoder[T], params: Params | None = None
    ) -> T:
        """A question, asked again a few times when no answer comes; a refusal is an error.

        Raises like ``call``, and ``InDoubt`` for a refusal and for an answer nobody can read.
        """
        if not endpoint.is_question:
            raise BrokenInvariant(f"{endpoint.words} would be sent again and again")
        for pause_s in QUESTION_PAUSES_S:
            try:
                body = await self.call(endpoint, params)
            except (Unreachable, InDoubt):
                await asyncio.sleep(pause_s)
            else:
                return _read(endpoint, decoder, body)
        return _read(endpoint, decoder, await self.call(endpoint, params))

    async def sync_clock(self) -> None:
        """Measure how far the venue's clock is from ours. Raises like ``ask``."""
        sent_ms = self._now_ms()
        body = await self.call(TIME)
        received_ms = self._now_ms()
        there_ms = _read(TIME, _time, body).server_time
        if not self.clock.note(sent_ms, there_ms, received_ms):
            raise InDoubt(f"the time took {received_ms - sent_ms} ms to come; it says nothing")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._wire.close()

    def _check(self, endpoint: Endpoint, purpose: Purpose) -> None:
        there_ms = self.clock.there_ms()
        why = self.budget.refusal(purpose, endpoint.weight, endpoint.orders, there_ms)
        if why is None and purpose == "entry":
            why = self.clock.refusal()
        if why is not None:
            raise Unreachable(f"{endpoint.words} was not sent: {why}")

    async def _failed(self, endpoint: Endpoint, answer: Answer) -> Refused:
        code, text = _said(answer)
        outcome = "in_doubt" if answer.status == 200 else outcome_of(answer.status, code, text)
        words = text if code is None else explained(code, text)
        words = f"{endpoint.words}: the venue answered {answer.status}: {words}"
        if code in TOO_MANY:
            self.budget.back_off(self.clock.there_ms())
        if code == CLOCK_CODE:
            await self._resync()
        if outcome == "in_doubt":
            raise InDoubt(words)
        if outcome == "not_sent":
            raise Unreachable(words)
        if outcome == "locked":
            raise Locked(words)
        assert code is not None
        return Refused(code, explained(code, text), outcome == "done")

    async def _settle_clock(self) -> None:
        """A few quick measurements while an entry would be refused for the clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOCK_WITHIN_S):
                for _ in range(CLOCK_TRIES):
                    if self.clock.refusal() is None:
                        return
                    await self._resync()

    async def _resync(self) -> None:
        """Measure before anybody tries again; a failure leaves what was known."""
        try:
            await self.sync_clock()
        except (Unreachable, InDoubt) as error:
            _log.warning("the venue's clock could not be measured", reason=str(error))


def read(decoder: msgspec.json.Decoder[T], body: bytes, words: str) -> T:
    """An answer as its type. Raises ``InDoubt`` for one that nobody can read."""
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise InDoubt(f"{words}: an answer nobody can read: {error}") from None


def _read(endpoint: Endpoint, decoder: msgspec.json.Decoder[T], body: bytes | Refused) -> T:
    if isinstance(body, Refused):
        raise InDoubt(f"{endpoint.words}: the venue refused to tell: {body.reason}")
    return read(decoder, body, endpoint.words)


def _said(answer: Answer) -> tuple[int | None, str]:
    """Code and text of an error; no code for what is no error of the venue's."""
    try:
        error = _error.decode(answer.body)
    except UNREADABLE:
        return None, answer.body[:TEXT_MAX].decode("utf-8", "replace")
    return (error.code if error.code < 0 else None), error.msg[:TEXT_MAX]


def _is_json(body: bytes) -> bool:
    """Whole JSON; anything else under a 200 is somebody in between, or half an answer."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except UNREADABLE:
        return False
    return True
