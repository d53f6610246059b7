"""Serves a page on this machine, isolated from other pages so that its computation may use threads."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from robust_widgets.errors import SetupError, first_line

HOST = "127.0.0.1"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}


# Not the system's table, in which some of these are missing.
TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}


class _PlainHandler(SimpleHTTPRequestHandler):
    def guess_type(self, path: Any) -> str:
        return TYPES.get(Path(path).suffix.lower(), "application/octet-stream")

    headers_sent: ClassVar[dict[str, str]] = HEADERS

    def end_headers(self) -> None:
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal shows the address."""


class _IsolatedHandler(_PlainHandler):
    headers_sent: ClassVar[dict[str, str]] = {**HEADERS, **ISOLATION}


def page_server(folder: Path, port: int = 0, *, isolated: bool = True) -> ThreadingHTTPServer:
    """A server of a folder's files for this machine alone; call its ``serve_forever``.

    Args:
        folder: the page.
        port: 0 for any free one.
        isolated: send the headers that isolate the page; without them it computes on one thread, as on most hosts.

    Raises:
        SetupError: the port is taken.
    """
    try:
        handler = _IsolatedHandler if isolated else _PlainHandler
        return ThreadingHTTPServer((HOST, port), partial(handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise SetupError(f"The port {port} cannot be used ({first_line(error)}); give another one.") from None


def address_of(server: ThreadingHTTPServer) -> str:
    """Where a server's page is."""
    return f"http://{HOST}:{server.server_address[1]}/"
