"""What Google Colab and VS Code are handed, which cannot be run here: every output that each of them reads.

Colab draws widgets of other packages with a manager of its own. anywidget asks for it by
``enable_custom_widget_manager``; from then on, a hook of Colab marks each output that shows a widget.
"""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
COLAB = """
import sys
import types

from IPython import get_ipython


def mark(message):
    content = message.get("content", {})
    if "application/vnd.jupyter.widget-view+json" in content.get("data", {}):
        content["metadata"]["application/vnd.jupyter.widget-view+json"] = {"colab": "marked"}
    return message


output = types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = lambda: get_ipython().display_pub.register_hook(mark)
output._widgets = types.SimpleNamespace(_installed_url="marked")
sys.modules["google.colab.output"] = output
"""
STUDIO = """
import numpy as np

import robust_widgets as rw

studio = rw.Studio(np.full((64, 64, 3), 128, np.uint8), task="sketch_to_image", model="tiny")
studio.take(rw.sketch_to_image(np.full((64, 64, 3), 128, np.uint8), "dog", steps=2))
studio
"""
MONITOR = 'rw.TrainingMonitor("pictures", "mine.safetensors", init="tiny")'


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[list[NotebookNode]]:
    """The outputs of a studio's cell and of a monitor's."""
    cells = [nbformat.v4.new_code_cell(source) for source in (COLAB, STUDIO, MONITOR)]
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "pictures" / "a").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROBUST_WIDGETS_STATE", str(folder))
        notebook = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return [[output for output in cell.outputs if "data" in output] for cell in cells[1:]]


def test_colab_is_told_to_draw_our_widgets_without_a_line_in_the_lesson(shown: list[list[NotebookNode]]) -> None:
    for outputs in shown:
        views = [output for output in outputs if WIDGET in output.data]
        assert views and all(view.metadata[WIDGET] == {"colab": "marked"} for view in views)


def test_beside_a_studio_stands_a_player_for_those_who_draw_no_widget(shown: list[list[NotebookNode]]) -> None:
    views = [output for output in shown[0] if WIDGET in output.data]
    players = [output for output in shown[0] if "image/png" in output.data]
    assert not any("image/png" in view.data or "text/html" in view.data for view in views)
    (player,) = players
    assert WIDGET not in player.data and "<iframe" in player.data["text/html"] and "<img" in player.data["text/html"]
