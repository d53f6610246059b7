"""Pictures from an address: what is refused, and what a server may answer."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.pictures import download
from robust_widgets.pictures.download import download_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
Answer = tuple[int, dict[str, str], bytes]


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


ANSWERS: dict[str, Answer] = {
    "/a%20cat.png": (200, {}, png(PICTURE)),
    "/moved": (302, {"Location": "/a%20cat.png"}, b""),
    "/round": (302, {"Location": "/round"}, b""),
    "/inside": (302, {"Location": "http://10.0.0.1/secret"}, b""),
    "/file": (302, {"Location": "file:///etc/passwd"}, b""),
    "/page": (200, {}, b"<html>a page</html>"),
    "/large": (200, {}, png(np.zeros((1200, 2400, 3), np.uint8))),
    "/long": (200, {}, bytes(5000)),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code, headers, body = ANSWERS.get(self.path, (404, {}, b""))
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """A server on this machine, which is taken for one on the web."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download, "_places", lambda host, port: ["93.184.215.14"] if host == "127.0.0.1" else [host])
    yield lambda path: f"http://127.0.0.1:{port}{path}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/a%20cat.png", "/moved"])
def test_a_picture_comes_with_its_name_and_its_transparency(address: Callable[[str], str], path: str) -> None:
    name, data = download_picture(address(path))
    assert name == "a cat.png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), PICTURE)


def test_a_large_picture_is_reduced(address: Callable[[str], str]) -> None:
    _, data = download_picture(address("/large"))
    assert Image.open(io.BytesIO(data)).size == (1024, 512)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/none", "answers 404"),
        ("/round", "more than 5 times"),
        ("/inside", "10.0.0.1 is in a private network"),
        ("/file", "not an address of the web"),
        ("/page", "cannot be read as a picture"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(address: Callable[[str], str], path: str, problem: str) -> None:
    with pytest.raises(PictureError, match=problem) as caught:
        download_picture(address(path))
    assert str(caught.value).endswith(".")


def test_no_more_is_read_than_is_allowed(address: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_DOWNLOAD", 1000)
    with pytest.raises(PictureError, match="more than 0 MB"):
        download_picture(address("/long"))


@pytest.mark.parametrize(
    "wrong",
    [
        "http://127.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.0.1/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://0.0.0.0/a.png",
    ],
)
def test_a_private_network_is_not_asked(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download.requests.Session, "get", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(PictureError, match="is in a private network"):
        download_picture(wrong)


@pytest.mark.parametrize(
    "wrong", ["ftp://a.org/b.png", "http://[", "cat.png", "http://", "https:///a.png", "h" * 3000, "http://a:x/"]
)
def test_other_addresses_are_no_addresses(wrong: str) -> None:
    with pytest.raises(PictureError) as caught:
        download_picture(wrong)
    assert str(caught.value).endswith(".")
