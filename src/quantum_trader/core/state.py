"""Everything the trader knows: a fold of the facts it has consumed, and nothing else.

Facts are immutable; the state is the one thing that changes, in place, inside a step. It can be
written as JSON and read back without loss, and gives the same hash in any process.
"""

import hashlib
from decimal import Decimal
from functools import cached_property

import msgspec

from quantum_trader.core.books.ledger import Ledger, WalletGap
from quantum_trader.core.books.position import Position
from quantum_trader.core.books.trade import OpenTrade
from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.events.ops import Blocked, KillLevel
from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.exits.performance import PerformanceBook
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.market.view import MarketView
from quantum_trader.core.orders.differences import Difference
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import ZERO, decimal_of


class Exposure(msgspec.Struct, kw_only=True):
    """Sums over all positions, kept up to date fill by fill so that no gate has to add them up.

    ``margin_usd`` is the initial margin at entry cost, ``gross_usd`` the cost of all positions,
    ``unrealized_usd`` their profit at mark and ``open_loss_usd`` (never above zero) the part of
    it that is lost. ``coming_usd`` is the notional that entries under way may still fill, and
    ``coming_margin_usd`` what they will bind.
    """

    margin_usd: Decimal = ZERO
    gross_usd: Decimal = ZERO
    unrealized_usd: Decimal = ZERO
    open_loss_usd: Decimal = ZERO
    coming_usd: Decimal = ZERO
    coming_margin_usd: Decimal = ZERO


class TraderState(msgspec.Struct, kw_only=True, dict=True):
    """The state of one account on one shard of symbols.

    ``awake_ms`` is since when time has passed without a gap: before it, nothing ran here.
    ``blocked`` are the streams that somebody keeps from being trimmed.
    ``life`` is that of the streams, see ``core/orders/new_life``.
    ``planned`` maps every plan id ever used to when; it is never forgotten, so that one signal can
    never have two plans. ``refused`` maps a plan id to the time until which a repeat of it has to
    be recognised here; after that its age alone refuses it. ``strays`` are positions that no plan
    owns. ``exit_plans`` are the exit plans in force, see ``core/exits/router``. ``market_states``
    are the newest published ones. ``performance`` is what the last trades earned. ``venue_ms`` is
    when the venue's account was last seen, ``suspects`` what differed there the last time, by
    symbol. No entry is taken in a symbol that is ``quarantined``, and none at all while there are
    ``alerts``; both say why, and the alert of the whole account has no symbol. ``unrealized`` and
    ``margins`` are what each symbol adds to the exposure. ``wallet_gap`` is what the venue's wallet
    has that the ledger has not, see ``core/orders/wallet``. ``leverages`` are what the last entry
    that was filled had set at the venue, symbol by symbol.
    """

    now_ms: int = 0
    awake_ms: int = 0
    life: int = 1
    rules: Rules | None = None
    safe_drain: bool = False
    kill_level: KillLevel = "RUN"
    blocked: tuple[Blocked, ...] = ()
    markets: dict[str, MarketView] = {}
    positions: dict[str, Position] = {}
    trades: dict[str, OpenTrade] = {}
    plans: dict[str, Plan] = {}
    plan_of: dict[str, str] = {}
    strays: dict[str, Stray] = {}
    exit_plans: dict[str, ExitPlan] = {}
    market_states: dict[str, MarketStateComputed] = {}
    performance: PerformanceBook = msgspec.field(default_factory=PerformanceBook)
    venue_ms: int = 0
    suspects: dict[str, tuple[Difference, ...]] = {}
    quarantined: dict[str, str] = {}
    alerts: dict[str, str] = {}
    planned: dict[str, int] = {}
    refused: dict[str, int] = {}
    intents: int = 0
    exposure: Exposure = msgspec.field(default_factory=Exposure)
    unrealized: dict[str, Decimal] = {}
    margins: dict[str, Decimal] = {}
    leverages: dict[str, int] = {}
    last_open_ms: dict[str, int] = {}
    last_close_ms: dict[str, int] = {}
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    wallet_gap: WalletGap | None = None

    @cached_property
    def calm(self) -> dict[str, Calm]:
        """Where, by symbol, the exit brain need not be asked again.

        It is no part of the state: nothing but a look saved, and whoever looks finds the same.
        """
        return {}

    @property
    def equity_usd(self) -> Decimal:
        """Wallet and unrealised profit."""
        return self.ledger.wallet_usd + self.exposure.unrealized_usd

    @property
    def available_usd(self) -> Decimal:
        """What may back new positions: open losses lessen it, open profits do not grow it."""
        exposure = self.exposure
        bound_usd = exposure.margin_usd + exposure.coming_margin_usd
        return self.ledger.wallet_usd + exposure.open_loss_usd - bound_usd

    @property
    def account(self) -> str:
        """Whose state this is; empty before the first rules."""
        return "" if self.rules is None else self.rules.account

    def mark_of(self, symbol: str) -> Decimal | None:
        """The mark price as the market says it (finer than the tick), None when nothing was."""
        view = self.markets.get(symbol)
        return None if view is None or view.mark is None else decimal_of(view.mark)


def state_hash(state: msgspec.Struct) -> str:
    """A hash that is equal when, and only when, two states are."""
    return hashlib.sha256(msgspec.json.encode(state, order="deterministic")).hexdigest()
