"""Ending a process loudly: codes, time limits, and no secret in what is said about it."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from typing import NoReturn

import pytest
import structlog

from quantum_trader.core.errors import (
    BrokenInvariant,
    ExchangeError,
    Fenced,
    Locked,
    StoreError,
)
from quantum_trader.services import log
from quantum_trader.services.supervisor import run_services

STUBBORN = """
import asyncio
from quantum_trader.services.supervisor import run_services

async def stubborn():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def returns():
    await asyncio.sleep(0.01)

raise SystemExit(asyncio.run(run_services({"stubborn": stubborn, "returns": returns})))
"""


DEAF = """
import asyncio
from quantum_trader.services.supervisor import run_services

async def deaf_once():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        pass
    await asyncio.sleep(60)

async def returns():
    await asyncio.sleep(0.01)

code = asyncio.run(run_services({"deaf": deaf_once, "returns": returns}))
print("the summary")
raise SystemExit(code)
"""


async def for_ever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


def failing(failure: Exception) -> Coroutine[object, object, None]:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise failure

    return fail()


@pytest.fixture
def said() -> io.StringIO:
    stream = io.StringIO()
    log.configure(stream)
    return stream


async def test_a_loop_that_returns_ends_the_process_with_70_at_once(said: io.StringIO) -> None:
    began = time.monotonic()
    code = await run_services({"good": for_ever, "returns": lambda: asyncio.sleep(0)})
    assert code == 70
    assert time.monotonic() - began < 2
    assert json.loads(said.getvalue())["service"] == "returns"


@pytest.mark.parametrize(
    ("failure", "is_ours"),
    [
        (ExchangeError("the venue is gone"), False),
        (Locked("the venue answered 401: -2015 API-key is invalid"), False),
        (StoreError("no room"), False),
        (BrokenInvariant("a stop that opens"), True),
        (ZeroDivisionError("x"), True),
        (MemoryError(), True),
    ],
)
async def test_whatever_ends_a_service_ends_the_process(
    said: io.StringIO, failure: Exception, is_ours: bool
) -> None:
    code = await run_services({"good": for_ever, "bad": lambda: failing(failure)})
    assert code == 70
    line = json.loads(said.getvalue())
    assert (line["service"], line["reason"]) == ("bad", str(failure))
    assert (type(failure).__name__ in line.get("exception", "")) == is_ours


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_fenced_instance_ends_with_75_and_says_why(
    said: io.StringIO, *, wrapped: bool
) -> None:
    failure: Exception = Fenced("epoch 4 holds it")
    if wrapped:
        failure = ExceptionGroup("two loops", [failure])
    code = await run_services({"good": for_ever, "old": lambda: failing(failure)})
    assert code == 75
    assert "another instance took over" in said.getvalue()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_the_process_ends_with_0(said: io.StringIO, number: int) -> None:
    asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), number)
    assert await run_services({"good": for_ever}) == 0
    assert "told to stop" in said.getvalue()


async def test_a_test_or_a_shell_goes_on_after_the_services_ended(said: io.StringIO) -> None:
    assert await run_services({"returns": lambda: asyncio.sleep(0)}) == 70
    await asyncio.sleep(1.1)
    assert said.getvalue()


def test_a_service_that_swallows_its_end_cannot_keep_the_process() -> None:
    began = time.monotonic()
    command = [sys.executable, "-c", STUBBORN]
    done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    assert done.returncode == 70
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "s3cret"),
        ("X-MBX-APIKEY", "s3cret"),
        ("secret", "s3cret"),
        ("url", "redis://user:s3cret@localhost:6379/0"),
        ("request", "symbol=BTCUSDT&signature=s3cret"),
        ("headers", {"Authorization": "s3cret"}),
        ("settings", [{"token": "s3cret"}]),
        ("text", '{"password": "s3cret"}'),
        ("error", "AuthError: bad password=s3cret, sorry"),
    ],
)
def test_no_secret_is_logged(said: io.StringIO, key: str, value: object) -> None:
    structlog.get_logger().error("trouble", **{key: value})
    assert "s3cret" not in said.getvalue()
    assert "trouble" in said.getvalue()


def test_a_secret_inside_an_exception_is_not_logged_either(said: io.StringIO) -> None:
    failure = ValueError("cannot reach redis://:s3cret@host")
    structlog.get_logger().error("trouble", exc_info=failure)
    assert "s3cret" not in said.getvalue()
    assert "ValueError" in said.getvalue()


def test_what_is_no_secret_is_logged_whole(said: io.StringIO) -> None:
    structlog.get_logger().info("placed", symbol="BTCUSDT", qty="0.5", url="http://localhost:8000")
    line = json.loads(said.getvalue())
    assert (line["symbol"], line["qty"], line["url"]) == ("BTCUSDT", "0.5", "http://localhost:8000")


def test_who_missed_the_word_is_told_again_and_the_summary_is_said() -> None:
    done = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, check=False)
    assert done.returncode == 70
    assert done.stdout.splitlines()[-1] == b"the summary"
