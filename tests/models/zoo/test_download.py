"""Downloads are atomic, resumed, checked, and done by one process at a time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from robust_widgets.errors import WeightsError
from robust_widgets.models.zoo import download
from robust_widgets.models.zoo.download import fetch
from tests.helpers import raises_sentence
from tests.models.zoo.server import ServedFile, serving

CONTENT = bytes(range(256)) * 4000
OTHER = bytes(reversed(CONTENT))
PART, LARGER_PART = 4 * download.CHUNK, 7 * download.CHUNK
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedFile]:
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(ServedFile(CONTENT)) as served:
        yield served


def get(served: ServedFile, folder: Path, digest: str | None = DIGEST) -> Path:
    file = folder / "deep" / "model.pt"
    fetch(served.address, file, digest=digest, progress=False)
    return file


def remaining(folder: Path) -> set[str]:
    """The files in the download folder, except the lock."""
    return {file.name for file in (folder / "deep").iterdir() if not file.name.endswith(".lock")}


def test_a_file_is_downloaded_once(served: ServedFile, tmp_path: Path) -> None:
    assert get(served, tmp_path).read_bytes() == CONTENT and remaining(tmp_path) == {"model.pt"}
    get(served, tmp_path)
    assert served.requested_ranges == [""]


def test_progress_is_shown(served: ServedFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(served.address, tmp_path / "model.pt")
    assert "model.pt: 100%" in capsys.readouterr().err


def test_an_interrupted_download_is_resumed(served: ServedFile, tmp_path: Path) -> None:
    served.cuts = [PART, LARGER_PART - PART]
    assert get(served, tmp_path).read_bytes() == CONTENT
    assert served.requested_ranges == ["", f"bytes={PART}-", f"bytes={LARGER_PART}-"] and remaining(tmp_path) == {
        "model.pt"
    }


def test_a_partial_download_is_kept_for_the_next_attempt(
    served: ServedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    served.cuts = [LARGER_PART]
    place = tmp_path / "deep" / "model.pt"
    with raises_sentence(WeightsError, "'model.pt'", "interrupted", "0.5 MB", served.address, place):
        get(served, tmp_path)
    assert remaining(tmp_path) == {"model.pt.partial", "model.pt.partial.json"}
    assert get(served, tmp_path).read_bytes() == CONTENT and served.requested_ranges[-1] == f"bytes={LARGER_PART}-"


def test_a_server_without_range_requests_sends_the_file_again(served: ServedFile, tmp_path: Path) -> None:
    served.supports_ranges, served.cuts = False, [PART]
    assert get(served, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("digest", [hashlib.sha256(OTHER).hexdigest(), None])
def test_a_file_that_changes_between_attempts_is_not_mixed_with_its_old_version(
    served: ServedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str | None
) -> None:
    with monkeypatch.context() as single_attempt:
        single_attempt.setattr(download, "ATTEMPTS", 1)
        served.cuts = [PART]
        with pytest.raises(WeightsError):
            get(served, tmp_path, digest)
    served.content, served.etag = OTHER, '"second"'
    assert get(served, tmp_path, digest).read_bytes() == OTHER and served.requested_ranges == ["", f"bytes={PART}-"]


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_an_etag_the_digest_allows_resuming(served: ServedFile, tmp_path: Path, tag: str) -> None:
    served.etag, served.cuts = tag, [PART]
    assert get(served, tmp_path).read_bytes() == CONTENT and served.requested_ranges == ["", f"bytes={PART}-"]


def test_without_an_etag_a_changed_file_is_detected_and_downloaded_again(served: ServedFile, tmp_path: Path) -> None:
    partial = tmp_path / "deep" / "model.pt.partial"
    partial.parent.mkdir()
    partial.write_bytes(OTHER[:PART])
    served.etag = ""
    assert get(served, tmp_path).read_bytes() == CONTENT and served.requested_ranges == [f"bytes={PART}-", ""]


def test_without_an_etag_and_a_digest_it_starts_over(served: ServedFile, tmp_path: Path) -> None:
    served.etag, served.cuts = "", [PART]
    assert get(served, tmp_path, None).read_bytes() == CONTENT and served.requested_ranges == ["", ""]


def test_a_partial_download_larger_than_the_file_is_discarded(served: ServedFile, tmp_path: Path) -> None:
    partial = tmp_path / "deep" / "model.pt.partial"
    partial.parent.mkdir()
    partial.write_bytes(CONTENT + b"more")
    assert get(served, tmp_path).read_bytes() == CONTENT and served.requested_ranges[-1] == ""


def test_a_wrong_file_is_not_kept(served: ServedFile, tmp_path: Path) -> None:
    served.content = OTHER
    with raises_sentence(WeightsError, served.address, DIGEST[:8], tmp_path / "deep" / "model.pt"):
        get(served, tmp_path)
    assert remaining(tmp_path) == set() and len(served.requested_ranges) == 1


def test_a_file_that_fails_the_check_is_not_kept(served: ServedFile, tmp_path: Path) -> None:
    def refuse(file: Path) -> None:
        raise WeightsError(f"{file.name} holds a page, not weights.")

    with raises_sentence(WeightsError, "holds a page"):
        fetch(served.address, tmp_path / "model.pt", check=refuse, progress=False)
    assert not (tmp_path / "model.pt").exists() and not list(tmp_path.glob("*.partial*"))


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_missing_file_is_requested_once(served: ServedFile, tmp_path: Path, status: int) -> None:
    served.statuses = [status] * 9
    with raises_sentence(WeightsError, status, served.address, tmp_path / "deep" / "model.pt"):
        get(served, tmp_path)
    assert len(served.requested_ranges) == 1 and remaining(tmp_path) == set()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_temporary_server_errors_are_retried(served: ServedFile, tmp_path: Path, status: int) -> None:
    served.statuses = [status]
    assert get(served, tmp_path).read_bytes() == CONTENT
    (tmp_path / "deep" / "model.pt").unlink()
    served.statuses = [status] * 9
    with raises_sentence(WeightsError, status, served.address):
        get(served, tmp_path)
    assert len(served.requested_ranges) == 2 + download.ATTEMPTS


def test_redirects_are_followed(served: ServedFile, tmp_path: Path) -> None:
    fetch(served.address.replace("/model.pt", "/moved/model.pt"), tmp_path / "m.pt", digest=DIGEST, progress=False)
    assert (tmp_path / "m.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [len(CONTENT) + 1, len(CONTENT) - 1])
def test_a_wrong_content_length_is_detected(served: ServedFile, tmp_path: Path, length: int) -> None:
    served.claimed_length = length
    with raises_sentence(WeightsError, served.address):
        get(served, tmp_path)
    assert "model.pt" not in remaining(tmp_path)


def test_a_response_that_ends_early_is_detected(
    served: ServedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        requests.Response, "iter_content", lambda *_: iter([CONTENT[:PART]])
    )  # as older versions of requests do
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with raises_sentence(WeightsError, f"ended after {PART:,} of {len(CONTENT):,} bytes"):
        get(served, tmp_path, None)


def test_without_a_network_connection_the_error_says_what_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = "http://127.0.0.1:9/model.pt"
    with raises_sentence(WeightsError, "no connection to 127.0.0.1:9", address, tmp_path / "model.pt"):
        fetch(address, tmp_path / "model.pt", progress=False)


def test_a_failed_download_frees_a_full_disk(served: ServedFile, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limit on file sizes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with raises_sentence(WeightsError, tmp_path / "deep" / "model.pt", "make room", "ROBUST_WIDGETS_CACHE"):
            get(served, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert remaining(tmp_path) == set()
    assert get(served, tmp_path).read_bytes() == CONTENT


def test_a_file_larger_than_the_free_space_is_not_downloaded(
    served: ServedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with raises_sentence(WeightsError, "1.0 MB", "make room"):
        get(served, tmp_path)
    assert remaining(tmp_path) == set()


def test_a_path_that_cannot_be_written(served: ServedFile, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "model.pt.partial").mkdir()
    with raises_sentence(WeightsError, tmp_path / "deep" / "model.pt", "ROBUST_WIDGETS_CACHE"):
        get(served, tmp_path)


def test_concurrent_calls_download_once(served: ServedFile, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from robust_widgets.models.zoo.download import fetch
fetch({served.address!r}, Path({str(tmp_path / "deep" / "model.pt")!r}), digest={DIGEST!r}, progress=False)
"""
    other = subprocess.Popen([sys.executable, "-c", code])
    threads = [threading.Thread(target=get, args=(served, tmp_path)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    assert (tmp_path / "deep" / "model.pt").read_bytes() == CONTENT and served.requested_ranges == [""]
