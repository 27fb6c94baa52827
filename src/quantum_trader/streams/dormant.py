"""Streams that do not flow: planned ones, and names from before that others may still look for."""

from quantum_trader.streams.row import Stream, planned, retired

PLANNED: tuple[Stream, ...] = (
    planned("alerts", "what a person must see now", "waits for a notifier that can reach a person"),
    planned(
        "allocation.decision",
        "a target amount per symbol",
        "waits for the portfolio; until then every entry is sized by its own risk",
    ),
    planned(
        "alpha.attribution",
        "how much each model, regime and hour has earned",
        "waits for attribution over trade.closed",
    ),
    planned(
        "learning.retraining.started",
        "a model began to be fitted again, and why",
        "waits for learning; today's models have nothing to fit",
    ),
    planned(
        "learning.retraining.completed",
        "the new model with the evidence for it",
        "waits for learning; today's models have nothing to fit",
    ),
    planned(
        "policy.update",
        "what may be entered, and until when that word is good",
        "waits for policies that change by themselves; limits come with RulesAdopted",
    ),
    planned(
        "policy.audit",
        "who changed a policy, from what to what",
        "waits for policies that change by themselves",
    ),
    planned(
        "portfolio.cluster_state",
        "symbols that move together",
        "waits for the portfolio",
    ),
    planned(
        "portfolio.exposure_updated",
        "exposure by symbol and by side",
        "waits for the portfolio; total exposure is already a gate",
    ),
    planned(
        "portfolio.gate",
        "the portfolio's word on an entry",
        "waits for the portfolio; its refusals will be on apply.result with all others",
    ),
    planned(
        "portfolio.snapshot_updated",
        "equity and drawdown through the day",
        "waits for the portfolio",
    ),
    planned("portfolio.state", "the account as our books know it", "waits for the portfolio"),
)

RETIRED: tuple[Stream, ...] = (
    retired(
        "ai.decision.made",
        "trade.intent",
        "a decision and the intent it led to were one fact in two vocabularies",
    ),
    retired(
        "ai.signal_generated",
        "trade.intent",
        "a signal that asks for something is an intent; one that asks for nothing is not published",
    ),
    retired(
        "allocation.target.proposed",
        "allocation.decision",
        "a second number for the same target, that nobody acted on",
    ),
    retired(
        "apply.heat.observed",
        "apply.result",
        "every outcome lists all gates that said no, so nothing has to watch the gates",
    ),
    retired(
        "apply.plan.manual",
        "trade.intent",
        "a second lane to orders with fewer checks; `quantum intent` meets the same gates",
    ),
    retired(
        "budget.violation",
        "apply.result",
        "a budget is a gate: what would break it is refused there instead of reported afterwards",
    ),
    retired(
        "capital.efficiency.decision",
        "allocation.decision",
        "a hint beside the allocation that only the allocation read",
    ),
    retired(
        "clm.intent",
        "learning.retraining.started",
        "hints to train, made from log lines; learning will start from trades that closed",
    ),
    retired("events", None, "no known writer, reader or content; every fact has its own stream"),
    retired(
        "exitbrain.pnl",
        "trade.closed",
        "two schemas in one stream: results are here, exit plans on exitbrain.adaptive_levels",
    ),
    retired(
        "governor.events",
        "apply.result",
        "there is no governor beside the trader: its verdicts are gates",
    ),
    retired("harvest.calibrated", "harvest.proposal", "a proposal is calibrated before it is made"),
    retired("harvest.heat.decision", "harvest.proposal", "heat is an input of the proposal itself"),
    retired("meta.regime", "marketstate", "the regime is a field of each symbol's market state"),
    retired(
        "model.retrain",
        "learning.retraining.started",
        "requests that named hyperparameters as text; learning decides when, and reports it",
    ),
    retired(
        "policy.updated",
        "policy.update",
        "the same notice from a second store of policies; there will be one",
    ),
    retired(
        "sizing.decided",
        "apply.plan",
        "size, stop and ladder are decided together and published as one plan",
    ),
    retired(
        "trade.execution.res",
        "execution.result",
        "fills in a third vocabulary; there is one stream for what the venue did",
    ),
    retired("trade.signal", "trade.intent", "signals injected for tests; an intent does as well"),
    retired("trading.plan", "apply.plan", "an older name for the plan"),
    retired(
        "utf",
        None,
        "log lines of all processes; logs decide nothing and belong where logs are kept",
    ),
)
