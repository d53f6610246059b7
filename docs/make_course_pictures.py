"""Run the lessons and keep a picture of each for the course's page: python docs/make_course_pictures.py [LESSON ...]"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures" / "course"
WIDTH = 640
# Which of a lesson's pictures stands for it, counted from 0; elsewhere its first.
CHOSEN = {"00": 1, "01": 2, "03": 1, "05": 2, "06": 2, "07": 1, "09": 2, "10": 1, "11": 2}


def main(lessons: list[str]) -> None:
    PICTURES.mkdir(exist_ok=True)
    for path in sorted(DOCS.parent.glob("notebooks/[0-9]*.ipynb")):
        if not lessons or path.stem[:2] in lessons:
            picture = pictures_of(executed(path))[CHOSEN.get(path.stem[:2], 0)]
            picture.thumbnail((WIDTH, WIDTH))
            picture.save(PICTURES / f"{path.stem}.jpg", quality=88)
            print(path.stem, picture.size)


def executed(path: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=500, resources={"metadata": {"path": folder}}).execute()
    return notebook


def pictures_of(notebook: NotebookNode) -> list[Image.Image]:
    found = [
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    return [Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB") for data in found]


if __name__ == "__main__":
    main(sys.argv[1:])
