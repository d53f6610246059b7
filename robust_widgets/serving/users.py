"""Who somebody is, by the token that a notebook or a browser sends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from robust_widgets._files import atomic_write
from robust_widgets.errors import DataError, SetupError, first_line

TEACHER = "teacher"  # the name that may see and stop everybody's runs
LONGEST_NAME, MOST_NAMES = 64, 10_000
SECRET_BYTES, DIGEST_LETTERS = 32, 27
HUB_SECONDS = 300  # that an answer of the hub holds


@dataclass(frozen=True)
class Person:
    """Somebody who may use the server.

    Attributes:
        name: ``""`` if nobody was asked; then each notebook counts as a person.
        is_teacher: may see and stop everybody's runs.
    """

    name: str
    is_teacher: bool = False


class Users(Protocol):
    """Who may use the server.

    Attributes:
        needs_token: whether everybody has to show one.
    """

    @property
    def needs_token(self) -> bool: ...

    async def identify(self, token: str) -> Person | None:
        """Whose token it is; None for nobody's."""
        ...


class Anybody:
    """Who reaches the server may use it: for one machine, without a network."""

    needs_token = False

    async def identify(self, token: str) -> Person | None:
        return Person("", is_teacher=True)


class ClassList:
    """A file with a name on each line, and a signed token for each name.

    The tokens are not stored: they are signed with a key that lies next to the file, so they stay the same from start
    to start. Who is taken off the list can no longer connect; without the key's file, all tokens are new.

    Args:
        path: the file; lines that begin with ``#`` are left out.

    Raises:
        DataError: it cannot be read, has no names, or a name twice.
    """

    needs_token = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = self._read()
        self._changed = self._path.stat().st_mtime_ns
        self._key = _key_beside(path)

    def tokens(self) -> dict[str, str]:
        """The token of each name, the teacher's first."""
        return {name: self.token(name) for name in (TEACHER, *self.names)}

    def token(self, name: str) -> str:
        """The token of a name."""
        encoded = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
        digest = hmac.new(self._key, name.encode(), hashlib.sha256).digest()
        return f"{encoded}.{base64.urlsafe_b64encode(digest).decode()[:DIGEST_LETTERS]}"

    async def identify(self, token: str) -> Person | None:
        try:
            encoded = token.partition(".")[0]
            name = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except (ValueError, UnicodeError):
            return None
        if not hmac.compare_digest(token.encode(), self.token(name).encode()):
            return None
        return Person(name, name == TEACHER) if name == TEACHER or name in self._current() else None

    def _current(self) -> tuple[str, ...]:
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self.names, self._changed = self._read(), changed
        except (OSError, DataError):  # it is being edited; the names as they were
            pass
        return self.names

    def _read(self) -> tuple[str, ...]:
        try:
            lines = self._path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as error:
            raise DataError(
                f"The class list {str(self._path)!r} cannot be read ({first_line(error)}); give a text file with a "
                "name on each line."
            ) from None
        names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        bad = next((name for name in names if len(name) > LONGEST_NAME or not name.isprintable()), None)
        twice = next((name for name in names if names.count(name) > 1 or name == TEACHER), None)
        if bad is not None or twice is not None or not 0 < len(names) <= MOST_NAMES:
            what = f"{bad[:LONGEST_NAME]!r} is no name" if bad is not None else f"{twice!r} stands for two people"
            what = what if bad is not None or twice is not None else f"it has {len(names)} names"
            raise DataError(
                f"The class list {str(self._path)!r} cannot be used ({what}); give each student a name of at most "
                f"{LONGEST_NAME} letters on a line of its own, other than {TEACHER!r}."
            )
        return tuple(names)


def _key_beside(path: Path) -> bytes:
    """The key that signs a class's tokens; made at the first start."""
    file = path.with_name(f"{path.name}.key")
    if not file.exists():
        fresh = secrets.token_hex(SECRET_BYTES).encode()
        atomic_write(file, lambda output: output.write(fresh), private=True, overwrite=False)
    try:
        return bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"The key {str(file)!r} cannot be read ({first_line(error)}); delete it to give everybody a new token."
        ) from None


class HubUsers:
    """Users of a JupyterHub whose service the server is. The hub says whose token it is, and what its owner may do.

    Raises:
        SetupError: jupyterhub is not installed.
    """

    needs_token = True

    def __init__(self) -> None:
        try:
            from jupyterhub.services.auth import HubAuth  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise SetupError(
                "The server was started as a service of a JupyterHub, but jupyterhub is not installed here; run "
                "'pip install jupyterhub' in this environment."
            ) from None
        self._hub: Any = HubAuth(cache_max_age=HUB_SECONDS)

    async def identify(self, token: str) -> Person | None:
        user: Mapping[str, Any] | None = await asyncio.to_thread(self._ask, token)
        if not user or user.get("kind", "user") != "user":
            return None
        return Person(str(user["name"]), bool(user.get("admin")))

    def _ask(self, token: str) -> Mapping[str, Any] | None:
        """What the hub says of a token: None where it is unknown, or may not use this service."""
        try:
            user = self._hub.user_for_token(token, sync=True)
        except Exception:  # the hub is away, or says no by an HTTP error
            return None
        needed = set(self._hub.access_scopes or ())
        return user if user and (not needed or self._hub.check_scopes(needed, user)) else None


def runs_in_hub() -> bool:
    """Whether this process is a service of a JupyterHub."""
    return bool(os.environ.get("JUPYTERHUB_SERVICE_PREFIX")) and bool(os.environ.get("JUPYTERHUB_API_TOKEN"))
