"""How the documentation is built, by scripts/docs; scripts/test has it fail at any warning."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import robust_widgets as rw

sys.path.insert(0, str(Path(__file__).parent))
import live

project = "robust-widgets"
copyright = "the authors of robust-widgets; MIT licence"
release = rw.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "live"]
exclude_patterns = ["build", "pictures"]
default_role = "py:obj"  # what single backticks mean in docstrings
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

# The lessons are shown as they are in git, without outputs; scripts/docs --run-lessons fills them in.
nb_execution_mode = "off"
nb_execution_timeout = 500
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
suppress_warnings = ["mystnb.unknown_mime_type"]  # a run for JupyterLab, beside the player that a page shows
nb_ipywidgets_js: dict[str, Any] = {}  # nothing is fetched from other hosts

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Links have to lead somewhere; types of other packages, inner types, and code in single backticks need not.
nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*"), ("py:class", r"(?!robust_widgets\.\w+$).*")]

html_theme = "furo"
html_title = "robust-widgets"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("builder-inited", copy_lessons)
    app.connect("autodoc-process-signature", write_defaults_as_python)
    app.connect("missing-reference", find_public_name)
    app.connect("env-check-consistency", every_public_name_is_there)


def visit_math(translator: Any, node: nodes.math) -> None:
    """Formulas are MathML, which browsers draw without a script."""
    translator.body.append(f"<math>{inside(node)}</math>")
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math"><math display="block">{inside(node)}</math></div>')
    raise nodes.SkipNode


def inside(node: nodes.Element) -> str:
    """A formula's MathML, without the element around it."""
    element = tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block))
    return str(element).split(">", 1)[1].rsplit("<", 1)[0]


def copy_lessons(app: Sphinx) -> None:
    """The lessons beside the pages, where links between them lead, each with its task to try in the browser.

    The notebooks' index is a page of its own here.
    """
    folder = Path(app.srcdir, "lessons")
    folder.mkdir(exist_ok=True)
    lessons = sorted(Path(app.srcdir).parent.glob("notebooks/[0-9]*.ipynb"))
    for gone in {file.name for file in folder.glob("*.ipynb")} - {lesson.name for lesson in lessons}:
        (folder / gone).unlink()
    for lesson in lessons:
        text = live.in_lesson(lesson.read_text(encoding="utf-8"), lesson.stem)
        text = text.replace("(index.ipynb)", "(../course.md)")
        copy = folder / lesson.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")


def write_defaults_as_python(
    app: Sphinx, what: str, name: str, value: object, options: object, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A default such as ``<factory>`` is no Python, and would keep the types beside it from being read."""
    if arguments is not None:
        arguments = arguments.replace("<factory>", "...")
        arguments = re.sub(r"<(?:built-in )?function (\w+)>|<bound method (\S+) of <.*?>>", r"\1\2", arguments)
    return arguments, returned


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """A docstring may name something by the module it is defined in; the reference has it under its public name."""
    if node.get("refdomain") != "py" or (name := node["reftarget"].rpartition(".")[2]) not in rw.__all__:
        return None
    domain = env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"robust_widgets.{name}", node, content)


def every_public_name_is_there(app: Sphinx, env: BuildEnvironment) -> None:
    documented = env.domains.python_domain.objects
    for name in rw.__all__:
        if name != "__version__" and f"robust_widgets.{name}" not in documented:
            logger.warning("robust_widgets.%s is public, but on no page of the reference.", name)
