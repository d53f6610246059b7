"""The directive ``live``: Robust Studio inside a page of the documentation, computed by the reader's browser.

All blocks share one folder beside the pages, which ``scripts/docs`` writes. Until a reader asks for the studio, a block
is a picture and a link to it; ``static/live.js`` opens it in place.
"""

from __future__ import annotations

import html
import json
import posixpath
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "studio"  # of the page, beside index.html
MODEL = "default"  # that the page paints with; the lessons' own
NOTE = "Your browser computes each step. Nothing is loaded before you press the button; then about 26 MB, once."

# What the page opens with in each lesson, and what its button says. The others train models, or make their own tasks.
LESSONS = {
    "00_start": ("task=sketch_to_image&class=goldfish", "Paint a goldfish"),
    "01_one_step_at_a_time": ("task=translate&class=butterfly&steps=1", "Make one step"),
    "02_why_robustness": ("task=sketch_to_image&class=lion&ground=1", "Paint a lion"),
    "03_the_ball": ("task=translate&class=pizza&epsilon=40", "Try balls of other sizes"),
    "04_generate": ("task=generate&class=lion&seed=1&n=4", "Generate lions"),
    "05_translate": ("task=translate&class=dog", "Translate a picture"),
    "06_super_resolve": ("task=super_resolve&class=lion&factor=4", "Super-resolve a picture"),
    "07_inpaint": ("task=inpaint&class=lion", "Fill a hole"),
    "08_sketch_to_image": ("task=sketch_to_image&class=butterfly", "Paint a butterfly"),
    "09_paint_features": ("task=paint_features&feature=elephant+1", "Paint with features"),
}


class live_studio(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes like this
    """A block; its child is the picture."""


class Live(SphinxDirective):
    """``:::{live} task=generate&class=lion``: what the studio opens with. The content is what the button says."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"picture": directives.uri}

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        block = live_studio(hash=self.arguments[0], words=" ".join(self.content))
        block += nodes.image(uri=self.options["picture"], alt="")  # the button says what is to be seen
        return [block]


def in_lesson(notebook: str, name: str) -> str:
    """A lesson as JSON, with its task to try after the first words."""
    if name not in LESSONS:
        return notebook
    link, words = LESSONS[name]
    lines = [f":::{{live}} {link}\n", f":picture: ../pictures/course/{name}.jpg\n", f"{words}\n", ":::"]
    content = json.loads(notebook)
    first = next(place for place, cell in enumerate(content["cells"]) if cell["cell_type"] == "markdown")
    cell = {"cell_type": "markdown", "id": "live", "metadata": {}, "source": lines}
    content["cells"].insert(first + 1, cell)
    return json.dumps(content, ensure_ascii=False, indent=1)


def visit(translator: Any, node: live_studio) -> None:
    translator.body.append('<figure class="live">\n')


def depart(translator: Any, node: live_studio) -> None:
    here = translator.builder.get_target_uri(translator.builder.current_docname)
    folder = posixpath.relpath(FOLDER, posixpath.dirname(here) or ".")
    address, words = html.escape(f"{folder}/index.html#{node['hash']}"), html.escape(node["words"])
    translator.body.append(
        f'<figcaption><a class="live-link" href="{address}" data-words="{words}">{words}, in your browser</a>\n'
        f'<span class="live-note">{NOTE}</span></figcaption>\n</figure>\n'
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(live_studio, html=(visit, depart))
    app.add_directive("live", Live)
    app.add_js_file("live.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
