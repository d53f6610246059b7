"""A connection to a server, on a pretended socket."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from robust_widgets.interface import messages
from robust_widgets.interface.messages import FROM_CLIENT
from robust_widgets.interface.wire import from_wire
from robust_widgets.session.server_link import TAKEN_SECONDS, ServerLink


class Socket:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[str | bytes] = []

    def write_message(self, data: str | bytes, binary: bool) -> asyncio.Future[None]:
        self.written.append(data)
        return asyncio.get_running_loop().create_future()

    def taken(self) -> list[tuple[int, int]]:
        told = [from_wire(data, FROM_CLIENT)[0] for data in self.written]
        return [(message.id, message.step) for message in told if isinstance(message, messages.Taken)]


def test_frames_that_arrive_together_are_told_together_and_none_is_left_untold() -> None:
    socket = Socket()
    link = ServerLink(cast(Any, socket))

    async def receive() -> None:
        for step in range(3):
            link.taken(1, step)
        link.taken(2, 7)
        assert not socket.written
        await asyncio.sleep(3 * TAKEN_SECONDS)
        assert sorted(socket.taken()) == [(1, 2), (2, 7)]
        link.taken(1, 3)
        await asyncio.sleep(3 * TAKEN_SECONDS)
        assert sorted(socket.taken()) == [(1, 2), (1, 3), (2, 7)]

    with ThreadPoolExecutor(1) as pool:  # in a thread of its own: this one may have a loop already
        pool.submit(lambda: asyncio.run(receive())).result()
