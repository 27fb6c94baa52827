"""The life of one intent in sentences: facts in, lines out."""

from quantum_trader.app.story.teller import OUTCOMES, Line, Story, tell
from quantum_trader.app.story.words import span_text, time_text

__all__ = ["OUTCOMES", "Line", "Story", "span_text", "tell", "time_text"]
