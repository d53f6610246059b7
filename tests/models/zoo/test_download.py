"""Downloads: whole or not at all, going on after a break, checked, and by one process at a time."""

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
from tests.models.zoo.server import Shelf, serving

CONTENT = bytes(range(256)) * 4000
OTHER = bytes(reversed(CONTENT))
SOME, MORE = 4 * download.CHUNK, 7 * download.CHUNK
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Shelf(CONTENT)) as shelf:
        yield shelf


def get(shelf: Shelf, folder: Path, digest: str | None = DIGEST) -> Path:
    file = folder / "deep" / "model.pt"
    fetch(shelf.address, file, digest=digest, progress=False)
    return file


def left(folder: Path) -> set[str]:
    """The files beside the lock."""
    return {file.name for file in (folder / "deep").iterdir() if not file.name.endswith(".lock")}


def test_a_file_comes_whole_and_only_once(shelf: Shelf, tmp_path: Path) -> None:
    assert get(shelf, tmp_path).read_bytes() == CONTENT and left(tmp_path) == {"model.pt"}
    get(shelf, tmp_path)
    assert shelf.asked == [""]


def test_the_progress_is_shown(shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(shelf.address, tmp_path / "model.pt")
    assert "model.pt: 100%" in capsys.readouterr().err


def test_a_broken_download_goes_on_where_it_stopped(shelf: Shelf, tmp_path: Path) -> None:
    shelf.cuts = [SOME, MORE - SOME]
    assert get(shelf, tmp_path).read_bytes() == CONTENT
    assert shelf.asked == ["", f"bytes={SOME}-", f"bytes={MORE}-"] and left(tmp_path) == {"model.pt"}


def test_what_came_is_kept_for_the_next_try(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    shelf.cuts = [MORE]
    place = tmp_path / "deep" / "model.pt"
    with raises_sentence(WeightsError, "'model.pt'", "interrupted", "0.5 MB", shelf.address, place):
        get(shelf, tmp_path)
    assert left(tmp_path) == {"model.pt.partial", "model.pt.partial.json"}
    assert get(shelf, tmp_path).read_bytes() == CONTENT and shelf.asked[-1] == f"bytes={MORE}-"


def test_a_server_without_parts_sends_all_of_it_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.ranges, shelf.cuts = False, [SOME]
    assert get(shelf, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("digest", [hashlib.sha256(OTHER).hexdigest(), None])
def test_a_file_that_changed_between_is_not_mixed_with_the_old_one(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str | None
) -> None:
    with monkeypatch.context() as once:
        once.setattr(download, "ATTEMPTS", 1)
        shelf.cuts = [SOME]
        with pytest.raises(WeightsError):
            get(shelf, tmp_path, digest)
    shelf.content, shelf.tag = OTHER, '"second"'
    assert get(shelf, tmp_path, digest).read_bytes() == OTHER and shelf.asked == ["", f"bytes={SOME}-"]


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_version_the_digest_decides_whether_to_go_on(shelf: Shelf, tmp_path: Path, tag: str) -> None:
    shelf.tag, shelf.cuts = tag, [SOME]
    assert get(shelf, tmp_path).read_bytes() == CONTENT and shelf.asked == ["", f"bytes={SOME}-"]


def test_without_a_version_a_changed_file_is_noticed_and_fetched_afresh(shelf: Shelf, tmp_path: Path) -> None:
    partial = tmp_path / "deep" / "model.pt.partial"
    partial.parent.mkdir()
    partial.write_bytes(OTHER[:SOME])
    shelf.tag = ""
    assert get(shelf, tmp_path).read_bytes() == CONTENT and shelf.asked == [f"bytes={SOME}-", ""]


def test_without_a_version_and_a_digest_it_begins_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.tag, shelf.cuts = "", [SOME]
    assert get(shelf, tmp_path, None).read_bytes() == CONTENT and shelf.asked == ["", ""]


def test_a_beginning_that_is_longer_than_the_file_is_thrown_away(shelf: Shelf, tmp_path: Path) -> None:
    partial = tmp_path / "deep" / "model.pt.partial"
    partial.parent.mkdir()
    partial.write_bytes(CONTENT + b"more")
    assert get(shelf, tmp_path).read_bytes() == CONTENT and shelf.asked[-1] == ""


def test_a_wrong_file_is_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.content = OTHER
    with raises_sentence(WeightsError, shelf.address, DIGEST[:8], tmp_path / "deep" / "model.pt"):
        get(shelf, tmp_path)
    assert left(tmp_path) == set() and len(shelf.asked) == 1


def test_what_the_check_refuses_is_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    def refuse(file: Path) -> None:
        raise WeightsError(f"{file.name} holds a page, not weights.")

    with raises_sentence(WeightsError, "holds a page"):
        fetch(shelf.address, tmp_path / "model.pt", check=refuse, progress=False)
    assert not (tmp_path / "model.pt").exists() and not list(tmp_path.glob("*.partial*"))


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there_is_asked_for_once(shelf: Shelf, tmp_path: Path, status: int) -> None:
    shelf.statuses = [status] * 9
    with raises_sentence(WeightsError, status, shelf.address, tmp_path / "deep" / "model.pt"):
        get(shelf, tmp_path)
    assert len(shelf.asked) == 1 and left(tmp_path) == set()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(shelf: Shelf, tmp_path: Path, status: int) -> None:
    shelf.statuses = [status]
    assert get(shelf, tmp_path).read_bytes() == CONTENT
    (tmp_path / "deep" / "model.pt").unlink()
    shelf.statuses = [status] * 9
    with raises_sentence(WeightsError, status, shelf.address):
        get(shelf, tmp_path)
    assert len(shelf.asked) == 2 + download.ATTEMPTS


def test_a_redirection_is_followed(shelf: Shelf, tmp_path: Path) -> None:
    fetch(shelf.address.replace("/model.pt", "/moved/model.pt"), tmp_path / "m.pt", digest=DIGEST, progress=False)
    assert (tmp_path / "m.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("said", [len(CONTENT) + 1, len(CONTENT) - 1])
def test_a_length_that_is_not_true_is_noticed(shelf: Shelf, tmp_path: Path, said: int) -> None:
    shelf.said_length = said
    with raises_sentence(WeightsError, shelf.address):
        get(shelf, tmp_path)
    assert "model.pt" not in left(tmp_path)


def test_an_answer_that_ends_early_without_a_word_is_noticed(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests.Response, "iter_content", lambda *_: iter([CONTENT[:SOME]]))  # as older libraries do
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with raises_sentence(WeightsError, f"ended after {SOME:,} of {len(CONTENT):,} bytes"):
        get(shelf, tmp_path, None)


def test_without_a_network_the_sentence_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = "http://127.0.0.1:9/model.pt"
    with raises_sentence(WeightsError, "no connection to 127.0.0.1:9", address, tmp_path / "model.pt"):
        fetch(address, tmp_path / "model.pt", progress=False)


def test_a_disk_that_fills_up_is_left_as_it_was(shelf: Shelf, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with raises_sentence(WeightsError, tmp_path / "deep" / "model.pt", "make room", "ROBUST_WIDGETS_CACHE"):
            get(shelf, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(tmp_path) == set()
    assert get(shelf, tmp_path).read_bytes() == CONTENT


def test_a_file_for_which_there_is_no_room_is_not_begun(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with raises_sentence(WeightsError, "1.0 MB", "make room"):
        get(shelf, tmp_path)
    assert left(tmp_path) == set()


def test_a_folder_that_is_closed_to_us(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "model.pt.partial").mkdir()
    with raises_sentence(WeightsError, tmp_path / "deep" / "model.pt", "ROBUST_WIDGETS_CACHE"):
        get(shelf, tmp_path)


def test_two_at_once_download_it_once(shelf: Shelf, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from robust_widgets.models.zoo.download import fetch
fetch({shelf.address!r}, Path({str(tmp_path / "deep" / "model.pt")!r}), digest={DIGEST!r}, progress=False)
"""
    other = subprocess.Popen([sys.executable, "-c", code])
    threads = [threading.Thread(target=get, args=(shelf, tmp_path)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    assert (tmp_path / "deep" / "model.pt").read_bytes() == CONTENT and shelf.asked == [""]
