"""The barest pipeline of two hops: read up to 128, write them on, acknowledge; nothing else."""

import asyncio
from types import TracebackType
from typing import Any, Literal

from quantum_trader.adapters.bus.connection import connect
from quantum_trader.app.bench.ending import ANSWER_WITHIN_S, end, raise_failure

FIRST, MIDDLE, LAST = "bare:first", "bare:middle", "bare:last"
GROUP = "bare"
BATCH = 128
BLOCK_MS = 500


class BareHops:
    """Two consumers in one process on the same server, with the library and no code of ours."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._after = b"0-0"
        self._writer = self._client()
        self._reader = self._client()

    def _client(self) -> Any:
        self._clients.append(connect(self._url, answer_timeout_s=None))
        return self._clients[-1]

    async def __aenter__(self) -> "BareHops":
        await self._writer.delete(FIRST, MIDDLE, LAST)
        for stream in (FIRST, MIDDLE):
            await self._writer.xgroup_create(stream, GROUP, "0", mkstream=True)
        self._tasks = [
            asyncio.create_task(_hop(self._client(), self._client(), source, target))
            for source, target in ((FIRST, MIDDLE), (MIDDLE, LAST))
        ]
        return self

    async def send(self, messages: list[dict[bytes, bytes]]) -> None:
        """Write messages on the first stream."""
        pipeline = self._writer.pipeline(transaction=False)
        for fields in messages:
            pipeline.xadd(FIRST, fields)
        await pipeline.execute()

    async def arrived(self) -> list[dict[bytes, bytes]]:
        """The next messages on the last stream."""
        answer: Any = []
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while not answer:
                raise_failure(self._tasks)
                answer = await self._reader.xread({LAST: self._after}, BATCH, BLOCK_MS)
        rows = answer[0][1]
        self._after = rows[-1][0]
        return [fields for _, fields in rows]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        await end(self._tasks)
        for client in self._clients:
            await client.aclose()
        return False


async def _hop(reader: Any, writer: Any, source: str, target: str) -> None:
    while True:
        answer = await reader.xreadgroup(GROUP, "one", {source: ">"}, BATCH, BLOCK_MS)
        if not answer:
            continue
        rows = answer[0][1]
        pipeline = writer.pipeline(transaction=False)
        for _, fields in rows:
            pipeline.xadd(target, fields)
        pipeline.xack(source, GROUP, *(entry_id for entry_id, _ in rows))
        await pipeline.execute()
