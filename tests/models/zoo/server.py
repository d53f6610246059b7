"""A small HTTP server that sends one file, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Shelf:
    """What the server sends, and what it was asked for.

    Attributes:
        content, tag: the file, and its version; no tag is sent where it is empty.
        cuts: after how many bytes each of the next answers breaks off.
        statuses: what each of the next requests is answered with instead.
        ranges: whether parts are sent.
        said_length: what the answers claim to be long, where it is not the truth.
        asked: the ``Range`` header of each request so far.
    """

    content: bytes
    tag: str = '"first"'
    cuts: list[int] = field(default_factory=list[int])
    statuses: list[int] = field(default_factory=list[int])
    ranges: bool = True
    said_length: int | None = None
    asked: list[str] = field(default_factory=list[str])
    address: str = ""


@contextmanager
def serving(shelf: Shelf) -> Iterator[Shelf]:
    """The server, at ``shelf.address``; what is asked of ``/moved`` is sent to the file by a redirection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved/model.pt":
                self.send_response(302)
                self.send_header("Location", shelf.address)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            wanted = self.headers.get("Range", "")
            shelf.asked.append(wanted)
            if shelf.statuses:
                self.send_error(shelf.statuses.pop(0))
                return
            same = self.headers.get("If-Range", shelf.tag) == shelf.tag
            start = int(wanted[len("bytes=") : -1]) if wanted and same and shelf.ranges else 0
            if start >= len(shelf.content):
                self.send_error(416)
                return
            body = shelf.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(shelf.content) - 1}/{len(shelf.content)}")
            if shelf.tag:
                self.send_header("ETag", shelf.tag)
            length = len(body) if shelf.said_length is None else shelf.said_length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: shelf.cuts.pop(0)] if shelf.cuts else body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.address = f"http://127.0.0.1:{server.server_address[1]}/model.pt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
