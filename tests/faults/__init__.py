"""Every fault that can be thought of, how it is made, and the tests that show what comes of it.

``python -m tests.faults`` writes docs/faults.md from this; ``--run`` runs every test it names.
"""

from tests.faults.account import ACCOUNT
from tests.faults.messages import MESSAGES
from tests.faults.people import PEOPLE
from tests.faults.processes import PROCESSES
from tests.faults.replies import REPLIES
from tests.faults.row import Row
from tests.faults.server import SERVER

SECTIONS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("Processes", PROCESSES),
    ("The stream server", SERVER),
    ("Messages", MESSAGES),
    ("What the venue answers", REPLIES),
    ("What the venue tells, and the account", ACCOUNT),
    ("Time, disk and people", PEOPLE),
)
ROWS = tuple(row for _, rows in SECTIONS for row in rows)

__all__ = ["ROWS", "SECTIONS", "Row"]
