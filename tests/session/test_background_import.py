"""Importing a package with a circular import on two threads, from two ends."""

from __future__ import annotations

import builtins
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from robust_widgets.session.background_import import import_whole

ROOT = Path(__file__).parents[2]
# As in torch: the package imports one half, which needs the other half, which needs the first.
PACKAGE = "import circle.left"
LEFT = """
import threading, __main__
__main__.begun["left"].set()
__main__.begun["right"].wait(1)
import circle.right
circle.right.value
"""
RIGHT = """
import threading, __main__
__main__.begun["right"].set()
import circle.left
value = 1
"""
TWO_THREADS = """
import sys, threading
sys.path.insert(0, {folder!r})
from robust_widgets.session.background_import import import_whole
begun, errors = {{"left": threading.Event(), "right": threading.Event()}}, []

def work():
    try:
        {first}
    except BaseException as error:
        errors.append(repr(error))

worker = threading.Thread(target=work)
worker.start()
begun["left"].wait()
try:
    {second}
except BaseException as error:
    errors.append(repr(error))
worker.join()
print(errors)
"""
STATEMENTS = ["import circle.right", "from circle.right import value"]


def python(code: str, timeout: float = 60) -> str:
    """What a fresh interpreter prints."""
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()


def errors_of(folder: Path, first: str, second: str) -> str:
    package = folder / "circle"
    package.mkdir()
    for name, text in (("__init__", PACKAGE), ("left", LEFT), ("right", RIGHT)):
        (package / f"{name}.py").write_text(text)
    return python(TWO_THREADS.format(folder=str(folder), first=first, second=second))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_second_thread_waits(tmp_path: Path, statement: str) -> None:
    assert errors_of(tmp_path, "import_whole('circle')", statement) == "[]"


def test_a_module_imported_through_importlib_waits_at_its_import_statement(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text("from circle.right import value\n")
    assert errors_of(tmp_path, "import_whole('circle')", "import importlib; importlib.import_module('user')") == "[]"


def test_a_plain_import_fails(tmp_path: Path) -> None:
    assert "partially initialized" in errors_of(tmp_path, "import circle", STATEMENTS[0])


def test_an_import_that_has_already_begun_does_not_wait(tmp_path: Path) -> None:
    """Otherwise the two threads would wait for each other forever."""
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "__init__.py").write_text(
        "import __main__\nimport early.tool\n__main__.begun.set()\n__main__.importing.wait(20)\nearly.tool.use()\n"
    )
    (tmp_path / "early" / "tool.py").write_text("def use():\n    import early.part\n")
    (tmp_path / "early" / "part.py").write_text("")
    code = f"""
import sys, threading
sys.path.insert(0, {str(tmp_path)!r})
from robust_widgets.session.background_import import import_whole
begun, importing = threading.Event(), threading.Event()

def late():
    begun.wait()
    importing.set()
    import_whole("early")

worker = threading.Thread(target=late)
worker.start()
import early.part
worker.join()
print("both")
"""
    assert python(code) == "both"


def test_torch_is_entered_from_a_submodule_while_a_session_imports_it() -> None:
    code = """
import sys, threading, time
import robust_widgets as rw
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session import local
local.HEAD_START = 0.0
session = local.LocalSession(BundledModel("tiny"))
loaded, results = threading.Event(), []
session.on_loaded(lambda event: (results.append(event.message), loaded.set()))
while "torch" not in sys.modules:
    time.sleep(0.001)
from torch.utils.data import DataLoader
for name in dir(rw):  # loaded on first use, through importlib
    getattr(rw, name)
assert loaded.wait(120)
session.close()
print(results)
"""
    assert python(code, timeout=240) == "['']"


def test_import_is_restored_even_if_the_package_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package" / "__init__.py").write_text("raise ValueError('broken')")
    monkeypatch.syspath_prepend(tmp_path)
    original = builtins.__import__
    with pytest.raises(ValueError, match="broken"):
        import_whole("broken_package")
    assert builtins.__import__ is original


def test_two_threads_take_turns() -> None:
    original, start, completed = builtins.__import__, threading.Barrier(2), list[str]()

    def work() -> None:
        start.wait(20)
        import_whole("email")
        completed.append("whole")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert completed == ["whole"] * 2 and builtins.__import__ is original
