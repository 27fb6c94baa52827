"""One stop by three ways: the control API, the command and the file end in the same state."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.test_kill import Desk, is_at
from tests.running import Running

NO_REST = "[limits]\ncooldown_open_ms = 0\ncooldown_close_ms = 0\n"
WHY = "all three say so"

Way = Callable[["Three", str], None]


class Three(Desk):
    """A desk whose system needs no rest between trades."""

    def start(self) -> Running:
        """Run a system on one symbol."""
        settings = self.folder.with_suffix(".toml")
        settings.write_text(NO_REST)
        words = ("--symbols", "BTCUSDT", "--config", str(settings))
        self.systems.append(Running(self.folder, *words))
        return self.systems[-1]

    def post(self, name: str, **more: str) -> dict[str, Any]:
        """Order something over HTTP, as any program of this machine could."""
        ready = self.systems[-1].ready
        token = Path(ready["control_token_file"]).read_text().strip()
        answer = httpx2.post(
            f"{ready['control_url']}/{name}",
            json={"who": "a program", "why": WHY, **more},
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def open_again(self) -> None:
        """Propose until there is a protected position."""
        for _ in range(20):
            self.type("intent", "BTCUSDT", "LONG", "--notional", "500", "--wait", "10")
            if any(one["stop_price"] for one in self.systems[-1].state()["held"]):
                return
        pytest.fail(json.dumps(self.systems[-1].state()))

    def end(self, level: str) -> dict[str, Any]:
        """Where everything is once a level is in force, and what was held is closed if it must."""
        state = self.systems[-1].until(
            lambda now: is_at(level)(now) and (level == "HALT" or not now["held"])
        )
        return {
            "level": state["head"]["kill_level"],
            "latched": self.latch.read_text().split()[0],
            "held": [one["symbol"] for one in state["held"]],
            "protected": all(one["stop_price"] for one in state["held"]),
            "ordered": self.levels()[-1].level,
            "left": state["trades"][0]["reason"] if level == "FLATTEN" else None,
        }


def by_api(desk: Three, level: str) -> None:
    """Over HTTP."""
    told = desk.post(level.lower())
    assert (told["level"], told["in_force"], told["problem"]) == (level, True, None)


def by_command(desk: Three, level: str) -> None:
    """From the shell."""
    assert desk.ask(level.lower(), "--why", WHY)[0] == 0


def by_file(desk: Three, level: str) -> None:
    """By hand, as the guardian and the running system read it."""
    desk.latch.write_text(f"{level}\nwhy: {WHY}\n")


WAYS: tuple[Way, ...] = (by_api, by_command, by_file)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Three]:
    """Return a desk; whatever still runs at the end is killed."""
    made = Three(tmp_path / "data")
    yield made
    for one in made.systems:
        one.process.kill()
        one.process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_stop_ends_in_the_same_state_by_api_by_command_and_by_file(desk: Three) -> None:
    desk.start()
    for level in ("HALT", "FLATTEN"):
        ends = []
        for way in WAYS:
            desk.open_again()
            way(desk, level)
            ends.append(desk.end(level))
            ordered = len(desk.levels())
            for again in WAYS:
                again(desk, level)
            assert desk.end(level) == ends[-1]
            assert len(desk.levels()) == ordered, "said again, it is not ordered again"
            assert desk.levels()[-1].why == WHY
            told = desk.post("resume", confirm="resume")
            assert (told["level"], told["in_force"]) == ("RUN", True)
            assert not desk.latch.exists()
            desk.systems[-1].until(is_at("RUN"))
        assert ends[0] == ends[1] == ends[2]
        assert ends[0]["held"] == (["BTCUSDT"] if level == "HALT" else [])
