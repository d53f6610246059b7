"""``robust-widgets page`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from robust_widgets.models.model_file import save_model
from robust_widgets.page import write
from tests.cli.shell import call, refusal
from tests.helpers import tiny_model

pytest.importorskip("onnxruntime", reason="the extra fast")


def test_the_command_writes_a_page_and_refuses_a_folder_of_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static, out, model = tmp_path / "static", tmp_path / "page", tmp_path / "own.safetensors"
    static.mkdir()
    (static / "index.html").write_text("<title>Robust Studio</title>")
    monkeypatch.setattr(write, "STATIC", static)
    save_model(tiny_model(), model)
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert "holds other files" in refusal("page", out, "--model", model)
    assert sorted(path.name for path in out.iterdir()) == ["mine.txt"]
    result = call("page", out, "--model", model, "--title", "My page", "--task", "inpaint", "--force")
    assert result.output.startswith(f"wrote {out}: ")
    assert (out / "index.html").read_text() == "<title>My page</title>"
    assert "There is no task" in refusal("page", out, "--model", model, "--task", "sculpt")
