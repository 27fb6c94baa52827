"""docs/venue-clients.md, from the stored results."""

from pathlib import Path

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
    return FRAME.replace("TABLE", "\n".join(lines))


def _cell(steps: list[dict[str, object]], step: str) -> str:
    found = next(one for one in steps if one["step"] == step)
    return f"{'green' if found['ok'] else 'RED'}: `{found['call']}`"
