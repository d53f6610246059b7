"""Where a server is, and a connection to it. Needs no torch."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from robust_widgets import __version__
from robust_widgets.errors import ParameterError, SetupError, StateError, first_line, short_repr
from robust_widgets.interface import messages
from robust_widgets.interface.messages import FROM_SERVER
from robust_widgets.interface.wire import OLDEST, PROTOCOL, Arrays, Message, common_protocol, from_wire, to_wire
from robust_widgets.pictures.limits import MAX_ANSWER

SERVER, TOKEN = "ROBUST_WIDGETS_SERVER", "ROBUST_WIDGETS_TOKEN"  # environment variables
HUB_TOKEN = "JUPYTERHUB_API_TOKEN"
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
TAKEN_SECONDS = 0.04  # frames that arrive within it are told together; a quarter of what the server lets be under way
PING_SECONDS = 10.0  # between two pings; a server that does not answer one for so long is gone


@dataclass(frozen=True)
class ServerAddress:
    """Where a server is.

    Attributes:
        url: of its WebSocket.
        token: says who asks; ``""`` for a server that asks nobody.
    """

    url: str
    token: str = ""

    @classmethod
    def of(cls, url: str, token: str | None = None) -> ServerAddress:
        """An address as people write it, such as ``https://gpu.school.org/services/robust``.

        Raises:
            ParameterError: it is no address.
        """
        try:
            parts = urlsplit(url.strip())
            usable = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except (ValueError, AttributeError):
            parts, usable = urlsplit(""), False
        if not usable:
            raise ParameterError(
                f"The server's address is {short_repr(url)}; give one such as 'http://localhost:8900', or 'https://' "
                "and the server's name."
            )
        path = parts.path.rstrip("/")
        path = path if path.endswith("/ws") else f"{path}/ws"
        own = token if token is not None else os.environ.get(TOKEN, "")
        return cls(f"{SCHEMES[parts.scheme]}://{parts.netloc}{path}", own)

    @classmethod
    def from_environment(cls) -> ServerAddress | None:
        """The server that the environment names, if it does: that of a class, or of a JupyterHub.

        Raises:
            ParameterError: the variable holds no address.
        """
        url = os.environ.get(SERVER, "").strip()
        return cls.of(url, os.environ.get(TOKEN) or os.environ.get(HUB_TOKEN, "")) if url else None

    @property
    def name(self) -> str:
        """The server's name for people."""
        return urlsplit(self.url).netloc


class ServerLink:
    """An open connection, after both ends have said hello.

    Attributes:
        models: the fingerprint of each model that the server offers, the default one first.
    """

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._taken: dict[int, int] = {}
        self.models: dict[str, str] = {}

    @classmethod
    async def open(cls, address: ServerAddress, session: str, seconds: float) -> ServerLink:
        """Connect, and say hello.

        Args:
            address: of the server.
            session: the notebook's name of itself.
            seconds: how long to wait.

        Raises:
            SetupError: the server does not know the token, or speaks another protocol: trying again won't help.
            OSError: it does not answer.
        """
        headers = {"Authorization": f"token {address.token}"} if address.token else {}
        request = HTTPRequest(
            address.url,
            headers=headers,
            connect_timeout=seconds,
            request_timeout=seconds,
            ssl_options=ssl.create_default_context() if address.url.startswith("wss:") else None,
        )
        try:
            socket = await websocket_connect(
                request,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                max_message_size=MAX_ANSWER,
            )
        except HTTPClientError as error:
            raise _refused(address, error) from None
        link = cls(socket)
        link.send(messages.ClientHello(oldest=OLDEST, newest=PROTOCOL, version=__version__, session=session))
        hello, _ = await link.receive()
        if isinstance(hello, messages.Refused):
            raise SetupError(f"{hello.message.rstrip('.')}.")
        if not isinstance(hello, messages.ServerHello):
            raise ConnectionError("it is not a server of robust-widgets")
        try:
            common_protocol(hello.oldest, hello.newest, "server")
        except StateError as error:
            raise SetupError(str(error)) from None
        link.models = hello.models
        return link

    def send(self, message: Message, arrays: Arrays | None = None) -> None:
        """Send a message; one that cannot be sent any more is lost with the connection."""
        data = to_wire(message, arrays)
        with suppress(WebSocketClosedError):
            future = self._socket.write_message(data, binary=isinstance(data, bytes))
            future.add_done_callback(lambda done: done.exception())

    def taken(self, run: int, step: int) -> None:
        """Tell the server soon that the frames of a run have arrived up to a step, together with those that follow."""
        if run not in self._taken:
            asyncio.get_running_loop().call_later(TAKEN_SECONDS, self._tell_taken, run)
        self._taken[run] = step

    def _tell_taken(self, run: int) -> None:
        self.send(messages.Taken(id=run, step=self._taken.pop(run)))

    async def receive(self) -> tuple[Message, Arrays]:
        """The next message.

        Raises:
            ConnectionError: there is none: the connection is gone, or what came is no message.
        """
        data = await self._socket.read_message()
        if data is None:
            raise ConnectionError(self._socket.close_reason or "the connection was closed")
        try:
            return from_wire(data, FROM_SERVER)
        except ValueError as error:
            self.close()
            raise ConnectionError(f"it sent no message: {error}") from None

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _refused(address: ServerAddress, error: HTTPClientError) -> Exception:
    if error.code in (401, 403):
        return SetupError(
            f"The server {address.name!r} refuses this token; set {TOKEN} to the one that your teacher gave you, or "
            "ask for the right to use it on your JupyterHub."
            if address.token
            else f"The server {address.name!r} wants a token; set {TOKEN} to the one that your teacher gave you."
        )
    return ConnectionError(first_line(error))
