"""The server of a page on this machine."""

from __future__ import annotations

import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from robust_widgets.errors import SetupError
from robust_widgets.page.serve import address_of, page_server


def test_a_page_is_served_isolated_and_with_its_types(tmp_path: Path) -> None:
    for name in ("index.html", "engine.js", "runtime.mjs", "runtime.wasm", "steps.onnx"):
        (tmp_path / name).write_bytes(b"content")
    with page_server(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        types: dict[str, str] = {}
        for name in ("", "engine.js", "runtime.mjs", "runtime.wasm", "steps.onnx"):
            with urllib.request.urlopen(address_of(server) + name) as response:
                assert response.read() == b"content"
                assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
                types[name] = response.headers["Content-Type"].partition(";")[0]
        server.shutdown()
        thread.join()
    assert types == {
        "": "text/html",
        "engine.js": "text/javascript",
        "runtime.mjs": "text/javascript",
        "runtime.wasm": "application/wasm",
        "steps.onnx": "application/octet-stream",
    }


def test_a_page_can_be_served_as_most_hosts_do(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"content")
    with page_server(tmp_path, isolated=False) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with urllib.request.urlopen(address_of(server)) as response:
            assert "Cross-Origin-Opener-Policy" not in response.headers
        server.shutdown()
        thread.join()


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SetupError, match="The port"):
            page_server(tmp_path, other.getsockname()[1])
    with pytest.raises(SetupError, match="The port"):
        page_server(tmp_path, 70_000)
