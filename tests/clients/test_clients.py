"""Clients that others wrote trade a full round on the venue, and the page says what came of it."""

import asyncio

import pytest

from tests.clients.running import CLIENTS, has_environment, on_a_venue, stored
from tests.clients.table import PAGE, page
from tests.clients.trip import STEPS, Trip, told


@pytest.mark.parametrize("client", CLIENTS)
def test_the_stored_results_have_every_step_and_each_is_green(client: str) -> None:
    results = stored(client)
    assert [step["step"] for step in results["steps"]] == list(STEPS)
    assert [step for step in results["steps"] if not step["ok"] or step["why"]] == []
    assert all(step["call"] for step in results["steps"])


def test_the_page_is_what_the_stored_results_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_step_says_what_it_is() -> None:
    assert len(STEPS) == 20
    assert all(told(step) not in ("", "None") for step in STEPS)
    assert all(hasattr(Trip, step) for step in STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_trades_its_round(client: str) -> None:
    if not has_environment(client):
        pytest.skip("optional: no environment of this client; `make clients` makes it")
    assert asyncio.run(on_a_venue(client)) == stored(client)
