"""The market moves: accounts, conditional orders, insurance and streams move with it."""

from quantum_trader.app.venue import listen_keys
from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.board import Print
from quantum_trader.app.venue.booking import end_algo, settle
from quantum_trader.app.venue.conditional import watch
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.insurance import cover_losses
from quantum_trader.app.venue.margin_call import call_margins
from quantum_trader.app.venue.ordering import withdraw
from quantum_trader.core.events import FundingRatePublished, MarketFact, MarkPriced, Tick
from quantum_trader.core.matching.advance import advance, advance_legs


def move(hall: Hall, fact: MarketFact) -> Print | None:
    """Take a trade, a mark price or a funding rate in. The trade as it went on the tape, if one."""
    board = hall.boards.get(fact.symbol)
    if board is None or board.halted:
        return None
    hall.counters.at_ms = max(hall.counters.at_ms, fact.at_ms)
    printed = None
    if isinstance(fact, Tick):
        printed = board.trade(fact.price, fact.qty, fact.at_ms)
    elif isinstance(fact, MarkPriced):
        board.mark = fact.mark
        if fact.funding_rate_frac is not None:
            board.funding_frac = fact.funding_rate_frac
        board.next_funding_ms = fact.next_funding_ms or board.next_funding_ms
    elif isinstance(fact, FundingRatePublished):
        board.settled(fact.at_ms, f"{fact.rate_frac:.8f}")
        board.funding_frac = float(fact.rate_frac)
    for account in hall.accounts.values():
        _advance(account, fact)
    cover_losses(hall, fact.symbol)
    for account in hall.accounts.values():
        settle(hall, account)
        watch(hall, account, fact.symbol)
        if isinstance(fact, MarkPriced):
            call_margins(account)
    return printed


def _advance(account: Account, fact: MarketFact) -> None:
    if account.records.hedge:
        advance_legs(account.desk, fact)
    else:
        advance(account.desk, fact)


def pass_time(hall: Hall) -> None:
    """End what has been good for long enough, by the clock of the market or of the server."""
    for account in hall.accounts.values():
        for ticket in account.open_tickets(None):
            if 0 < ticket.terms.good_till_ms <= hall.at_ms:
                withdraw(hall, account, ticket, expired=True)
        for algo in account.open_algos(None):
            if 0 < algo.terms.good_till_ms <= hall.at_ms:
                end_algo(hall, account, algo.algo_id, "EXPIRED")
        if _key_is_over(account, hall.counters.wall_ms):
            listen_keys.expire(hall, account)
        for symbol, until_ms in list(account.records.countdowns.items()):
            if until_ms <= hall.counters.wall_ms:
                del account.records.countdowns[symbol]
                for ticket in account.open_tickets(symbol):
                    withdraw(hall, account, ticket)


def _key_is_over(account: Account, wall_ms: int) -> bool:
    records = account.records
    return bool(records.listen_key) and records.key_until_ms <= wall_ms


def is_due(hall: Hall, wall_ms: int) -> bool:
    """Whether ``pass_time`` would find something to do."""
    for account in hall.accounts.values():
        if _key_is_over(account, wall_ms):
            return True
        if any(until_ms <= wall_ms for until_ms in account.records.countdowns.values()):
            return True
        if any(0 < one.terms.good_till_ms <= hall.at_ms for one in account.open.values()):
            return True
        if any(0 < one.terms.good_till_ms <= hall.at_ms for one in account.algo_open.values()):
            return True
    return False
