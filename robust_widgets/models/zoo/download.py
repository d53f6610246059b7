"""Download a file over HTTP: atomic, resumable, with a progress bar.

A download is written to ``NAME.partial``; ``NAME.partial.json`` records the version of the file. It is renamed to
``NAME`` once its digest has been checked. A lock lets one process at a time download a file; others wait for it.
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
from robust_widgets.errors import WeightsError, first_line

CHUNK = 1 << 16
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt, doubled for each further one
TIMEOUT = 30.0  # seconds without data
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # HTTP status codes worth another attempt


def fetch(
    address: str,
    file: Path,
    *,
    digest: str | None = None,
    check: Callable[[Path], object] | None = None,
    progress: bool = True,
    variable: str = CACHE_VARIABLE,
) -> None:
    """Download a file, unless it already exists.

    Args:
        address: its URL.
        file: where to put it.
        digest: the beginning of its SHA-256, hexadecimal; a file with another one is not kept.
        check: called with the complete download before it is renamed; its errors are passed on.
        progress: show a progress bar.
        variable: the environment variable that sets another folder, for error messages.

    Raises:
        WeightsError: the download failed; the message says which file to download by hand, and where to put it.
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
            f"{str(file)!r} could not be written ({error.strerror or error}); make room there, or set another folder "
            f"with the environment variable {variable}."
        ) from None
    except NotImplementedError as error:
        raise WeightsError(
            f"{str(file.parent)!r} does not support file locks ({error}), so a download there is not safe; set another "
            f"folder with the environment variable {variable}."
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
    """Check the beginning of a file's SHA-256; without a digest there is nothing to check.

    Raises:
        WeightsError: it differs.
    """
    if digest is None:
        return
    with file.open("rb") as opened:
        actual = hashlib.file_digest(opened, "sha256").hexdigest()
    if not actual.startswith(digest):
        raise WeightsError(
            f"{str(file)!r} is not the published file: its SHA-256 begins with {actual[:8]}, not "
            f"{digest[:8]}; delete it and load the model again."
        )


class _AttemptError(Exception):
    """This attempt failed; another one may succeed."""


class _RefusedError(Exception):
    """The server refuses to send the file."""


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
            except _AttemptError as error:
                reason = str(error)
            except WeightsError:
                self._discard()
                if not resumed or attempt == ATTEMPTS - 1:  # a resumed download may mix two versions of the file
                    raise
            except _RefusedError as error:
                raise self._unavailable(str(error)) from None
            except OSError as error:
                if error.errno in DISK_FULL:
                    self._discard()  # free the disk for everything else
                raise
        raise self._unavailable(reason)

    def _receive(self) -> bool:
        """Download the rest of the file; returns whether it resumed an earlier download."""
        received = self._received()
        version = self._saved_version() if received else None
        headers = {"Accept-Encoding": "identity"}
        if received and (version or self.digest):
            headers["Range"] = f"bytes={received}-"
            if version:
                headers["If-Range"] = version
        try:
            with requests.get(self.address, headers=headers, stream=True, timeout=TIMEOUT) as response:
                start = self._start(response, received)
                self._write(response, start)
        except requests.RequestException as error:
            raise _AttemptError(_reason(self.address, error)) from None
        return start > 0

    def _start(self, response: requests.Response, received: int) -> int:
        """The position in the file at which the response begins.

        Raises:
            _AttemptError, _RefusedError: the response is not a part of the file.
        """
        if response.status_code == 206:
            if response.headers.get("Content-Range", "").startswith(f"bytes {received}-"):
                return received
            self._discard()
            raise _AttemptError("the server sent another part of the file")
        if response.status_code == 416:
            self._discard()
            raise _AttemptError("the file on the server is shorter than the partial download")
        if response.status_code != 200:
            reason = f"the server answered {response.status_code} {response.reason}".rstrip()
            raise _AttemptError(reason) if response.status_code in TEMPORARY else _RefusedError(reason)
        return 0

    def _write(self, response: requests.Response, start: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        self._check_room(total, start)
        if start == 0:
            self._save_version(response)
        with (
            self.partial.open("ab" if start else "wb") as out,
            self._bar(total, start) as bar,
        ):
            for block in response.iter_content(CHUNK):
                out.write(block)
                bar.update(len(block))
        if total is not None and self._received() != total:
            raise _AttemptError(f"it ended after {self._received():,} of {total:,} bytes")

    def _check_room(self, total: int | None, start: int) -> None:
        if total is not None and shutil.disk_usage(self.file.parent).free < total - start:
            raise OSError(errno.ENOSPC, f"No room for {(total - start) / 1e6:,.1f} MB")

    def _finish(self) -> None:
        try:
            check_digest(self.partial, self.digest)
        except WeightsError:
            raise WeightsError(
                f"{self.address} did not send the published file, whose SHA-256 begins with "
                f"{(self.digest or '')[:8]}, so the download was deleted; if you have the right file, put it at "
                f"{str(self.file)!r}."
            ) from None
        if self.check is not None:
            self.check(self.partial)
        self.partial.replace(self.file)
        self._discard()

    def _bar(self, total: int | None, start: int) -> Any:
        return tqdm(
            total=total,
            initial=start,
            desc=self.file.name,
            unit="B",
            unit_scale=True,
            disable=not self.progress,
        )

    def _received(self) -> int:
        """Bytes of the partial download."""
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def _save_version(self, response: requests.Response) -> None:
        """Record which version of the file this is; a weak ETag isn't enough, its files may differ in some bytes."""
        tag = response.headers.get("ETag", "")
        version = tag if tag.startswith('"') else response.headers.get("Last-Modified")
        self.version.write_text(json.dumps({"address": self.address, "version": version}))

    def _saved_version(self) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            saved = cast("dict[str, str | None]", json.loads(self.version.read_text()))
            if saved.get("address") == self.address:
                return saved.get("version")
        return None

    def _discard(self) -> None:
        for file in (self.partial, self.version):
            file.unlink(missing_ok=True)

    def _unavailable(self, reason: str) -> WeightsError:
        received = self._received()
        resume = (
            f"; {received / 1e6:,.1f} MB were received, and the next attempt continues from there" if received else ""
        )
        return WeightsError(
            f"{self.file.name!r} could not be downloaded ({reason}){resume}; without a network connection, download "
            f"{self.address} elsewhere and put it at {str(self.file)!r}."
        )


def _reason(address: str, error: requests.RequestException) -> str:
    """Why a connection failed, in a few words; the library's own messages name its connection pools and retries."""
    host = address.partition("://")[2].partition("/")[0]
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} was not accepted"
    if isinstance(error, requests.Timeout):
        return f"{host} did not answer for {TIMEOUT:g} seconds"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        return "the connection was interrupted"
    if isinstance(error, requests.ConnectionError):
        return f"there is no connection to {host}"
    return first_line(error)
