"""What a page needs to stand alone: its styles, its data and the chart library, all inside it."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from quantum_trader.core.errors import ConfigError

PLOTLY = "package_data/plotly.min.js"


def template_text(name: str) -> str:
    """A file below ``templates``, as it is."""
    return files("quantum_trader.app").joinpath("templates", name).read_text("utf-8")


def data_for_script(data: bytes) -> str:
    """JSON that no browser can take for the end of its script element."""
    return data.decode().replace("<", "\\u003c")


def plotly_script() -> str:
    """The chart library. Raises ``ConfigError`` where it is not installed."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "the report draws with plotly, which is not installed: install quantum-trader[research]"
        )
    script = (Path(spec.origin).parent / PLOTLY).read_text(encoding="utf-8")
    return script.replace("</script", "<\\/script")
