"""A small HTTP server that sends one file, and can fail in several ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ServedFile:
    """The file that the server sends, how it fails, and the requests it received.

    Attributes:
        content: the file.
        etag: its version; empty for none.
        cuts: number of bytes after which each of the next responses is cut off.
        statuses: error status of each of the next responses.
        supports_ranges: whether a range of the file can be requested.
        claimed_length: the length that responses claim, if it isn't the true one.
        requested_ranges: the ``Range`` header of each request so far.
        address: the file's URL while the server runs.
    """

    content: bytes
    etag: str = '"first"'
    cuts: list[int] = field(default_factory=list[int])
    statuses: list[int] = field(default_factory=list[int])
    supports_ranges: bool = True
    claimed_length: int | None = None
    requested_ranges: list[str] = field(default_factory=list[str])
    address: str = ""


@contextmanager
def serving(served: ServedFile) -> Iterator[ServedFile]:
    """Run the server. Requests for ``/moved/model.pt`` are redirected to ``served.address``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved/model.pt":
                self.send_response(302)
                self.send_header("Location", served.address)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            requested = self.headers.get("Range", "")
            served.requested_ranges.append(requested)
            if served.statuses:
                self.send_error(served.statuses.pop(0))
                return
            same = self.headers.get("If-Range", served.etag) == served.etag
            start = int(requested[len("bytes=") : -1]) if requested and same and served.supports_ranges else 0
            if start >= len(served.content):
                self.send_error(416)
                return
            body = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
            if served.etag:
                self.send_header("ETag", served.etag)
            length = len(body) if served.claimed_length is None else served.claimed_length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}/model.pt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
