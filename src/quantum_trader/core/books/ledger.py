"""Double entry: every amount leaves one account and reaches another, so all of them sum to zero."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.units import ZERO, money

AccountName = Literal[
    "wallet", "deposits", "realised", "fees", "funding", "liquidation_fees", "external"
]


class WalletGap(msgspec.Struct, frozen=True):
    """By how much the venue's wallet is above the ledger's, and since when."""

    usd: Decimal
    since_ms: int


class Ledger(msgspec.Struct):
    """Balances by account, and how many entries made them.

    What an account received is positive, what it gave is negative: ``deposits`` is minus what
    was paid in, ``fees`` is what we paid. Every amount is rounded to 1e-8 as it is posted.
    """

    balances: dict[AccountName, Decimal] = {}
    entries: int = 0

    @property
    def wallet_usd(self) -> Decimal:
        """Deposits + realised profit - fees + funding: the wallet, without unrealised profit."""
        return self.balances.get("wallet", ZERO)

    def balance_usd(self, name: AccountName) -> Decimal:
        """The balance of one account; zero before its first entry."""
        return self.balances.get(name, ZERO)

    def total_usd(self) -> Decimal:
        """Zero, exactly, always."""
        return sum(self.balances.values(), ZERO)

    def post(self, debit: AccountName, credit: AccountName, amount_usd: Decimal) -> None:
        """Move an amount from ``credit`` to ``debit``; a negative one moves the other way."""
        amount_usd = money(amount_usd)
        balances = self.balances
        balances[debit] = balances.get(debit, ZERO) + amount_usd
        balances[credit] = balances.get(credit, ZERO) - amount_usd
        self.entries += 1

    def deposit(self, amount_usd: Decimal) -> None:
        """Money paid in; negative when it was paid out."""
        self.post("wallet", "deposits", amount_usd)

    def realise(self, profit_usd: Decimal) -> None:
        """Gross profit (or loss) of a quantity that was closed."""
        self.post("wallet", "realised", profit_usd)

    def pay_fee(self, fee_usd: Decimal) -> None:
        """The fee of a fill, positive when paid; a maker's rebate is negative."""
        self.post("fees", "wallet", fee_usd)

    def pay_liquidation_fee(self, fee_usd: Decimal) -> None:
        """What the venue keeps for clearing a liquidated position."""
        self.post("liquidation_fees", "wallet", fee_usd)

    def settle_funding(self, payment_usd: Decimal) -> None:
        """A funding settlement, positive when received."""
        self.post("wallet", "funding", payment_usd)

    def adjust_external(self, amount_usd: Decimal) -> None:
        """A change of the wallet that nobody told the cause of, such as a transfer or a bonus."""
        self.post("wallet", "external", amount_usd)

    @property
    def paid_in_usd(self) -> Decimal:
        """What came in from outside, less what went out: profit is measured against it."""
        return -self.balance_usd("deposits") - self.balance_usd("external")
