"""Both control APIs keep what they describe, whatever is sent: a machine tries it out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.control import Control, document
from quantum_trader.app.kill import Desk
from quantum_trader.app.page import page_app
from quantum_trader.app.watch import View
from quantum_trader.ports import Bus
from tests.venues import running_venue

TOKEN = "t" * 43
EXAMPLES = 8
"""Of each operation, sound and unsound ones alike."""


def tried(schema: BaseSchema, headers: Mapping[str, str], excused: Any = (), **to: Any) -> int:
    """Try every operation out; how many requests were answered as described.

    ``excused`` are the checks that do not hold here.
    """
    answered = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(mode))
            @settings(
                max_examples=EXAMPLES,
                derandomize=True,
                deadline=None,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def keeps_its_word(case: schemathesis.Case[Any]) -> None:
                nonlocal answered
                case.call_and_validate(headers=dict(headers), excluded_checks=excused, **to)
                answered += 1

            keeps_its_word()
    return answered


def unseen() -> View:
    """Nobody looks at the page here."""
    raise NotImplementedError


@asynccontextmanager
async def a_bus() -> AsyncIterator[Bus]:
    """Streams on which nobody trades: a new one each time, because a request has its own loop."""
    yield MemoryBus()


def an_app(folder: Path) -> Starlette:
    """The page of a system, with its control."""
    return page_app(unseen, Control(Desk(FileLatch(folder), a_bus), TOKEN).routes())


@pytest.mark.slow
def test_the_control_of_a_running_system_is_as_it_describes_itself(tmp_path: Path) -> None:
    schema = schemathesis.openapi.from_dict(document())
    schema.app = an_app(tmp_path)
    schema.config.update(base_url="http://127.0.0.1")
    assert tried(schema, {"Authorization": f"Bearer {TOKEN}"}) > 4 * EXAMPLES
    assert {one.name for one in tmp_path.iterdir()} <= {"halt.latch"}


@pytest.mark.slow
async def test_the_control_of_the_paper_venue_is_as_it_describes_itself() -> None:
    async with running_venue("--symbols", "BTCUSDT") as venue:
        headers = {"Authorization": f"Bearer {venue.places['control_token']}"}
        schema = schemathesis.openapi.from_url(f"{venue.url}/control/openapi.json", headers=headers)
        # What is described may still name a symbol that nobody trades: that is no failure.
        excused = [positive_data_acceptance]
        answered = await asyncio.to_thread(tried, schema, headers, excused, base_url=venue.url)
        assert answered > 14 * EXAMPLES
        assert venue.process.poll() is None
        assert (await venue.control.state())["prices"]
