"""``robust-widgets serve``: one model on this machine for everybody's notebooks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from robust_widgets.cli.options import Device, report_errors
from robust_widgets.errors import ParameterError, SetupError, first_line

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.serving.limits import Limits
    from robust_widgets.serving.pool import Pool
    from robust_widgets.serving.users import Users

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORT = 8900


@report_errors
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A weights file, torchvision:NAME, or a name from 'robust-widgets models'; can be repeated.",
            show_default="default",
        ),
    ] = None,
    device: Device = None,
    gpus: Annotated[
        str | None, typer.Option(metavar="all|NUMBER", help="Share the runs among all GPUs, or so many of them.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="The address to listen at; 0.0.0.0 is all.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 is any free one.", show_default=str(PORT))] = None,
    class_: Annotated[
        Path | None,
        typer.Option(
            "--class", metavar="FILE", help="A text file with a student's name on each line. Prints a token for each."
        ),
    ] = None,
    certfile: Annotated[Path | None, typer.Option(help="The certificate that encrypts connections, in PEM.")] = None,
    keyfile: Annotated[Path | None, typer.Option(help="Its key, if it is in another file.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front of this server encrypts the connections.")
    ] = False,
    show_pictures: Annotated[
        bool, typer.Option("--show-pictures", help="Show everybody's latest picture on the teacher's page.")
    ] = False,
    runs: Annotated[int, typer.Option(min=1, help="Runs of a student at a time.")] = 2,
    size: Annotated[int, typer.Option(min=16, help="The largest pictures of a run, in pixels a side.")] = 512,
    measure: Annotated[
        bool, typer.Option("--measure", help="Print how many students this machine carries, and exit.")
    ] = False,
) -> None:
    """Serve a model to many notebooks, which then need neither torch nor a GPU.

    Students set ROBUST_WIDGETS_SERVER to the address that this prints, and ROBUST_WIDGETS_TOKEN to their token. The
    steps of all runs are computed together. If the server ends by accident it is started again, and the runs go on.
    Started by a JupyterHub, it checks the hub's tokens.
    """
    from robust_widgets.serving.server import tls_context
    from robust_widgets.serving.supervisor import is_child, supervise, this_command
    from robust_widgets.serving.users import runs_in_hub

    names = model or ["default"]
    if measure:
        _print_capacity(names[0], device)
        return
    service = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")) if runs_in_hub() else None
    address = address or (service.hostname if service else None) or "127.0.0.1"
    port = port if port is not None else (service.port if service else None) or PORT
    if not is_child():
        _check_safety(
            address,
            has_tokens=class_ is not None or service is not None,
            encrypts=certfile is not None or behind_proxy or service is not None,
        )
        if certfile is not None:
            tls_context(certfile, keyfile)  # before anything is printed
        elif keyfile is not None:
            raise SetupError("--keyfile belongs to a certificate; give --certfile, too.")
        port = _free_port(address, port)
        _introduce(address, port, class_, encrypted=certfile is not None, in_hub=service is not None)
        arguments = ["serve", f"--address={address}", f"--port={port}", f"--runs={runs}", f"--size={size}"]
        arguments += [f"--model={name}" for name in names]
        for flag, value in (
            ("device", device),
            ("gpus", gpus),
            ("class", class_),
            ("certfile", certfile),
            ("keyfile", keyfile),
        ):
            arguments += [] if value is None else [f"--{flag}={value}"]
        arguments += ["--show-pictures"] if show_pictures else []
        raise typer.Exit(supervise(this_command(arguments), lambda text: typer.echo(text, err=True)))

    from robust_widgets.serving.limits import Limits

    def load() -> Pool:
        return _pool(names, device, gpus, Limits(runs=runs, side=size))

    _serve(load, _users(class_, in_hub=service is not None), address, port, certfile, keyfile, show_pictures)


def _serve(
    load: Callable[[], Pool],
    users: Users,
    address: str,
    port: int,
    certfile: Path | None,
    keyfile: Path | None,
    show_pictures: bool,
) -> None:
    """Serve in this process, until the one that started it ends it."""
    from robust_widgets.serving.pool import Pool
    from robust_widgets.serving.server import Context, serve, tls_context
    from robust_widgets.serving.supervisor import end_with_parent

    end_with_parent()
    tls = tls_context(certfile, keyfile) if certfile is not None else None
    context = Context(Pool({}), users, show_pictures)

    async def until_terminated() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        # A plain handler, since Windows has no others.
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(stop.set))
        await serve(
            context,
            address,
            port,
            prefix=os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/"),
            tls=tls,
            load=load,
            ready=lambda port: typer.echo(f"Ready: {', '.join(context.pool.models)} on port {port}."),
            stop=stop,
        )

    asyncio.run(until_terminated())


def _check_safety(address: str, *, has_tokens: bool, encrypts: bool) -> None:
    """Refuse to let others in without tokens, or to send them unencrypted."""
    if address in LOOPBACK:
        return
    if not has_tokens:
        raise SetupError(
            f"At {address!r} other machines reach this server; give --class FILE with the students' names, so that it "
            "asks for their tokens, or leave out --address."
        )
    if not encrypts:
        raise SetupError(
            f"At {address!r} tokens and pictures would travel unencrypted; give --certfile, or --behind-proxy if a "
            "proxy in front of this server encrypts them."
        )


def _free_port(address: str, port: int) -> int:
    """The port, once it is known to be free; refused in a sentence before any model is loaded."""
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise SetupError(
            f"The server cannot listen at {address!r}, port {port} ({first_line(error)}); give another --port."
        ) from None


def _introduce(address: str, port: int, class_: Path | None, *, encrypted: bool, in_hub: bool) -> None:
    """Print what students need, and what a JupyterHub needs."""
    from robust_widgets.serving.users import TEACHER, ClassList

    if in_hub:
        return
    students = None if class_ is None else ClassList(class_)
    host = socket.gethostname() if address in ("0.0.0.0", "::") else address
    url = f"{'https' if encrypted else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    typer.echo(f"Students set ROBUST_WIDGETS_SERVER={url}")
    typer.echo(f"The teacher's page is {url}")
    if students is not None:
        typer.echo("\nROBUST_WIDGETS_TOKEN of each:")
        width = max(map(len, [TEACHER, *students.names]))
        for name, token in students.tokens().items():
            typer.echo(f"  {name:{width}}  {token}")
    typer.echo("\nOr as a service of a JupyterHub, in jupyterhub_config.py:")
    typer.echo(hub_lines(sys.executable))


def hub_lines(python: str) -> str:
    """The lines of ``jupyterhub_config.py`` that start this server as a service of the hub."""
    return f"""
c.JupyterHub.services = [
    {{
        "name": "robust",
        "url": "http://127.0.0.1:{PORT}",
        "command": [{python!r}, "-P", "-m", "robust_widgets.cli", "serve"],
    }}
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "access:services!service=robust"]}},
    {{"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=robust"]}},
]
c.Spawner.environment = {{"ROBUST_WIDGETS_SERVER": "http://127.0.0.1:8000/services/robust"}}
"""


def _users(class_: Path | None, *, in_hub: bool) -> Users:
    from robust_widgets.serving.users import Anybody, ClassList, HubUsers

    if in_hub:
        return HubUsers()
    return Anybody() if class_ is None else ClassList(class_)


def _pool(names: list[str], device: str | None, gpus: str | None, limits: Limits) -> Pool:
    """The models on their devices; a batcher for each."""
    from robust_widgets.serving.batcher import Batcher
    from robust_widgets.serving.device import ModelDevice
    from robust_widgets.serving.pool import Pool, ServedModel
    from robust_widgets.session.worker import ModelWorker

    served: dict[str, ServedModel] = {}
    for name in dict.fromkeys(names):
        copies = [_load(name, each) for each in _devices(device, gpus)]
        devices = [ModelDevice(copy) for copy in copies]
        for each in devices:
            each.warm_up()
        batchers = [Batcher(each, limits) for each in devices]
        served[Path(name).stem if "/" in name or "\\" in name else name] = ServedModel(
            ModelWorker(copies[0]).info(), copies[0].fingerprint, batchers
        )
    return Pool(served)


def _load(name: str, device: str | None) -> RobustClassifier:
    """A model whose steps do not depend on who shares them: in full precision."""
    from robust_widgets.models.registry import load_model

    return load_model(name, device=device, precision="float32")


def _devices(device: str | None, gpus: str | None) -> list[str | None]:
    if gpus is None:
        return [device]
    if device is not None:
        raise ParameterError("--gpus and --device both say where to compute; give one of them.")
    import torch

    there = torch.cuda.device_count()
    wanted = there if gpus == "all" else int(gpus) if gpus.isdecimal() else -1
    if not 0 < wanted <= there:
        raise ParameterError(
            f"--gpus is {gpus!r}, and this machine has {there} GPUs that torch can use; give 'all', a number of at "
            "most that, or leave it out."
        )
    return [f"cuda:{index}" for index in range(wanted)]


def _print_capacity(name: str, device: str | None) -> None:
    """Time steps of many runs at once, and print how many students follow."""
    from robust_widgets.serving import capacity

    classifier = _load(name, device)
    typer.echo(f"{name} on {classifier.device}, pictures of {classifier.input_size} px\n")
    typer.echo(f"{'runs at once':>12}  {'ms a step':>9}  {'frames/s of each':>16}")
    measured: list[capacity.Measured] = []
    for row in capacity.measure(classifier):
        measured.append(row)
        typer.echo(f"{row.runs:12}  {row.milliseconds:9.1f}  {row.frames_per_second:16.1f}")
    share, rate = capacity.RUNNING, capacity.COMFORTABLE
    typer.echo(
        f"\nA class of {capacity.students(measured)}, if {share:.0%} of it run something at a moment and each run is "
        f"to make {rate:.0f} frames a second; {capacity.students(measured, running=1.0)} if all do. Only the steps "
        "were timed, not the network between."
    )
