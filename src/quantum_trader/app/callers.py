"""HTTP for a few callers at a time, none of whom may hold up what guards money.

Every connection is an open file of this process, and it needs some for its journal and its
streams. So there is a limit to them, and whoever asks for nothing is sent away.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CALLERS_MAX = 128
ASK_WITHIN_S = 10.0


class FewCallers(HttpToolsProtocol):
    """One connection: refused beyond ``CALLERS_MAX``, closed when no request has come in time."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody calls."""
        if len(self.connections) >= CALLERS_MAX:
            transport.abort()
            return
        super().connection_made(transport)
        self._patience = self.loop.call_later(ASK_WITHIN_S, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone; of those who were refused nothing is known."""
        if self._patience is not None:
            self._patience.cancel()
            super().connection_lost(exc)

    def _lose_patience(self) -> None:
        has_asked = bool(self.cycle)
        if not has_asked:
            self.transport.abort()
