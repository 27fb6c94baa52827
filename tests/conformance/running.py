"""All cases: at one paper venue, or at the demo environment."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import httpx2
import msgspec

from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from tests.conformance import (
    algo_service,
    budgets,
    codes,
    environments,
    faults,
    ladders,
    margins,
    preflight,
    recipe,
    shapes,
    unknown_outcomes,
    user_streams,
)
from tests.conformance.case import Case, Cases
from tests.conformance.desk import Desk, Keys
from tests.conformance.market import symbol_of, write_market
from tests.venues import RunningVenue, running_venue

SECTIONS: tuple[Cases, ...] = (
    algo_service.CASES,
    shapes.CASES,
    unknown_outcomes.CASES,
    codes.CASES,
    ladders.CASES,
    budgets.CASES,
    user_streams.CASES,
    preflight.CASES,
    margins.MARGIN,
    margins.FUNDING,
    environments.CASES,
    recipe.CASES,
    faults.CASES,
)
ALL: tuple[Case, ...] = tuple(case for section in SECTIONS for case in section.all)
KEY, SECRET = "QT_TESTNET_API_KEY", "QT_TESTNET_API_SECRET"
DEMO_SYMBOL = "BTCUSDT"
AT_ONCE = 8
SHARED = 12
"""So many symbols; every one costs the venue time for each account."""
CASE_S = 150.0
HOLDS = "holds"
NO_KEYS = "not run: no keys"


class Result(msgspec.Struct, frozen=True):
    """What came of a case: ``holds``, ``fails: why``, or ``not run: why``."""

    number: str
    words: str


async def on_paper(cases: Sequence[Case] = ALL, at_once: int = AT_ONCE) -> list[Result]:
    """Try them at a paper venue of one process, each with an account and a symbol of its own."""
    symbols = symbols_for(cases)
    with tempfile.TemporaryDirectory() as folder:
        options = write_market(Path(folder), sorted(set(symbols)))
        async with running_venue("--accounts", str(len(cases)), *options) as venue:
            gate, setting = asyncio.Semaphore(at_once), asyncio.Lock()
            locks = {symbol: asyncio.Lock() for symbol in symbols}

            async def one(place: int, case: Case) -> Result:
                async with gate, locks[symbols[place]]:
                    desk = paper_desk(venue, place, symbols[place])
                    desk.one_at_a_time = setting
                    return await tried(case, desk)

            return await asyncio.gather(*(one(*each) for each in enumerate(cases)))


def symbols_for(cases: Sequence[Case]) -> list[str]:
    """Whoever spoils a symbol has one alone; others share some, one at a time."""
    own = count(SHARED)
    return [
        symbol_of(next(own) if case.spoils else place % SHARED) for place, case in enumerate(cases)
    ]


def paper_desk(venue: RunningVenue, place: int, symbol: str) -> Desk:
    """The desk of one case; requests come from an address of its own, which has its own limits."""
    who = venue.accounts[place]
    keys = Keys(who["name"], who["key"], who["secret"])
    hosts, address = hosts_of("paper", venue.url), f"127.0.1.{place + 1}"
    return Desk(hosts, keys, symbol, venue.control, address=address)


async def at_demo(cases: Sequence[Case] = ALL) -> list[Result]:
    """Try those that may be at the demo environment, one after the other."""
    key, secret = os.environ.get(KEY), os.environ.get(SECRET)
    if not (key and secret):
        return [kept_from_demo(case) for case in cases]
    hosts = hosts_of("testnet")
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{hosts.rest}/fapi/v1/time")
    keys = Keys("demo", key, secret)
    desk = Desk(hosts, keys, DEMO_SYMBOL, None)
    desk.set_clock(int(answer.json()["serverTime"]))
    results: list[Result] = []
    for case in cases:
        kept = case.kept is not None
        results.append(kept_from_demo(case) if kept else await tried(case, desk, close=False))
    await desk.close()
    return results


def kept_from_demo(case: Case) -> Result:
    """Why it was not run there."""
    return Result(case.number, f"not run: {case.kept}" if case.kept else NO_KEYS)


async def tried(case: Case, desk: Desk, *, close: bool = True) -> Result:
    """Look whether a case holds; whatever goes wrong in it is its failure."""
    try:
        async with asyncio.timeout(CASE_S):
            await case.look(desk)
    except (AssertionError, httpx2.HTTPError, OSError, TimeoutError, LookupError) as error:
        return Result(case.number, f"fails: {type(error).__name__} {error}".strip())
    finally:
        if close:
            await desk.close()
    return Result(case.number, HOLDS)
