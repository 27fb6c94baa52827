"""docs/venue-clients.md, from the stored results."""

from pathlib import Path
from typing import Any

from tests.clients.running import CLIENTS, ROOT, stored
from tests.clients.trip import STEPS, told

PAGE = ROOT / "docs" / "venue-clients.md"
FRAME = (Path(__file__).parent / "page.md").read_text(encoding="utf-8")


def page() -> str:
    """The whole page."""
    results = {client: stored(client) for client in CLIENTS}
    heads = [f"{CLIENTS[client]} {results[client]['version']}" for client in CLIENTS]
    lines = [f"| step | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for step in STEPS:
        cells = [_cell(results[client]["steps"], step) for client in CLIENTS]
        lines.append(f"| {told(step)} | {' | '.join(cells)} |")
    return FRAME.replace("TABLE", "\n".join(lines)).replace("DOORS", _doors(results, heads))


def _doors(results: dict[str, dict[str, Any]], heads: list[str]) -> str:
    """Endpoint by endpoint, what came of it for whom."""
    doors = sorted({door for one in results.values() for door in one["doors"]}, key=_by_path)
    lines = [f"| endpoint | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for door in doors:
        cells = [", ".join(results[client]["doors"].get(door, ())) for client in CLIENTS]
        lines.append(f"| `{door}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _by_path(door: str) -> tuple[str, str]:
    method, _, path = door.partition(" ")
    return path, method


def _cell(steps: list[dict[str, object]], step: str) -> str:
    found = next(one for one in steps if one["step"] == step)
    return f"{'green' if found['ok'] else 'RED'}: `{found['call']}`"
