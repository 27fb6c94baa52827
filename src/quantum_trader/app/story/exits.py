"""What the exit brain says about one position, in sentences."""

from decimal import Decimal

from quantum_trader.app.story.words import signed_usd
from quantum_trader.core import events as ev
from quantum_trader.core.exits.plan import ExitLeg, ExitPlan, TrailSpec
from quantum_trader.core.units import percent_text

ExitFact = ev.ExitPlanned | ev.ExitDecided | ev.KillScored | ev.HarvestProposed


def sentence(fact: ExitFact) -> str:
    """What one fact says."""
    match fact:
        case ev.ExitPlanned():
            return planned(fact.plan)
        case ev.ExitDecided():
            return decided(fact)
        case ev.KillScored():
            return scored(fact)
        case ev.HarvestProposed():
            return proposed(fact)


def planned(plan: ExitPlan) -> str:
    """How a position is meant to be left: one line, and one for every leg."""
    name = plan.profile or plan.strategy
    head = f"to be left by {name} ({circumstances(plan)}): {plan.reason}"
    if plan.adopted:
        head += "; somebody else opened it"
    if plan.assumed:
        head += f"; not known and taken as usual: {', '.join(map(plain, plan.assumed))}"
    return "\n".join([head, *(f"  {leg_text(leg)}" for leg in plan.legs)])


def circumstances(plan: ExitPlan) -> str:
    """Strategy, risk mode and market of a plan, in lower case."""
    strategy = plain(plan.strategy).lower()
    return f"{strategy}, risk {plain(plan.risk_mode).lower()}, market {plain(plan.regime).lower()}"


def leg_text(leg: ExitLeg) -> str:
    """One way out: how much, where, and why."""
    size = percent_text(leg.size_frac, 0)
    return f"{LEG_NAMES[leg.kind]} {size} {_where(leg)}: {leg.reason}"


def _where(leg: ExitLeg) -> str:
    if leg.trail is not None:
        return f"trailing {trail_text(leg.trail)}"
    if leg.trigger_frac is None:
        return "at once"
    in_r = "" if leg.r_multiple is None else f" ({leg.r_multiple:+.2f} R)"
    return f"at {signed_percent(leg.trigger_frac)}{in_r}"


LEG_NAMES = {"TP": "target", "SL": "stop", "TRAIL": "runner", "EMERGENCY": "emergency"}


def trail_text(trail: TrailSpec) -> str:
    """How the rest follows the price, every step of tightening included."""
    steps = [
        f"{percent_text(callback)} from {from_r:.2f} R" for from_r, callback in trail.tightening
    ]
    start = f"{percent_text(trail.callback_frac)} behind the best price"
    first = f"from {trail.activation_r:.2f} R" if trail.activation_r > 0 else "from the beginning"
    return ", ".join([f"{start} {first}", *steps])


def decided(fact: ev.ExitDecided) -> str:
    """What a rule asked for, at which profit, and whether it was begun."""
    rule = plain(fact.rule)
    did = f"{rule} {_asked(fact) if fact.done else _wanted(fact)}"
    text = f"{did} at {moment(fact)}: {fact.reason}"
    return text if fact.done else f"{text}; not begun: {fact.note or 'no reason was given'}"


def _asked(fact: ev.ExitDecided) -> str:
    match fact.kind:
        case "MOVE_STOP":
            return f"moves the stop to {_price(fact.price)}"
        case "REDUCE":
            return f"sells {_part(fact)}"
        case "CLOSE":
            return "leaves with everything"
        case "HOLD":
            return "holds"


def _wanted(fact: ev.ExitDecided) -> str:
    match fact.kind:
        case "MOVE_STOP":
            return f"wanted the stop at {_price(fact.price)}"
        case "REDUCE":
            return f"wanted to sell {_part(fact)}"
        case "CLOSE":
            return "wanted to leave with everything"
        case "HOLD":
            return "held"


def _part(fact: ev.ExitDecided) -> str:
    part = "a part" if fact.frac is None else percent_text(fact.frac, 0)
    of = "what was entered" if fact.qty is None else f"what was entered ({fact.qty})"
    return f"{part} of {of}" + (f", step {fact.stage} of the ladder," if fact.stage else "")


def moment(fact: ev.ExitDecided) -> str:
    """Profit in R and in money, and the price, as they were then."""
    if fact.mark is None:
        return "an unknown price"
    said = [] if fact.r_net is None else [f"{fact.r_net:+.2f} R"]
    said += [] if fact.pnl_usd is None else [signed_usd(fact.pnl_usd)]
    at = f"price {fact.mark:.10g}"
    return f"{', '.join(said)} ({at})" if said else at


def scored(fact: ev.KillScored) -> str:
    """The kill score with what it is made of."""
    parts = ", ".join(f"{plain(name)} {value:.2f}" for name, value in fact.components.items())
    text = (
        f"kill score {fact.acting:.2f}, wants out from {fact.threshold:.2f} "
        f"({fact.recorded:.2f} by the recorded formula): {parts}"
    )
    if not fact.streak:
        return text
    times = "once" if fact.streak == 1 else f"{fact.streak} times in a row"
    return f"{text}; over its threshold {times}"


def proposed(fact: ev.HarvestProposed) -> str:
    """A step of the ladder by R that was reached."""
    heat = "" if fact.heat is None else f"; heat of the book {fact.heat:.2f}"
    return (
        f"step {fact.stage} of the ladder by R is reached at {fact.r_net:+.2f} R "
        f"(from {fact.threshold_r:.2f} R on): {percent_text(fact.frac, 0)} of what was entered "
        f"should leave{heat}"
    )


def signed_percent(frac: float, digits: int = 2) -> str:
    """A fraction with its sign: 0.0123 becomes "+1.23 %"."""
    return f"{frac * 100:+.{digits}f} %"


def plain(name: str) -> str:
    """A name as words: "break_even" becomes "break even"."""
    return name.replace("_", " ")


def _price(price: Decimal | None) -> str:
    return "an unknown price" if price is None else f"{price:f}"
