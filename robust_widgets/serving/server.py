"""The server: a WebSocket for notebooks, a page for the teacher, and what a machine asks of a service."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from robust_widgets import __version__
from robust_widgets.errors import SetupError, first_line
from robust_widgets.pictures.limits import MAX_REQUEST
from robust_widgets.serving.metrics import prometheus_text
from robust_widgets.serving.overview import overview
from robust_widgets.serving.pool import Pool
from robust_widgets.serving.talk import Talk
from robust_widgets.serving.users import Person, Users

PING_SECONDS = 10.0  # between two pings; a connection that does not answer one for so long is gone
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PAGE = Path(__file__).parent / "page"
PAGE_FILES = {"": ("teacher.html", "text/html"), "teacher.js": ("teacher.js", "text/javascript")}
PAGE_FILES["teacher.css"] = ("teacher.css", "text/css")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# Browsers send this header only to pages that allow it, so no other page can press the teacher's buttons.
OWN_HEADER = "X-Robust-Widgets"


@dataclass
class Context:
    """What all connections share.

    Attributes:
        pool: the models.
        users: who may come in.
        shows_pictures: whether the teacher's page shows everybody's latest picture.
        talks: the open connections.
    """

    pool: Pool
    users: Users
    shows_pictures: bool = False
    talks: set[Talk] = field(default_factory=set[Talk])
    began: float = field(default_factory=time.time)


def token_of(request: RequestHandler) -> str:
    """The token in a request's header, as JupyterHub's and everybody else's clients send it."""
    kind, _, token = request.request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.casefold() in ("token", "bearer") else ""


class _Handler(RequestHandler):
    """What all answers have in common."""

    def initialize(self, context: Context) -> None:
        self.context = context

    def set_default_headers(self) -> None:
        self.set_header("Server", "robust-widgets")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", POLICY)

    def prepare(self) -> None:
        check_host(self, self.context.users)

    def write_error(self, status_code: int, **options: Any) -> None:
        self.finish({"message": self._reason})

    async def person(self) -> Person:
        """Who asks; 403 for nobody."""
        person = await self.context.users.identify(token_of(self))
        if person is None:
            raise HTTPError(403, reason="This token is not known; ask the teacher for yours")
        return person

    async def check_teacher(self) -> None:
        """403 for everybody but the teacher."""
        if not (await self.person()).is_teacher:
            raise HTTPError(403, reason="Only the teacher may do this")
        if self.request.headers.get(OWN_HEADER) is None:
            raise HTTPError(403, reason=f"The header {OWN_HEADER} is missing")


def check_host(handler: RequestHandler, users: Users) -> None:
    """Without tokens, answer only who calls this machine by its own name: a page elsewhere may have another one lead
    here.
    """
    host = urlsplit(f"//{handler.request.host}").hostname
    if not users.needs_token and host not in LOOPBACK:
        raise HTTPError(403, reason="Without tokens, this server answers to localhost only")


class Notebook(WebSocketHandler):
    """A notebook's connection."""

    def initialize(self, context: Context) -> None:
        self.context = context
        self.talk: Talk | None = None

    async def prepare(self) -> None:
        check_host(self, self.context.users)
        if not self.context.pool.models:
            raise HTTPError(503, reason="The models are being loaded")
        person = await self.context.users.identify(token_of(self))
        if person is None:
            raise HTTPError(403, reason="This token is not known; ask the teacher for yours")
        loop = IOLoop.current()
        self.talk = Talk(self.context.pool, person, self._send, self.close, loop.add_callback)
        self.context.talks.add(self.talk)

    def _send(self, data: str | bytes) -> None:
        with suppress(WebSocketClosedError):
            # Its future is not waited for: the batcher's window bounds what is under way.
            self.write_message(data, binary=isinstance(data, bytes)).add_done_callback(_ignore)

    def on_message(self, message: str | bytes) -> None:
        assert self.talk is not None
        is_new = not self.talk.session
        self.talk.receive(message)
        if is_new and self.talk.session:
            self._replace_others()

    def _replace_others(self) -> None:
        """A notebook that lost its connection has come back: the old one, which may still seem open, is closed."""
        assert self.talk is not None
        for other in list(self.context.talks):
            same = other.session == self.talk.session and other.owner == self.talk.owner
            if other is not self.talk and same:
                other.replace()
                self.context.talks.discard(other)

    def on_close(self) -> None:
        if self.talk is not None:
            self.talk.close()
            self.context.talks.discard(self.talk)


def _ignore(future: asyncio.Future[Any]) -> None:
    future.exception()


class Health(_Handler):
    """Whether the server works, for whoever restarts it."""

    def get(self) -> None:
        pool = self.context.pool
        status = "ok" if pool.is_well else "broken" if pool.models else "loading"
        self.set_status(200 if status == "ok" else 503)
        self.write({"status": status, "version": __version__})


class Metrics(_Handler):
    """Numbers for Prometheus; no names of people are among them."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(prometheus_text(self.context.pool, len(self.context.talks), self.context.began))


class Page(_Handler):
    """The teacher's page, which asks for a token itself."""

    def get(self, name: str) -> None:
        file, kind = PAGE_FILES[name]
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.write((PAGE / file).read_bytes())


class Runs(_Handler):
    """Who runs what, for the teacher."""

    async def get(self) -> None:
        await self.check_teacher()
        self.write(overview(self.context.pool, len(self.context.talks), pictures=self.context.shows_pictures))


class StopRuns(_Handler):
    """Stops the runs of one person, or all; for the teacher."""

    async def post(self) -> None:
        await self.check_teacher()
        try:
            owner = json.loads(self.request.body or b"{}").get("owner")
        except (ValueError, AttributeError):
            raise HTTPError(400, reason="This is not JSON") from None
        self.write({"stopped": self.context.pool.stop_all(None if owner is None else str(owner))})


def application(context: Context, prefix: str = "/") -> Application:
    """The server's addresses.

    Args:
        context: what all connections share.
        prefix: before each address, with a slash at both ends; that of a JupyterHub's service.
    """
    shared: dict[str, Any] = {"context": context}
    routes: list[tuple[str, type[RequestHandler]]] = [
        ("ws", Notebook),
        ("health", Health),
        ("metrics", Metrics),
        ("api/runs", Runs),
        ("api/stop", StopRuns),
        (f"({'|'.join(PAGE_FILES)})", Page),
    ]
    return Application(
        [(f"{prefix}{path}", handler, shared) for path, handler in routes],
        websocket_ping_interval=PING_SECONDS,
        websocket_ping_timeout=PING_SECONDS,
        websocket_max_message_size=MAX_REQUEST,
        log_function=lambda handler: None,
    )


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """What encrypts connections.

    Raises:
        SetupError: the files cannot be read, or are no certificate and its key.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for file in (certificate, key):
        if file is not None and not file.is_file():
            raise SetupError(f"There is no file {str(file)!r}; give a certificate and its key, in PEM.")
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        names = " and ".join(repr(str(file)) for file in (certificate, key) if file is not None)
        raise SetupError(
            f"{names} cannot be used to encrypt ({first_line(error)}); give a certificate and its key, in PEM."
        ) from error
    return context


async def serve(
    context: Context,
    address: str,
    port: int,
    *,
    prefix: str = "/",
    tls: ssl.SSLContext | None = None,
    load: Callable[[], Pool] | None = None,
    ready: Callable[[int], object] = lambda port: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set.

    Args:
        context: what all connections share; its pool is started and closed.
        address, port: where to listen; port 0 is any free one.
        prefix: as for `application`.
        tls: encrypts connections; None is plain text.
        load: makes the context's pool, on another thread; meanwhile the server answers already, which a JupyterHub
            waits for.
        ready: called with the port when the models are there.
        stop: ends it.

    Raises:
        OSError: the port is taken.
    """
    server = HTTPServer(application(context, prefix), ssl_options=tls, xheaders=False)
    server.listen(port, address)
    if load is not None:
        context.pool = await asyncio.to_thread(load)
    context.pool.start()
    sockets: Any = server._sockets  # pyright: ignore[reportPrivateUsage]
    ready(next(iter(sockets.values())).getsockname()[1])
    await (stop or asyncio.Event()).wait()
    server.stop()
    for talk in list(context.talks):  # before the runs end, so that notebooks go on with them when a server is back
        talk.replace()
    await asyncio.to_thread(context.pool.close)
    await server.close_all_connections()
