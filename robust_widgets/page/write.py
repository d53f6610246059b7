"""Writes the folder of a page."""

from __future__ import annotations

import hashlib
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.errors import ParameterError, SaveError, SetupError, WeightsError, short_repr
from robust_widgets.interface.tasks import task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.files import as_path, is_shown
from robust_widgets.pictures.io import Picture, as_rgb, to_array
from robust_widgets.tasks.running.run import resolve_model

STATIC = Path(__file__).resolve().parent.parent / "static" / "page"
INDEX, MANIFEST = "index.html", "manifest.json"
WORKER_SOURCE, WORKER = "serviceWorker.js", "sw.js"
ON_A_GPU = ".jspi."  # in the names of the runtime's files that only browsers with a GPU load
TITLE, LONGEST_TITLE = "Robust Studio", 100
TITLE_TAG = "<title>Robust Studio</title>"
LARGEST_SIDE = 1024  # of the picture that a page opens with, in pixels
STEP_CLOSE = 0.02  # of a step's length: how far half precision may move the first step


def write_page(
    out: str | os.PathLike[str],
    *,
    model: RobustClassifier | str | None = None,
    task: str | None = None,
    title: str = TITLE,
    picture: Picture | None = None,
    overwrite: bool | None = None,
) -> Path:
    """Write Robust Studio as a page of its own: static files whose runs are computed by the reader's browser.

    Put the folder on any static host; there is no kernel and no server behind it. The weights travel in half precision.

    Args:
        out: the folder.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``. Its
            steps are recorded for ONNX Runtime; needs the extra ``fast``.
        task: the task that the page opens with, such as ``"inpaint"``; by default the first one.
        title: what the page is called, at most 100 characters.
        picture: a picture that the page opens with, of any kind; large ones are reduced to 1,024 pixels.
        overwrite: by default an earlier page in the folder is replaced, and a folder with other files refused. True
            also writes into that, and removes nothing of it; False refuses both.

    Returns:
        The page's ``index.html``.

    Raises:
        SaveError: the folder holds other files, or cannot be written.
        WeightsError: the model's steps cannot be recorded, or half precision changes them; the message says why.
        UnknownNameError: there is no such task or model.
        ParameterError: the title is empty or too long.
        PictureError: the picture cannot be read.
        SetupError: ONNX is not installed, or the front end is not built.
    """
    name = None if task is None else task_spec(task.replace("-", "_")).name
    title = checked_title(title)
    folder = as_path(out)
    old = check_folder(folder, overwrite)
    image = None if picture is None else _picture(picture)
    static = static_files()
    _check_onnx()
    classifier = resolve_model(model, None)
    if classifier.device.type != "cpu":
        classifier = classifier.copy_to(torch.device("cpu"))
    static[INDEX] = static[INDEX].replace(TITLE_TAG.encode(), f"<title>{html.escape(title)}</title>".encode())
    _write(folder, with_lists(static, _contents(classifier, name, title, image)), old)
    return folder / INDEX


def engine_files(model: RobustClassifier) -> dict[str, bytes]:
    """What a browser needs to compute runs, by name: the manifest first, the weights, the seeds, and the steps.

    Args:
        model: a model on the CPU.

    Raises:
        WeightsError, SetupError: as `write_page`.
    """
    from robust_widgets.page.manifest import PICTURES

    _check_onnx()
    files = _contents(model, None, TITLE, None, larger=())
    content, pictures = (json.loads(files.pop(name)) for name in (MANIFEST, PICTURES))
    # Features are found by their names; pictures are shown by the notebook itself.
    features = [{**feature, "thumbnail": ""} for feature in pictures["features"]]
    content["model"].update(features=features, classPictures=[])
    return {MANIFEST: json.dumps(content).encode(), **files}


def _check_onnx() -> None:
    try:
        import onnx as onnx
        import onnxruntime as onnxruntime
    except ImportError:
        raise SetupError(
            "A page needs onnx and onnxruntime, which are not installed; pip install 'robust-widgets[fast]'."
        ) from None


def checked_title(title: object) -> str:
    """A title on one line.

    Raises:
        ParameterError: it is empty, too long, or no string.
    """
    words = " ".join(title.split()) if isinstance(title, str) else ""
    if not 0 < len(words) <= LONGEST_TITLE:
        raise ParameterError(f"The title is {short_repr(title, 120)}; give 1 to {LONGEST_TITLE} characters.")
    return words


def check_folder(folder: Path, overwrite: bool | None) -> tuple[str, ...]:
    """The files of an earlier page in a folder; refuses a folder whose files have to stay.

    Raises:
        SaveError: it is a file, or a folder that may not be written into.
    """
    if folder.exists() and not folder.is_dir():
        raise SaveError(f"{str(folder)!r} is a file; give a folder.")
    names = [entry.name for entry in folder.iterdir() if is_shown(entry.name)] if folder.is_dir() else []
    old = _files_of_page(folder)
    if names and overwrite is False:
        raise SaveError(f"The folder {str(folder)!r} is not empty; give another, or --force (overwrite=True).")
    if names and old is None and overwrite is None:
        raise SaveError(
            f"The folder {str(folder)!r} holds other files; give a new one, or --force (overwrite=True) to write among "
            "them."
        )
    return old or ()


def _files_of_page(folder: Path) -> tuple[str, ...] | None:
    """The files that an earlier page lists; None where there is none."""
    with suppress(OSError, ValueError):
        content: object = json.loads((folder / MANIFEST).read_text("utf-8"))
        if isinstance(content, dict) and str(content.get("madeBy", "")).startswith("robust-widgets"):
            listed: object = content.get("files")
            names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
            return tuple(name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts)
    return None


def static_files() -> dict[str, bytes]:
    """The files that all pages share, by name.

    Raises:
        SetupError: the front end is not built.
    """
    if not (STATIC / INDEX).is_file():
        raise SetupError(
            "The page's files are not built; run 'npm --prefix frontend run build' in the checkout, or install a wheel."
        )
    return {
        path.relative_to(STATIC).as_posix(): path.read_bytes() for path in sorted(STATIC.rglob("*")) if path.is_file()
    }


def _picture(picture: Picture) -> Image.Image:
    levels = to_array(picture)[0]
    image = as_rgb(Image.fromarray((levels * 255 + 0.5).astype(np.uint8)))
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BICUBIC)
    return image


def _contents(
    model: RobustClassifier,
    task: str | None,
    title: str,
    picture: Image.Image | None,
    larger: Sequence[int] | None = None,
) -> dict[str, bytes]:
    """The files of a model, by name; the manifest is the last."""
    from robust_widgets.page import manifest
    from robust_widgets.page.structures import record_tasks
    from robust_widgets.page.weights import WeightStore

    recorded = record_tasks(model, larger)
    if task is not None and task in recorded.missing:
        raise WeightsError(f"{recorded.missing[task].rstrip('.')}.")
    weights = WeightStore(array.numpy() for array in model.network.state_dict().values())
    for structure in recorded.structures.values():
        weights.take_from(structure.model)
    _check_precision(model, recorded, weights)
    seeds, drawn = manifest.seeds_of(model.seeds)
    files: dict[str, bytes] = {manifest.WEIGHTS: weights.data}
    if seeds is not None:
        files[manifest.SEEDS] = drawn
    for name, structure in recorded.structures.items():
        files[manifest.step_file(name)] = structure.model.SerializeToString()
    files[manifest.PICTURES] = json.dumps(manifest.pictures_of(model)).encode()
    if picture is not None:
        png = io.BytesIO()
        picture.save(png, "PNG")
        files[manifest.PICTURE] = png.getvalue()
    content = manifest.manifest_of(
        model,
        recorded,
        weights,
        seeds,
        title=title,
        task=task or next(iter(recorded.uses)),
        picture="" if picture is None else manifest.PICTURE,
    )
    files[MANIFEST] = json.dumps(content).encode()
    return files


def with_lists(static: Mapping[str, bytes], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a page, of which two list them all: the manifest, and the service worker if there is one.

    The manifest also tells the length and the digest of each other file, so that a browser notices a download that was
    cut or damaged. The service worker keeps the listed files for use without a network, those that only some browsers
    need when they have been loaded. It begins with their lists and a digest of all, so that a browser notices when any
    file has changed.

    Args:
        static: the files that all pages share, by name.
        files: the files of a model, with the manifest.
    """
    whole = {**static, **files}
    worker = whole.pop(WORKER_SOURCE, None)
    names = sorted(whole)
    content = json.loads(whole.pop(MANIFEST))
    listed = [*names, WORKER] if worker is not None else names
    contents = {name: {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in whole.items()}
    manifest = json.dumps({**content, "files": listed, "contents": contents}).encode()
    if worker is not None:
        digest = hashlib.sha256(worker)
        for name, data in sorted({**whole, MANIFEST: manifest}.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        optional = [name for name in names if ON_A_GPU in name]
        page = {
            "version": digest.hexdigest()[:16],
            "files": [name for name in names if name not in optional],
            "optional": optional,
        }
        whole[WORKER] = b"self.PAGE = %s;\n%s" % (json.dumps(page).encode(), worker)
    return {**whole, MANIFEST: manifest}  # written last: until then it is no page


def _check_precision(model: RobustClassifier, recorded: Any, weights: Any) -> None:
    """Compare the first step of each task, with the weights as they travel, with the plain one.

    Raises:
        WeightsError: they differ.
    """
    from robust_widgets.compiler.backends.onnxruntime import create_session
    from robust_widgets.page.structures import feeds
    from robust_widgets.synthesis.loop import step

    for name in {uses[0][1] for uses in recorded.uses.values()}:
        structure = recorded.structures[name]
        x, state = structure.problem.init()
        expected, _, _ = step(structure.problem, x, state)
        session = create_session(weights.inlined(structure.model), torch.get_num_threads())
        (x_next,) = session.run(["x_next"], feeds(structure, x, structure.problem))
        error, length = float((torch.from_numpy(x_next) - expected).norm()), float((expected - x).norm())
        if not error <= STEP_CLOSE * length:
            raise WeightsError(
                f"With weights in half precision, the steps of {model.card.name!r} differ by {error / length:.0%} of "
                "their length; a page of this model would paint other pictures."
            )


def _write(folder: Path, files: Mapping[str, bytes], old: tuple[str, ...]) -> None:
    make_folder(folder)
    for name, content in files.items():
        make_folder((folder / name).parent)
        atomic_write(folder / name, lambda file, content=content: file.write(content))
    for name in set(old) - set(files):
        with suppress(OSError):
            (folder / name).unlink()
