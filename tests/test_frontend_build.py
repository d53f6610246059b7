"""How the front end is built, and that archives and wheels contain it. Nothing is downloaded or bundled here."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import robust_widgets as rw

pytest.importorskip("hatchling", reason="pip installs hatchling for the build; the tests need it installed")

ROOT = Path(__file__).parent.parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "robust_widgets" / "static"
BUILT = FRONTEND / "labextension" / "build"
WIDGETS = sorted(path.parent.name for path in FRONTEND.glob("widgets/src/*/index.ts"))


LOCK = "node_modules/.package-lock.json"
NEEDED = [("node_modules/@jupyter/builder/package.json", 900.0)]
NEEDED += [("node_modules/@robust-widgets/shared/package.json", 900.0)]
NEEDED += [("node_modules/onnxruntime-web/package.json", 900.0)]


def load_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", FRONTEND / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_hook(module: ModuleType, root: Path) -> Any:
    metadata: Any = None
    return module.FrontEnd(str(root), {}, None, metadata, "", "wheel")


def touch(path: Path, time: float = 1000.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (time, time))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    touch(tmp_path / "frontend/package-lock.json")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "is_usable"),
    [
        ("v18.20.0", False),
        ("v20.18.1", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("", False),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Node.js is a shell script")
def test_a_node_that_is_too_old_is_replaced_for_the_build(
    version: str, is_usable: bool, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("node", "npm"):
        (checkout / name).write_text(f"#!/bin/sh\necho {version}\n")
        (checkout / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(checkout))
    module = load_hook()
    assert make_hook(module, checkout).dependencies() == ([] if is_usable else [module.NODE])


def test_without_node_pip_brings_one(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    module = load_hook()
    hook = make_hook(module, checkout)
    assert hook.dependencies() == [module.NODE]
    with pytest.raises(RuntimeError, match=r"Install Node\.js"):
        hook.initialize("standard", {})


@pytest.mark.parametrize(
    ("installed", "asked"),
    [
        ([], ["ci", "run"]),
        ([(LOCK, 2000.0)], ["ci", "run"]),
        ([(LOCK, 900.0), *NEEDED], ["ci", "run"]),
        ([(LOCK, 2000.0), NEEDED[0]], ["ci", "run"]),
        ([(LOCK, 2000.0), *NEEDED], ["run"]),
    ],
)
def test_the_bundler_is_downloaded_only_when_it_is_missing_or_outdated(
    installed: list[tuple[str, float]], asked: list[str], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, time in installed:
        touch(checkout / "frontend" / name, time)
    module = load_hook()
    commands: list[str] = []
    hook = make_hook(module, checkout)
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    monkeypatch.setattr(hook, "run", lambda *command: commands.append(command[1]))
    hook.initialize("standard", {})
    assert commands == asked


def test_the_widgets_find_the_workspaces_that_they_import(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_hook()
    commands: list[tuple[str, ...]] = []
    hook = make_hook(module, checkout)
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    monkeypatch.setattr(hook, "run", lambda *command: commands.append(command))
    hook.initialize("standard", {})
    sources = [file.read_text(encoding="utf-8") for file in FRONTEND.glob("*/src/**/*.ts")]
    imported = {name for text in sources for name in re.findall(r'from "@robust-widgets/(\w+)/', text)}
    assert imported and imported <= set(commands[0])


def test_nothing_that_is_built_is_committed() -> None:
    listed = ["git", "ls-files", "robust_widgets/static", "frontend/labextension/build"]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    assert subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


def test_each_widget_has_a_module_and_a_style_sheet() -> None:
    assert sorted(path.name for path in STATIC.iterdir() if path.is_file()) == sorted(
        [*(f"{name}.{ending}" for name in WIDGETS for ending in ("css", "js")), "browser.js"]
    )


def test_the_page_is_built() -> None:
    assert {path.name for path in (STATIC / "page").iterdir()} >= {"index.html", "page.js", "page.css"}


def test_a_source_archive_and_its_wheel_contain_the_front_end_and_need_no_node(tmp_path: Path) -> None:
    source, dist = tmp_path / "source", tmp_path / "dist"
    for folder in ("robust_widgets", "frontend", "notebooks"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.safetensors")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / file, source / file)
    shutil.copytree(BUILT, source / "frontend/labextension/build", dirs_exist_ok=True)
    metadata = f"Metadata-Version: 2.4\nName: robust-widgets\nVersion: {rw.__version__}\n"
    (source / "PKG-INFO").write_text(metadata)  # as in every source archive
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(dist)]
    subprocess.run([*command, "-t", "sdist"], cwd=source, env=environment, check=True)
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("robust_widgets-*")
    subprocess.run([*command, "-t", "wheel"], cwd=unpacked, env=environment, check=True)
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {f"robust_widgets/static/{name}.{ending}" for name in WIDGETS for ending in ("css", "js")} <= names
    prefix = f"{wheel.name.split('-py3')[0]}.data/data/share/jupyter/labextensions/robust-widgets/"
    load = json.loads((BUILT / "package.json").read_text())["jupyterlab"]["_build"]["load"]
    assert {prefix + name for name in ("package.json", "install.json", load)} <= names
    # For a notebook whose runs are computed by the browser.
    engine = ("engine.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    assert {f"{prefix}page/{name}" for name in engine} <= names
    assert not [name for name in names if "frontend" in name or "node_modules" in name]


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved": "http' not in (FRONTEND / "package-lock.json").read_text()


def test_the_lock_file_is_for_every_platform() -> None:
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    names = {path.rpartition("node_modules/")[2] for path in packages}
    wanted = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    assert wanted <= names, "npm refuses to install from a lock file that does not name what other platforms need"


def test_no_style_sheet_is_too_long() -> None:
    for path in [*FRONTEND.glob("*/src/**/*.css"), *FRONTEND.glob("*/style/*.css")]:
        assert len(path.read_text().splitlines()) <= 400, path
