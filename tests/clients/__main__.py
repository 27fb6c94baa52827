"""``python -m tests.clients``: let outside clients trade, and write what came of it into the docs.

Needs their environments, which ``make clients`` makes. Prints every step that failed; exit code 1
when one did.
"""

import asyncio
import json
import sys

from tests.clients.running import CLIENTS, has_environment, on_a_venue, store
from tests.clients.table import PAGE, page


def run() -> int:
    """Run every client that is there and store its results; the page is written anew."""
    failed = 0
    for client in CLIENTS:
        if not has_environment(client):
            sys.stderr.write(f"{client}: no environment; `make clients` makes it\n")
            return 2
        results = asyncio.run(on_a_venue(client))
        store(client, results)
        red = [step for step in results["steps"] if not step["ok"]]
        failed += len(red)
        done = len(results["steps"]) - len(red)
        sys.stdout.write(
            f"{client} {results['version']}: {done} of {len(results['steps'])} steps\n"
        )
        for step in red:
            sys.stdout.write(json.dumps(step) + "\n")
    PAGE.write_text(page(), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run())
