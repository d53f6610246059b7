"""Get a picture from an address that a person gives. Without torch."""

from __future__ import annotations

import io
import ipaddress
import socket
import time
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import requests
from PIL import Image

from robust_widgets.errors import PictureError, first_line, short_text
from robust_widgets.pictures.io import size_of, to_layers
from robust_widgets.pictures.limits import LARGEST_PIXELS, LONGEST_ADDRESS, MAX_DOWNLOAD

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5, 10, 30
MOST_REDIRECTS = 5
BLOCK = 1 << 16
LONGEST_SIDE = 1024
REDIRECTS = (301, 302, 303, 307, 308)


def download_picture(address: str) -> tuple[str, bytes]:
    """Get a picture from the web.

    Args:
        address: begins with ``http://`` or ``https://``.

    Returns:
        Its name, and the picture as a PNG file of at most 1024 x 1024 pixels.

    Raises:
        PictureError: it is no such address, leads into a private network, does not answer in time, or is no picture or
            a picture that is too large.
    """
    data, address = _body(address)
    name = unquote(urlsplit(address).path.rsplit("/", 1)[-1]) or urlsplit(address).netloc
    return short_text(name, 100), _small_png(data, name)


def _body(address: str) -> tuple[bytes, str]:
    """What a server answers, and the address after its redirects, each of which is checked."""
    deadline = time.monotonic() + TOTAL_SECONDS
    with requests.Session() as session:
        for _ in range(MOST_REDIRECTS + 1):
            _check(address)
            try:
                with session.get(
                    address, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS)
                ) as response:
                    if response.status_code in REDIRECTS and "location" in response.headers:
                        address = urljoin(address, response.headers["location"])
                        continue
                    if response.status_code != 200:
                        raise _refusal(address, f"its server answers {response.status_code}")
                    return _read(response, address, deadline), address
            except (requests.RequestException, OSError, UnicodeError) as error:
                raise _refusal(address, first_line(error)) from None
    raise _refusal(address, f"it leads on more than {MOST_REDIRECTS} times")


def _read(response: requests.Response, address: str, deadline: float) -> bytes:
    body = io.BytesIO()
    for block in response.iter_content(BLOCK):
        body.write(block)
        if body.tell() > MAX_DOWNLOAD:
            raise _refusal(address, f"it has more than {MAX_DOWNLOAD / 1e6:.0f} MB")
        if time.monotonic() > deadline:
            raise _refusal(address, f"it takes longer than {TOTAL_SECONDS} seconds")
    return body.getvalue()


def _check(address: str) -> None:
    """Refuse what is no web address, and what leads into a private network."""
    try:
        parts = urlsplit(address) if len(address) <= LONGEST_ADDRESS else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise PictureError(
            f"{short_text(address, 80)!r} is not an address of the web; give one that begins with 'https://'."
        )
    try:
        places = _places(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except (OSError, ValueError) as error:
        raise _refusal(address, first_line(error)) from None
    if not all(_is_public(place) for place in places):
        raise _refusal(address, f"{parts.hostname} is in a private network")


def _places(host: str, port: int) -> list[str]:
    """The network addresses that a name leads to."""
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_public(place: str) -> bool:
    address = ipaddress.ip_address(place.partition("%")[0])  # a link-local one may end in the name of a network
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


def _small_png(data: bytes, name: str) -> bytes:
    """A picture as a PNG file with its transparency, reduced to what the canvas can use."""
    try:
        size_of(data)
        layers = to_layers(data, reduce=True)[0]
    except PictureError:
        raise PictureError(
            f"{short_text(name, 80)!r} cannot be read as a picture; give the address of a PNG, JPEG or WebP file of "
            f"at most {LARGEST_PIXELS / 1e6:.0f} megapixels."
        ) from None
    picture = Image.fromarray((np.squeeze(layers) * 255 + 0.5).astype(np.uint8))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _refusal(address: str, problem: str) -> PictureError:
    return PictureError(
        f"The picture at {short_text(address, 80)!r} cannot be loaded ({problem}); save it, and drop its file instead."
    )
