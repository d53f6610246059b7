"""A package with a circle in it, imported by two threads from two ends."""

from __future__ import annotations

import builtins
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from robust_widgets.session.import_lock import imported_alone

ROOT = Path(__file__).parents[2]
# As in torch, the package begins with a half, which needs the other, which needs it.
WHOLE = "import circle.left"
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
CODE = """
import contextlib, sys, threading
sys.path.insert(0, {folder!r})
from robust_widgets.session.import_lock import imported_alone
begun, failed = {{"left": threading.Event(), "right": threading.Event()}}, []

def left():
    with {guard}:
        try:
            import circle
        except BaseException as error:
            failed.append(repr(error))

worker = threading.Thread(target=left)
worker.start()
begun["left"].wait()
try:
    {statement}
except BaseException as error:
    failed.append(repr(error))
worker.join()
print(failed)
"""
STATEMENTS = ["import circle.right", "from circle.right import value"]


def imported(folder: Path, guard: str, statement: str) -> str:
    package = folder / "circle"
    package.mkdir()
    for name, text in (("__init__", WHOLE), ("left", LEFT), ("right", RIGHT)):
        (package / f"{name}.py").write_text(text)
    code = CODE.format(folder=str(folder), guard=guard, statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_second_thread_waits(tmp_path: Path, statement: str) -> None:
    assert imported(tmp_path, "imported_alone('circle')", statement) == "[]"


def test_without_it_an_import_fails(tmp_path: Path) -> None:
    assert "partially initialized" in imported(tmp_path, "contextlib.nullcontext()", STATEMENTS[0])


def test_an_import_that_goes_on_already_is_not_held_up(tmp_path: Path) -> None:
    """Otherwise each would wait for the other for good."""
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "__init__.py").write_text(
        "import __main__\nimport early.tool\n__main__.begun.set()\n__main__.guarded.wait(20)\nearly.tool.use()\n"
    )
    (tmp_path / "early" / "tool.py").write_text("def use():\n    import early.part\n")
    (tmp_path / "early" / "part.py").write_text("")
    code = f"""
import sys, threading
sys.path.insert(0, {str(tmp_path)!r})
from robust_widgets.session.import_lock import imported_alone
begun, guarded = threading.Event(), threading.Event()

def late():
    begun.wait()
    with imported_alone("early"):
        guarded.set()
        import early

worker = threading.Thread(target=late)
worker.start()
import early.part
worker.join()
print("both")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "both", done.stderr


def test_two_threads_that_import_alone_take_turns() -> None:
    usual, inside, done = builtins.__import__, threading.Barrier(2), list[str]()

    def work() -> None:
        inside.wait(20)
        with imported_alone("email"):
            __import__("email.mime.nonmultipart")
            done.append("whole")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == ["whole"] * 2 and builtins.__import__ is usual
