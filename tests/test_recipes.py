"""The files of "on JupyterHub" and "a night on a cluster": their form, their commands, and that their names agree."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

from robust_widgets.cli import app
from robust_widgets.cli.serve import PORT, hub_lines
from robust_widgets.session.server_link import ServerAddress

HOW_TO = Path(__file__).parent.parent / "docs/how-to"
FILES = sorted(path for folder in ("jupyterhub", "cluster") for path in (HOW_TO / folder).iterdir())
SCOPE = "access:services!service=robust"


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((HOW_TO / name).read_text(encoding="utf-8")))


def check_command(words: list[str]) -> None:
    """A command of ours exists and takes its options."""
    assert words[0] == "robust-widgets"
    commands: Any = typer.main.get_command(app).commands
    known = {name for option in commands[words[1]].params for name in (*option.opts, *option.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known, words


def configuration(text: str) -> Any:
    """What a hub's configuration sets."""
    c = SimpleNamespace(JupyterHub=SimpleNamespace(), Spawner=SimpleNamespace())
    exec(text, {"c": c})
    return c


def hub_configurations() -> dict[str, Any]:
    return {
        "printed": configuration(hub_lines("/opt/conda/bin/python")),
        "tljh": configuration((HOW_TO / "jupyterhub/tljh.py").read_text(encoding="utf-8")),
    }


def test_each_file_is_on_a_page_and_has_a_test() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in HOW_TO.glob("*.md"))
    for path in FILES:
        assert f"{{literalinclude}} {path.relative_to(HOW_TO).as_posix()}" in pages
    assert [path.name for path in FILES] == ["array.sh", "rayjob.yaml", "robust.yaml", "tljh.py", "values.yaml"]


def test_the_array_of_jobs_is_a_script() -> None:
    script = HOW_TO / "cluster/array.sh"
    bash = shutil.which("bash")
    if bash is not None:
        subprocess.run([bash, "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    (command,) = re.findall(r"^srun (.*)$", text, re.MULTILINE)
    check_command(shlex.split(command))
    assert "--shard slurm" in command and "#SBATCH --array=1-64" in text and "#SBATCH --requeue" in text


def test_the_ray_job_shares_a_folder_and_runs_a_command_of_ours() -> None:
    (job,) = documents("cluster/rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    words = shlex.split(job["spec"]["entrypoint"])
    check_command(words)
    assert words[words.index("--on") + 1] == "ray"
    assert "--gpus" in words, "when it begins, no machine with a GPU may be there yet"
    cluster = job["spec"]["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    out = words[words.index("--out") + 1]
    for pod in pods:
        spec = pod["template"]["spec"]
        (container,) = spec["containers"]
        (mount,) = container["volumeMounts"]
        assert out.startswith(f"{mount['mountPath']}/") and mount["name"] == spec["volumes"][0]["name"]
    images = {pod["template"]["spec"]["containers"][0]["image"] for pod in pods}
    assert len(images) == 1, "Ray wants the same versions everywhere"
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


@pytest.mark.parametrize("name", ["printed", "tljh"])
def test_a_hubs_lines_start_the_service_and_let_users_servers_reach_it(name: str) -> None:
    c = hub_configurations()[name]
    (service,) = c.JupyterHub.services
    python, *options = service["command"]
    assert Path(python).name == "python" and options[:3] == ["-P", "-m", "robust_widgets.cli"]
    check_command(["robust-widgets", *options[3:]])
    assert urlsplit(service["url"]).port == PORT
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert SCOPE in roles["user"] and SCOPE in roles["server"] and SCOPE.endswith(f"={service['name']}")
    address = ServerAddress.of(c.Spawner.environment["ROBUST_WIDGETS_SERVER"])
    assert urlsplit(address.url).path == f"/services/{service['name']}/ws"


def test_the_hubs_lines_agree() -> None:
    printed, tljh = hub_configurations().values()
    assert printed.JupyterHub.load_roles == tljh.JupyterHub.load_roles
    page = (HOW_TO / "a-class-on-one-gpu.md").read_text(encoding="utf-8")
    (shown,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "c.JupyterHub" in block]
    assert configuration(shown) == printed


def test_the_chart_and_the_pod_beside_it_agree() -> None:
    (values,) = documents("jupyterhub/values.yaml")
    deployment, service = documents("jupyterhub/robust.yaml")
    ((name, known),) = values["hub"]["services"].items()
    roles = {role: set(about["scopes"]) for role, about in values["hub"]["loadRoles"].items()}
    printed = {role["name"]: set(role["scopes"]) for role in hub_configurations()["printed"].JupyterHub.load_roles}
    assert roles == printed
    address = ServerAddress.of(values["singleuser"]["extraEnv"]["ROBUST_WIDGETS_SERVER"])
    assert urlsplit(address.url).path == f"/services/{name}/ws"

    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    check_command(container["command"])
    url = urlsplit(known["url"])
    assert url.hostname == service["metadata"]["name"] and url.port == service["spec"]["ports"][0]["port"] == PORT
    labels = pod["metadata"]["labels"].items()
    for selector in (service["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= labels
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["JUPYTERHUB_SERVICE_NAME"] == name
    assert environment["JUPYTERHUB_SERVICE_PREFIX"] == f"/services/{name}/"
    assert urlsplit(environment["JUPYTERHUB_SERVICE_URL"]).port == PORT
    assert json.loads(environment["JUPYTERHUB_OAUTH_ACCESS_SCOPES"]) == [SCOPE]
    (token,) = [entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "valueFrom" in entry]
    assert token == {"name": "hub", "key": f"hub.services.{name}.apiToken"}
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": f"/services/{name}/health", "port": PORT}
