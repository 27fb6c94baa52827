"""The signals service: closed bars in, intents out, by whichever models are chosen."""

from collections.abc import Sequence

import msgspec

from quantum_trader.core.events import CandleClosed, Fact
from quantum_trader.core.signals import AnyModel, ModelState, to_intent
from quantum_trader.services import wire
from quantum_trader.services.fold import Fold
from quantum_trader.services.snapshots import Snapshots, snapshots_of

_NOTHING: tuple[Fact, ...] = ()


class SignalsState(msgspec.Struct):
    """What the models remember, by model and symbol."""

    minds: dict[str, dict[str, ModelState]] = {}


class Signals:
    """The step of the service: every model sees every bar."""

    def __init__(self, models: Sequence[AnyModel], account: str) -> None:
        self._models = tuple((model.name, model) for model in models)
        self._account = account

    def __call__(self, state: SignalsState, fact: Fact) -> Sequence[Fact]:
        """The intents that follow from a bar; none from anything else."""
        if not isinstance(fact, CandleClosed):
            return _NOTHING
        intents: list[Fact] = []
        for name, model in self._models:
            try:
                mind = state.minds[name][fact.symbol]
            except KeyError:
                mind = state.minds.setdefault(name, {})[fact.symbol] = model.initial()
            signal = model.on_candle(mind, fact)
            intent = None if signal is None else to_intent(signal, fact, model, self._account)
            if intent is not None:
                intents.append(intent)
        return intents


def signals_fold(
    models: Sequence[AnyModel],
    account: str,
    snapshots: Snapshots[SignalsState] | None = None,
) -> Fold[SignalsState]:
    """The handler of the service."""
    chosen = snapshots or snapshots_of(SignalsState)
    return Fold(Signals(models, account), SignalsState, chosen, wire.read)
