"""``quantum intent``: propose an entry, and see what becomes of it."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import typer

from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    Progress,
    command,
    new_app,
    number,
    remark,
    say,
    show_json,
    wait,
)
from quantum_trader.app.connection import (
    Now,
    account_of,
    connected,
    time_there,
    wall_ms,
)
from quantum_trader.app.story import tell
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import (
    Fact,
    IntentApplied,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
)
from quantum_trader.core.intent_edge import (
    SIDES,
    fact_id_of,
    plan_id_of,
    read_intent,
    write_intent,
)
from quantum_trader.ports import Bus
from quantum_trader.services.wire import fact_in
from quantum_trader.streams import APPLY_RESULT, TRADE_INTENT

WRITER = "shell"
LOOK_EVERY_S = 0.1
PAGE = 256

Result = IntentApplied | IntentRefused | IntentSkipped

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``intent`` takes."""

    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")]
    side: Annotated[str, typer.Argument(help="LONG, SHORT (BUY, SELL), or FLAT to close.")]
    notional: Annotated[
        Decimal | None, typer.Option(parser=number, help="The position's worth in USDT.")
    ] = None
    margin: Annotated[
        Decimal | None, typer.Option(parser=number, help="What is put up for it in USDT.")
    ] = None
    qty: Annotated[Decimal | None, typer.Option(parser=number, help="In base units.")] = None
    leverage: Annotated[int | None, typer.Option(help="The configured one unless told.")] = None
    stop: Annotated[Decimal | None, typer.Option(parser=number, help="A price.")] = None
    take_profit: Annotated[Decimal | None, typer.Option(parser=number, help="A price.")] = None
    confidence: Annotated[float | None, typer.Option(help="0 to 1.")] = None
    reason: Annotated[str | None, typer.Option(help="In words, for the record.")] = None
    strategy: Annotated[str, typer.Option(help="Under whose name.")] = "manual"
    signal_id: Annotated[
        str | None, typer.Option(help="Your own id: the same id is acted on once.")
    ] = None
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the result.")
    ] = 0.0


@command(app, Options)
def propose(options: Options) -> int:
    """Propose an entry (or a close) to the running system. No size means: sized by risk.

    Exit code 1 when --wait was given and it was refused, failed, or nobody answered.
    """
    intent, now, result = wait(_propose(options))
    if options.as_json:
        show_json(
            {
                "trace_id": intent.trace_id,
                "plan_id": plan_id_of(intent),
                "signal_id": intent.signal_id,
                "clock": now.clock,
                "intent": intent,
                "result": result,
            }
        )
    else:
        _show(intent, result)
    if now.remark is not None:
        remark(now.remark)
    if not options.wait_s:
        return DONE
    if result is None:
        remark(f"nobody answered within {options.wait_s:g} s; `quantum doctor` looks for the cause")
    return DONE if is_good(result) else FOUND


def is_good(result: Result | None) -> bool:
    """Whether it was done, or needed no doing."""
    if isinstance(result, IntentApplied):
        return result.status != "failed"
    return isinstance(result, IntentSkipped)


def _show(intent: IntentProposed, result: Result | None) -> None:
    facts: list[list[Fact]] = [[intent], [] if result is None else [result]]
    told = tell(facts)
    for line in () if told is None else told.lines:
        say(line.text)
    say(f"quantum explain {intent.trace_id}")


async def _propose(options: Options) -> tuple[IntentProposed, Now, Result | None]:
    async with connected(options.url, options.data_dir) as bus:
        now = await time_there(bus, wall_ms())
        account = await account_of(bus)
        written = write_intent(intent_of(options, account, now.at_ms))
        # Read back by the door it has to pass, so that what cannot be read is never sent.
        intent = read_intent(written, account=account)
        before = await bus.last(APPLY_RESULT, 1)
        await bus.append(TRADE_INTENT, [written], writer=WRITER)
        result = None
        if options.wait_s:
            after = before[0].id if before else "-"
            result = await answer(bus, intent.trace_id, after, options.wait_s)
    return intent, now, result


def intent_of(options: Options, account: str, at_ms: int) -> IntentProposed:
    """The intent somebody typed. Raises ``UsageError`` for what can be no intent."""
    symbol = options.symbol.strip().upper()
    side = SIDES.get(options.side.strip().upper())
    if side is None:
        raise UsageError(f"{options.side}: expected {', '.join(SIDES)}")
    sizes = (options.notional, options.margin, options.qty)
    if sum(size is not None for size in sizes) > 1:
        raise UsageError("--notional, --margin and --qty each say how much; give one of them")
    signal_id = options.signal_id or f"{WRITER}-{at_ms}-{secrets.token_hex(4)}"
    fact_id = fact_id_of(account, options.strategy, symbol, signal_id)
    return IntentProposed(
        id=fact_id,
        at_ms=at_ms,
        trace_id=fact_id,
        account=account,
        symbol=symbol,
        side=side,
        signal_id=signal_id,
        strategy=options.strategy,
        source=WRITER,
        confidence=options.confidence,
        entry_price=None,
        stop_loss=options.stop,
        take_profit=options.take_profit,
        notional_usd=options.notional,
        margin_usd=options.margin,
        qty=options.qty,
        leverage=options.leverage,
        atr_price=None,
        volatility_factor=None,
        exchange_divergence=None,
        funding_rate_frac=None,
        regime=None,
        reason=options.reason,
    )


async def answer(bus: Bus, trace_id: str, after: str, seconds: float) -> Result | None:
    """The result of an intent, looked for behind ``after``; None when nobody answers in time."""
    until = time.monotonic() + seconds
    with Progress("waiting for the answer") as progress:
        while True:
            page = await bus.span(APPLY_RESULT, after, "+", PAGE)
            for fact in map(fact_in, page):
                if isinstance(fact, Result) and fact.trace_id == trace_id:
                    return fact
            after = page[-1].id if page else after
            if len(page) < PAGE:
                if time.monotonic() >= until:
                    return None
                await asyncio.sleep(LOOK_EVERY_S)
            progress.advance()
