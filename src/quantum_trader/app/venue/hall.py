"""The venue itself: accounts, symbols, prices. The same inputs in the same order make it anew."""

from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.board import Board
from quantum_trader.app.venue.catalog import Catalog
from quantum_trader.app.venue.records import Records
from quantum_trader.core.matching.desk import open_desk
from quantum_trader.core.matching.rules import Depth, MatchingRules
from quantum_trader.core.matching.state import VenueState
from quantum_trader.core.units import ZERO


class HouseRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen once for a venue, and has to be chosen again to continue it.

    ``legacy_conditional`` takes conditional orders on the old endpoint as well. Listen keys are
    made of ``salt``, which nobody is told.
    """

    deposit_usd: Decimal = Decimal(100_000)
    taker_fee_frac: Decimal = Decimal("0.0005")
    maker_fee_frac: Decimal = Decimal("0.0002")
    legacy_conditional: bool = False
    insurance_usd: Decimal = Decimal(1_000_000)
    depth: Depth = Depth()
    queue_ticks: int = 1
    salt: str = ""


class Counters(msgspec.Struct, kw_only=True):
    """The numbers that are never given twice, and the insurance fund.

    ``wall_ms`` is the server's clock at the newest input, ``at_ms`` the market's; the venue
    began for the first time at ``began_ms``.
    """

    orders: int = 4_000_000_000
    algos: int = 1_000_000_000_000
    trades: int = 300_000_000
    movements: int = 700_000_000
    keys: int = 0
    insurance_usd: Decimal = ZERO
    at_ms: int = 0
    wall_ms: int = 0
    began_ms: int = 0


class Saved(msgspec.Struct, kw_only=True):
    """All of a hall but its market's past: enough to go on from."""

    counters: Counters
    desks: dict[str, VenueState]
    records: dict[str, Records]
    rows: dict[str, dict[str, Any]]
    brackets: dict[str, dict[str, Any]]
    boards: dict[str, Board]


class Hall:
    """``accounts`` by name; ``boards`` is the market by symbol; ``said`` what streams have to tell.

    Nothing in here looks at a clock or draws at random: times come with the inputs.
    """

    def __init__(self, catalog: Catalog, house: HouseRules, names: tuple[str, ...]) -> None:
        self.catalog = catalog
        self.house = house
        self.counters = Counters(insurance_usd=house.insurance_usd)
        self.accounts = {name: self._account(name, None, Records()) for name in names}
        self.boards = {symbol: Board(symbol=symbol) for symbol in catalog.rows}

    def _account(self, name: str, state: VenueState | None, records: Records) -> Account:
        rules = MatchingRules(
            instruments=self.catalog.instruments,
            deposit_usd=self.house.deposit_usd,
            taker_fee_frac=self.house.taker_fee_frac,
            maker_fee_frac=self.house.maker_fee_frac,
            queue_ticks=self.house.queue_ticks,
            margin_mode="cross",
            depth=self.house.depth,
            by_tier=True,
        )
        return Account(name, open_desk(rules, state), records)

    @property
    def at_ms(self) -> int:
        """The time of the market."""
        return self.counters.at_ms

    def next_movement(self) -> int:
        """A number for a movement of money."""
        self.counters.movements += 1
        return self.counters.movements

    def saved(self) -> Saved:
        """Everything, to be written down. It shares its parts with the hall: encode it at once."""
        return Saved(
            counters=self.counters,
            desks={name: one.desk.state for name, one in self.accounts.items()},
            records={name: one.records for name, one in self.accounts.items()},
            rows=self.catalog.rows,
            brackets=self.catalog.brackets,
            boards=self.boards,
        )

    def restore(self, saved: Saved) -> None:
        """Go on from what was written down; accounts that are new begin with their deposit."""
        self.counters = saved.counters
        self.catalog.brackets |= saved.brackets
        for row in saved.rows.values():
            self.catalog.put(row)
        self.boards |= saved.boards
        for name, records in saved.records.items():
            self.accounts[name] = self._account(name, saved.desks[name], records)
