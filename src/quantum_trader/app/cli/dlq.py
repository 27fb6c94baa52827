"""``quantum dlq``: messages nobody could process; look at them, and send them again once."""

from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from quantum_trader.app.cli.connection import connected, fact_in
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
    wait,
)
from quantum_trader.app.health import REDRIVEN, letter_name
from quantum_trader.app.story import time_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import DeadLettered
from quantum_trader.ports import Bus
from quantum_trader.streams import PREFIX, dead_letter_streams
