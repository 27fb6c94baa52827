"""The people of a world: who proposes, who operates, and whose hand trades beside us."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from quantum_trader.app.simulation.bus import Server
from quantum_trader.app.simulation.clock import WallClock
from quantum_trader.app.simulation.dice import dice
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.market import FIRST_PRICE, Market
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.app.simulation.venue import TruthVenue
from quantum_trader.core.events import DrainSwitched, Fact, IntentProposed, KillLevelSet
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.intent_edge import plan_id_of, write_intent
from quantum_trader.core.out import Stamp
from quantum_trader.core.units import OrderSide
from quantum_trader.ports import Fields, Latched
from quantum_trader.services import wire
from quantum_trader.streams import CLOCK_STREAM, MARKET_TICK, OPERATOR_STREAM, TRADE_INTENT

STALE_MS = 420_000
PAUSE_S = 9.0
"""The mean pause between two intents."""
MALFORMED: tuple[dict[bytes, bytes], ...] = (
    {b"payload": b"{}"},
    {b"payload": b'{"symbol": "BTCUSDT", "side": "UP"}'},
    {b"symbol": b"BTCUSDT", b"side": b"LONG"},
    {b"symbol": b"BTCUSDT", b"side": b"BUY", b"at_ms": b"yesterday"},
    {b"type": b"intent.proposed", b"payload": b"\xff\xfe"},
)


@dataclass(frozen=True)
class Place:
    """Where people meet the system: its streams, the time, and the tape that notes what they do."""

    account: str
    server: Server
    faults: Faults
    clock: WallClock
    tape: Tape


class Proposals:
    """What was proposed, for those who check: signal times by plan, and what nobody could read."""

    def __init__(self) -> None:
        self.at_ms: dict[str, int] = {}
        self.malformed = 0


class Proposer:
    """A careless outsider: proposes, repeats itself, is late, and cannot always be read."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._faults = place.faults
        self._dice = dice(seed, "proposer")
        self._count = 0
        self.proposals = Proposals()
        self.quiet = False

    async def run(self) -> None:
        """Propose for ever."""
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / PAUSE_S))
            if not self.quiet:
                await self._propose()

    async def _propose(self) -> None:
        if self._faults.strikes("intent_malformed"):
            self._place.tape("outside", "sends an intent that nobody can read")
            self.proposals.malformed += 1
            await self._send(self._faults.chance("intent_malformed").choice(MALFORMED))
        intent = self._intent()
        self.proposals.at_ms.setdefault(plan_id_of(intent), intent.at_ms)
        self._place.tape(
            "outside", f"proposes {intent.side} {intent.symbol} [{plan_id_of(intent)}]"
        )
        fields = write_intent(intent)
        await self._send(fields)
        if self._faults.strikes("intent_repeated"):
            await asyncio.sleep(self._faults.chance("intent_repeated").choice((0.0, 0.5, 20.0)))
            self._place.tape("outside", f"proposes [{plan_id_of(intent)}] again")
            await self._send(fields)

    def _intent(self) -> IntentProposed:
        self._count += 1
        chance, name = self._dice, f"s{self._count}"
        stale_ms = STALE_MS if self._faults.strikes("intent_stale") else 0
        return IntentProposed(
            id=name,
            at_ms=self._place.clock.true_ms() - stale_ms,
            trace_id=name,
            account=self._place.account,
            symbol=chance.choice(list(FIRST_PRICE)),
            side=chance.choices(("LONG", "SHORT", "FLAT", "HOLD"), (10, 10, 2, 1))[0],
            signal_id=name,
            strategy="outside",
            source="outside",
            confidence=0.6,
            entry_price=None,
            notional_usd=chance.choice((None, Decimal(1500), Decimal(300))),
            leverage=chance.choice((5, 10, 20)),
            reason=None,
            **UNSAID,
        )

    async def _send(self, fields: Fields) -> None:
        if not self._place.server.is_down:
            await self._place.server.memory.append(TRADE_INTENT, [fields], writer="outside")


class Latch:
    """``ports.Latch`` of the machine: what lies there, whoever put it."""

    def __init__(self) -> None:
        self.latched: Latched | None = None

    def read(self) -> Latched | None:
        """What is latched now."""
        return self.latched


class Operator:
    """Whoever is at the desk: orders at bad moments, and thinks better of it later."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._faults = place.faults
        self._orders = 0
        self.latch = Latch()

    async def kill_level(self, level: KillLevel) -> None:
        """Order a kill level."""
        self._place.tape("operator", level)
        await self._order(
            KillLevelSet(**self._stamp(), level=level, who="operator", why="a simulated world")
        )

    async def drain(self, *, on: bool) -> None:
        """Switch safe-drain."""
        self._place.tape("operator", f"safe-drain {'on' if on else 'off'}")
        await self._order(
            DrainSwitched(**self._stamp(), on=on, who="operator", why="a simulated world")
        )

    async def panic(self, kind: str, level: KillLevel) -> None:
        """Order a level, and resume after a while."""
        await self.kill_level(level)
        await asyncio.sleep(self._faults.chance(kind).uniform(0.1, 20.0))
        await self.kill_level("RUN")

    async def drain_for_a_while(self) -> None:
        """Switch safe-drain on and off again."""
        await self.drain(on=True)
        await asyncio.sleep(self._faults.chance("drained").uniform(0.1, 20.0))
        await self.drain(on=False)

    async def latch_for_a_while(self) -> None:
        """Put the latch in place, take it away, and resume."""
        chance = self._faults.chance("latched")
        level: KillLevel = chance.choice(("HALT", "FLATTEN"))
        self._place.tape("operator", f"latches {level}")
        self.latch.latched = Latched(
            level=level, who="operator", why="latched", at_ms=self._place.clock.true_ms()
        )
        await asyncio.sleep(chance.uniform(0.1, 15.0))
        self.latch.latched = None
        await self.kill_level("RUN")

    async def poison(self) -> None:
        """Put what nobody can read on one of our own streams."""
        stream = self._faults.chance("poison").choice((CLOCK_STREAM, OPERATOR_STREAM, MARKET_TICK))
        if not self._place.server.is_down and await self._place.server.memory.last(stream, 1):
            self._place.tape("outside", f"leaves poison on {stream}")
            fields = {b"type": b"poison", b"payload": b"[1, 2"}
            await self._place.server.memory.append(stream, [fields], writer="poison")

    async def resume(self) -> None:
        """Everything as if nothing had ever been ordered."""
        self.latch.latched = None
        await self.drain(on=False)
        await self.kill_level("RUN")

    async def _order(self, fact: Fact) -> None:
        while self._place.server.is_down:  # noqa: ASYNC110 - the time is virtual
            await asyncio.sleep(1.0)
        await self._place.server.memory.append(
            OPERATOR_STREAM, [wire.write(fact)], writer="operator"
        )

    def _stamp(self) -> Stamp:
        self._orders += 1
        at_ms = self._place.clock.true_ms()
        return {
            "id": f"operator:{self._orders}:{at_ms}",
            "at_ms": at_ms,
            "trace_id": "",
            "account": self._place.account,
        }


class Hand:
    """Somebody who trades at the venue beside us, with market orders that are not ours."""

    def __init__(self, venue: TruthVenue, market: Market, faults: Faults) -> None:
        self._venue = venue
        self._market = market
        self._faults = faults
        self._count = 0

    def trade(self) -> None:
        """Open, add, reduce, close or flip."""
        chance = self._faults.chance("hand_traded")
        symbol = chance.choice(list(self._market.prices))
        held = self._venue.positions.get(symbol, Decimal(0))
        price = self._market.prices[symbol]
        share = Decimal(chance.randint(1, 9)) / 10
        what = chance.choice(("add", "reduce", "close", "flip"))
        side: OrderSide = "BUY" if (held > 0) == (what == "add") else "SELL"
        qty = share * 1_000 / Decimal(str(price))
        if held and what != "add":
            qty = abs(held) * {"reduce": share, "close": Decimal(1), "flip": 1 + share}[what]
        self._send("hand", symbol, side, qty)

    def deleverage(self) -> None:
        """The venue takes a part of a position by itself."""
        chance = self._faults.chance("deleveraged")
        positions = self._venue.positions
        if positions:
            symbol = chance.choice(sorted(positions))
            held = positions[symbol]
            side: OrderSide = "SELL" if held > 0 else "BUY"
            self._send("adl_autoclose", symbol, side, abs(held) / chance.choice((1, 2)))

    def _send(self, name: str, symbol: str, side: OrderSide, qty: Decimal) -> None:
        self._count += 1
        step = Decimal("0.001") if symbol == "BTCUSDT" else Decimal(1)
        rounded = qty // step * step
        if rounded:
            self._venue.trade_by_others(
                OrderRequest(
                    client_order_id=f"{name}-{self._count}",
                    symbol=symbol,
                    side=side,
                    kind="MARKET",
                    qty=rounded,
                    price=None,
                    trigger_price=None,
                    reduce_only=name != "hand",
                )
            )
