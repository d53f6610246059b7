"""Pictures of anybody, in files and in archives of training pictures."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from robust_widgets.errors import DataError, PictureError
from robust_widgets.pictures.io import FORMATS, to_array
from robust_widgets.pictures.tensors import shape_of, to_batch
from robust_widgets.training.data.archives import Archive
from robust_widgets.training.data.reading import decode
from tests.fuzzing import damaged, tries
from tests.helpers import check_sentence

MODES = ("RGB", "L", "RGBA", "P", "1", "I;16", "CMYK", "F")


def encoded(kind: str, mode: str) -> bytes | None:
    """A small picture, or None where a format has no such pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    file = io.BytesIO()
    try:
        Image.fromarray(noise).convert("L" if mode == "I;16" else "RGB").convert(mode).save(file, kind)
    except (OSError, ValueError, KeyError):
        return None
    return file.getvalue()


PICTURES = [whole for kind in FORMATS for mode in MODES if (whole := encoded(kind, mode)) is not None]


def read(content: bytes) -> None:
    """A picture is read, or refused in a sentence, by all readers alike."""
    try:
        batch = to_batch(content, 8)
        assert batch.shape == (1, 3, 8, 8) and 0 <= float(batch.min()) <= float(batch.max()) <= 1
        assert to_array(content).shape[1:3] == shape_of(content)
    except PictureError as error:
        check_sentence(str(error))
    pixels = decode(io.BytesIO(content), 8)
    assert pixels is None or (pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read(kind: str) -> None:
    whole = encoded(kind, "L" if kind == "PPM" else "RGB")
    assert whole is not None and shape_of(whole) == (12, 17)
    read(whole)


@pytest.mark.filterwarnings("ignore")
@tries(300)
@given(st.sampled_from(PICTURES), st.randoms(use_true_random=False))
def test_a_damaged_picture(whole: bytes, dice: random.Random) -> None:
    read(damaged(whole, dice))


@pytest.mark.filterwarnings("ignore")
@tries(100)
@given(st.sampled_from([whole[:12] for whole in PICTURES]), st.binary(max_size=200))
def test_bytes_that_begin_like_a_picture(start: bytes, rest: bytes) -> None:
    read(start + rest)


def tar_of(kind: str) -> bytes:
    file, picture = io.BytesIO(), encoded("PNG", "RGB")
    assert picture is not None
    with tarfile.open(fileobj=file, mode=f"w:{kind}") as archive:
        for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/sub/2.png"):
            member = tarfile.TarInfo(name)
            member.size = len(picture)
            archive.addfile(member, io.BytesIO(picture))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz"])
def test_a_damaged_archive(kind: str, tmp_path: Path) -> None:
    whole, path = tar_of(kind), tmp_path / "pictures.tar"

    @tries(40)
    @given(st.randoms(use_true_random=False))
    def check(dice: random.Random) -> None:
        path.write_bytes(damaged(whole, dice))
        try:
            Archive(path, 8, progress=False).load(None, 1)
        except DataError as error:
            check_sentence(str(error), "pictures.tar")

    check()
