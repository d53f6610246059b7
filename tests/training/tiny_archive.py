"""A stand-in for the official archive of Tiny ImageNet: its layout, with a few bytes for each picture."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

TABLE = {"cat": ("n00000001", "n00000002"), "shore": ("n00000003",)}
OTHER = "n00000009"
ROOT = "tiny-imagenet-200"


def members(wnids: Iterable[str], train: int = 3, val: int = 2) -> dict[str, bytes]:
    """What such an archive holds, by name."""
    files: dict[str, bytes] = {f"{ROOT}/wnids.txt": b"n00000001\n", f"{ROOT}/test/images/test_0.JPEG": b"test"}
    rows: list[str] = []
    for wnid in wnids:
        files[f"{ROOT}/train/{wnid}/{wnid}_boxes.txt"] = b"boxes"
        files |= {f"{ROOT}/train/{wnid}/images/{wnid}_{n}.JPEG": f"{wnid} {n}".encode() for n in range(train)}
        for _ in range(val):
            name = f"val_{len(rows)}.JPEG"
            files[f"{ROOT}/val/images/{name}"] = f"val {wnid} {len(rows)}".encode()
            rows.append(f"{name}\t{wnid}\t0\t0\t62\t62")
    return files | {f"{ROOT}/val/val_annotations.txt": "\n".join(rows).encode()}


def write(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of these files, not compressed, so that a test can damage one of them."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
