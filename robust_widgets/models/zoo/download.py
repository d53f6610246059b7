"""One file over HTTP: with progress, going on where a broken download stopped, and whole or not at all.

A download grows in ``NAME.partial``, beside which ``NAME.partial.json`` says which version of the file that is. It gets
its own name once its digest is right. A lock lets one process at a time download a file; others wait, then find it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import requests
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from robust_widgets._files import CACHE_VARIABLE, make_folder
from robust_widgets.errors import WeightsError

CHUNK = 1 << 16
ATTEMPTS = 4
PAUSE = 1.0  # seconds, before the second attempt; then twice as long each time
TIMEOUT = 30.0  # seconds without a byte
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BUSY = (408, 425, 429, 500, 502, 503, 504)  # what a server may answer now and not a moment later


def fetch(
    address: str,
    file: Path,
    *,
    digest: str | None = None,
    check: Callable[[Path], object] | None = None,
    progress: bool = True,
    variable: str = CACHE_VARIABLE,
) -> None:
    """Download a file unless it is there.

    Args:
        address: where it is, over HTTP.
        file: where to put it.
        digest: how its SHA-256 begins, hexadecimal; a file with another one is not kept.
        check: called with the whole download before it gets its name; what it raises is passed on.
        progress: show a progress bar.
        variable: the environment variable that names another folder, for an error.

    Raises:
        WeightsError: it cannot be had; the message says which file to fetch from where, and where to put it.
    """
    if file.is_file():
        return
    make_folder(file.parent)
    try:
        with _locked(file, progress):
            if not file.is_file():
                _Download(address, file, digest, check, progress).run()
    except OSError as error:
        raise WeightsError(
            f"{str(file)!r} could not be written ({error.strerror or error}); make room there, or name another folder "
            f"in the environment variable {variable}."
        ) from None
    except NotImplementedError as error:
        raise WeightsError(
            f"{str(file.parent)!r} has no file locks ({error}), so a download there is not safe; name another folder "
            f"in the environment variable {variable}."
        ) from None


@contextlib.contextmanager
def _locked(file: Path, progress: bool) -> Generator[None]:
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            tqdm.write(f"Another process is downloading {file.name}; waiting for it.", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def check_digest(file: Path, digest: str | None) -> None:
    """Refuse a file whose SHA-256 does not begin so.

    Raises:
        WeightsError: it does not.
    """
    if digest is None:
        return
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if not found.startswith(digest):
        raise WeightsError(
            f"{str(file)!r} is not the file that was published: its SHA-256 begins with {found[:8]}, not "
            f"{digest[:8]}; delete it and load the model again."
        )


class _BrokenError(Exception):
    """This attempt failed; another may not."""


class _RefusedError(Exception):
    """The server will not give the file."""


@dataclass
class _Download:
    address: str
    file: Path
    digest: str | None
    check: Callable[[Path], object] | None
    progress: bool

    def __post_init__(self) -> None:
        self.partial = self.file.with_name(f"{self.file.name}.partial")
        self.version = self.file.with_name(f"{self.file.name}.partial.json")

    def run(self) -> None:
        reason, resumed = "", False
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                resumed = self._receive()
                self._finish()
                return
            except _BrokenError as error:
                reason = str(error)
            except WeightsError:
                self._forget()
                if not resumed or attempt == ATTEMPTS - 1:  # else what came before may have been of another file
                    raise
            except _RefusedError as error:
                raise self._unavailable(str(error)) from None
            except OSError as error:
                if error.errno in FULL:
                    self._forget()  # nothing else on a full disk should suffer from it
                raise
        raise self._unavailable(reason)

    def _receive(self) -> bool:
        """Get the rest of the file; whether there was a beginning to go on from."""
        have = self._size()
        version = self._version() if have else None
        headers = {"Accept-Encoding": "identity"}
        if have and (version or self.digest):
            headers["Range"] = f"bytes={have}-"
            if version:
                headers["If-Range"] = version
        try:
            with requests.get(self.address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                start = self._start(answer, have)
                self._write(answer, start)
        except requests.RequestException as error:
            raise _BrokenError(_reason(self.address, error)) from None
        return start > 0

    def _start(self, answer: requests.Response, have: int) -> int:
        """Where in the file the answer begins.

        Raises:
            _BrokenError, _RefusedError: it is no part of the file.
        """
        if answer.status_code == 206:
            if answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                return have
            self._forget()
            raise _BrokenError("the server answered with another part of the file")
        if answer.status_code == 416:
            self._forget()
            raise _BrokenError("the server has no more of this file than came before")
        if answer.status_code != 200:
            said = f"the server answered {answer.status_code} {answer.reason}".rstrip()
            raise _BrokenError(said) if answer.status_code in BUSY else _RefusedError(said)
        return 0

    def _write(self, answer: requests.Response, start: int) -> None:
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        self._check_room(total, start)
        if start == 0:
            self._remember(answer)
        with (
            self.partial.open("ab" if start else "wb") as out,
            self._bar(total, start) as bar,
        ):
            for block in answer.iter_content(CHUNK):
                out.write(block)
                bar.update(len(block))
        if total is not None and self._size() != total:
            raise _BrokenError(f"it ended after {self._size():,} of {total:,} bytes")

    def _check_room(self, total: int | None, start: int) -> None:
        if total is not None and shutil.disk_usage(self.file.parent).free < total - start:
            raise OSError(errno.ENOSPC, f"No room for {(total - start) / 1e6:,.1f} MB")

    def _finish(self) -> None:
        try:
            check_digest(self.partial, self.digest)
        except WeightsError:
            raise WeightsError(
                f"What {self.address} sends is not the file that was published, whose SHA-256 begins with "
                f"{(self.digest or '')[:8]}, so it was not kept; if you have the right file, put it at "
                f"{str(self.file)!r}."
            ) from None
        if self.check is not None:
            self.check(self.partial)
        self.partial.replace(self.file)
        self._forget()

    def _bar(self, total: int | None, start: int) -> Any:
        return tqdm(
            total=total,
            initial=start,
            desc=self.file.name,
            unit="B",
            unit_scale=True,
            disable=not self.progress,
        )

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def _remember(self, answer: requests.Response) -> None:
        """Keep what tells this version of the file from others; a weak tag does not tell every byte."""
        tag = answer.headers.get("ETag", "")
        version = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
        self.version.write_text(json.dumps({"address": self.address, "version": version}))

    def _version(self) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            kept = cast("dict[str, str | None]", json.loads(self.version.read_text()))
            if kept.get("address") == self.address:
                return kept.get("version")
        return None

    def _forget(self) -> None:
        for file in (self.partial, self.version):
            file.unlink(missing_ok=True)

    def _unavailable(self, reason: str) -> WeightsError:
        have = self._size()
        kept = f"; the {have / 1e6:,.1f} MB that came are kept, and the next try goes on from there" if have else ""
        return WeightsError(
            f"{self.file.name!r} could not be downloaded ({reason}){kept}; without a network, fetch {self.address} "
            f"elsewhere and put it at {str(self.file)!r}."
        )


def _reason(address: str, error: requests.RequestException) -> str:
    """What went wrong with a connection, without the pools and retries that the library speaks of."""
    host = address.partition("://")[2].partition("/")[0]
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} was not accepted"
    if isinstance(error, requests.Timeout):
        return f"{host} did not answer for {TIMEOUT:g} seconds"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return f"there is no connection to {host}"
    return str(error).rstrip(".")[:200] or type(error).__name__
