"""The server on loopback: who may come in, what it answers, and what nobody can break."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import requests
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.netutil import bind_sockets
from tornado.websocket import websocket_connect

from robust_widgets.errors import DataError, SetupError, UnknownNameError
from robust_widgets.interface import messages
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.wire import PROTOCOL, to_wire
from robust_widgets.pictures.limits import MAX_REQUEST
from robust_widgets.serving.batcher import Batcher
from robust_widgets.serving.limits import Limits
from robust_widgets.serving.pool import Pool, ServedModel
from robust_widgets.serving.server import Context, serve
from robust_widgets.serving.users import Anybody, ClassList
from robust_widgets.session.remote import RemoteSession
from tests.helpers import check_sentence, raises_sentence, smooth_model
from tests.serving.pretended import PretendedDevice, PretendedRun
from tests.serving.running import RunningServer
from tests.session.test_contract import EventRecorder

T = TypeVar("T")

HELLO = to_wire(messages.ClientHello(oldest=1, newest=PROTOCOL, session="ab12"))
OWN = {"X-Robust-Widgets": "1"}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    device = PretendedDevice(input_size=12)
    with RunningServer({"small": smooth_model(12)}, devices={"small": device}, limits=Limits(runs=2)) as running:
        yield running


@pytest.fixture
def school(tmp_path: Path) -> Iterator[tuple[RunningServer, ClassList]]:
    (tmp_path / "students.txt").write_text("# class 9b\nAnn\n\nBoaz Ōe\n", encoding="utf-8")
    students = ClassList(tmp_path / "students.txt")
    with RunningServer({"small": smooth_model(12)}, students) as running:
        yield running, students


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where this thread has a loop already, as that of the browser tests has."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work)).result()


async def _talk(
    url: str, sent: Sequence[str | bytes], answers: int, headers: dict[str, str] | None = None
) -> list[Any]:
    socket = await websocket_connect(HTTPRequest(url.replace("http", "ws") + "/ws", headers=headers))
    for message in sent:
        socket.write_message(message, binary=isinstance(message, bytes))
    received = [await asyncio.wait_for(socket.read_message(), 60) for _ in range(answers)]
    socket.close()
    return [json.loads(each) if isinstance(each, str) else each for each in received]


def talk(url: str, sent: Sequence[str | bytes], answers: int, **options: Any) -> list[Any]:
    """What a server answers to some messages."""
    return in_a_thread(_talk(url, sent, answers, **options))


def run_once(session: RemoteSession, **parameters: Any) -> EventRecorder:
    recorder = EventRecorder()
    session.submit(RunRequest("generate", "dog", {"steps": 2, **parameters}), recorder)
    recorder.ended()
    return recorder


def test_a_hello_is_answered_with_the_models(server: RunningServer) -> None:
    (hello,) = talk(server.url, [HELLO], 1)
    assert hello["kind"] == "hello" and list(hello["models"]) == ["small"] and hello["newest"] == PROTOCOL


def test_an_old_notebook_hears_what_to_update(server: RunningServer) -> None:
    refused, closed = talk(server.url, ['{"kind": "hello", "oldest": 0, "newest": 0, "session": "ab"}'], 2)
    check_sentence(refused["message"], "update the notebook")
    assert closed is None


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ('{"kind": "stop", "id": 1}', "first message"),
        ("nonsense", "not JSON"),
        (b"\xff" * 100, "cut off"),
        ('{"kind": "hello", "oldest": 1, "newest": 1, "session": "../etc"}', "session"),
    ],
)
def test_a_message_that_is_none_is_answered_in_a_sentence(
    server: RunningServer, message: str | bytes, named: str
) -> None:
    refused, hello = talk(server.url, [message, HELLO], 2)
    check_sentence(refused["message"])
    assert hello["kind"] == "hello" if named != "first message" else named in refused["message"]


def test_whoever_sends_nothing_else_is_cut_off(server: RunningServer) -> None:
    answers = talk(server.url, [HELLO, *["nonsense"] * 30], 12)
    assert [answer["kind"] for answer in answers[:11]] == ["hello", *["refused"] * 10] and answers[11] is None


@pytest.mark.parametrize("model", ["../../etc/passwd", "nobody", "small.pt"])
def test_only_the_teachers_models_are_served(server: RunningServer, model: str) -> None:
    run = messages.Run(id=1, model=model, task="generate", target="dog", parameters={})
    _, ended = talk(server.url, [HELLO, to_wire(run)], 2)
    assert ended["state"] == "failed"
    check_sentence(ended["message"], model, "small")
    with raises_sentence(UnknownNameError, model, "small"):
        RemoteSession(server.url, model=model)


def test_a_message_larger_than_any_request_closes_the_connection(server: RunningServer) -> None:
    async def shout() -> None:
        socket = await websocket_connect(server.url.replace("http", "ws") + "/ws")
        socket.write_message(b"\0" * (MAX_REQUEST + 1), binary=True)
        for _ in range(600):
            if not server.context.talks:
                return
            await asyncio.sleep(0.1)

    in_a_thread(shout())
    assert not server.context.talks
    session, recorder = RemoteSession(server.url), EventRecorder()
    assert run_once(session).frames == [0, 1, 2]
    session.submit(RunRequest("translate", "dog", {}, np.zeros((4000, 4000, 3), np.uint8)), recorder)
    check_sentence(recorder.ended().message, "32 MB")
    assert run_once(session).frames == [0, 1, 2]
    session.join()


def test_ten_thousand_random_messages_disturb_nobody(server: RunningServer) -> None:
    dice = random.Random(0)
    kinds = ["hello", "about", "run", "stop", "taken", "measure", "frame", "?"]

    def anything() -> str | bytes:
        if dice.random() < 0.3:
            return dice.randbytes(dice.randrange(60))
        fields = {
            name: dice.choice([1, -1, 2**60, "small", "generate", None, [], {}]) for name in ("id", "step", "model")
        }
        return json.dumps({"kind": dice.choice(kinds), **fields, "task": "generate", "target": "dog", "parameters": {}})

    session = RemoteSession(server.url)

    async def shout() -> None:
        for _ in range(200):
            socket = await websocket_connect(server.url.replace("http", "ws") + "/ws")
            for message in (HELLO, *(anything() for _ in range(50))):
                if socket.protocol is None or socket.protocol.client_terminated:
                    break
                try:
                    await socket.write_message(message, binary=isinstance(message, bytes))
                except Exception:
                    break
            socket.close()

    thread = threading.Thread(target=lambda: asyncio.run(shout()))
    thread.start()
    while thread.is_alive():
        assert run_once(session).frames == [0, 1, 2]
    thread.join()
    session.join()
    assert server.context.pool.is_well


def test_the_runs_of_a_connection_that_is_gone_end(server: RunningServer) -> None:
    pool = server.context.pool
    run = messages.Run(id=1, model="small", task="generate", target="dog", parameters={"steps": 900})
    talk(server.url, [HELLO, to_wire(run)], 3)
    ended = threading.Event()
    for _ in range(600):
        if pool.batchers[0].load == 0:
            break
        ended.wait(0.1)
    assert pool.batchers[0].load == 0


def test_a_notebook_that_comes_back_takes_its_own_place(server: RunningServer) -> None:
    async def twice() -> list[Any]:
        url = server.url.replace("http", "ws") + "/ws"
        first, second = await websocket_connect(url), await websocket_connect(url)
        answers = []
        for socket in (first, second):
            socket.write_message(HELLO)
            answers.append(await socket.read_message())
        answers.append(await asyncio.wait_for(first.read_message(), 60))
        second.close()
        return answers

    assert in_a_thread(twice())[2] is None


def test_tokens_say_who_may_come_in(school: tuple[RunningServer, ClassList], tmp_path: Path) -> None:
    running, students = school
    tokens = students.tokens()
    assert list(tokens) == ["teacher", "Ann", "Boaz Ōe"] and len(set(tokens.values())) == 3
    assert ClassList(tmp_path / "students.txt").tokens() == tokens, "they stay the same"
    for name in ("Ann", "Boaz Ōe"):
        session = RemoteSession(running.url, token=tokens[name])
        assert run_once(session).frames == [0, 1, 2]
        session.join()
    forged = tokens["Ann"].split(".")[0] + "." + tokens["Boaz Ōe"].split(".")[1]
    for wrong in ("", "x", "é.é", tokens["Ann"][:-1], forged):
        with raises_sentence(SetupError, "ROBUST_WIDGETS_TOKEN"):
            RemoteSession(running.url, token=wrong)
    (tmp_path / "students.txt").write_text("Boaz Ōe\n", encoding="utf-8")
    with raises_sentence(SetupError, "refuses this token"):
        RemoteSession(running.url, token=tokens["Ann"])


def test_the_key_is_the_teachers_alone(school: tuple[RunningServer, ClassList], tmp_path: Path) -> None:
    assert (tmp_path / "students.txt.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [("", "0 names"), ("Ann\nAnn\n", "'Ann' stands for two"), ("teacher\n", "'teacher'"), ("x" * 65, "no name")],
)
def test_a_class_list_that_cannot_be_used(text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "students.txt").write_text(text)
    with raises_sentence(DataError, named):
        ClassList(tmp_path / "students.txt")
    with raises_sentence(DataError, "nowhere.txt"):
        ClassList(tmp_path / "nowhere.txt")


def test_the_health_and_the_numbers(server: RunningServer) -> None:
    session = RemoteSession(server.url)
    run_once(session)
    health = requests.get(f"{server.url}/health", timeout=60)
    assert health.status_code == 200 and health.json()["status"] == "ok"
    text = requests.get(f"{server.url}/metrics", timeout=60).text
    lines = text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.0-9e]+', line) for line in samples)
    frames = next(line for line in samples if line.startswith("robust_widgets_frames_total"))
    assert float(frames.split()[-1]) >= 3 and 'model="small"' in frames
    assert text.count("# TYPE") == text.count("# HELP") == len({line.split("{")[0].split()[0] for line in samples})
    session.join()


def test_numbers_are_read_by_prometheus_own_client(server: RunningServer) -> None:
    parser = pytest.importorskip("prometheus_client.parser", reason="comes with JupyterLab's server")
    families = list(parser.text_string_to_metric_families(requests.get(f"{server.url}/metrics", timeout=60).text))
    assert {"robust_widgets_runs", "robust_widgets_frames"} <= {family.name for family in families}


def test_the_page_holds_no_script_and_asks_no_other_machine(server: RunningServer) -> None:
    page = requests.get(server.url, timeout=60)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff" and "Who is painting" in page.text
    assert "<script>" not in page.text and " on" not in "".join(re.findall(r"<[^>]*>", page.text)).replace(" one", "")
    for name in ("teacher.js", "teacher.css"):
        file = requests.get(f"{server.url}/{name}", timeout=60)
        assert file.status_code == 200 and "http" not in file.text
    assert requests.get(f"{server.url}/../users.py", timeout=60).status_code == 404


def test_the_teacher_sees_and_stops_runs(school: tuple[RunningServer, ClassList]) -> None:
    running, students = school
    tokens = students.tokens()
    running.context.shows_pictures = True
    session, recorder = RemoteSession(running.url, token=tokens["Ann"]), EventRecorder()
    session.submit(RunRequest("generate", "dog", {"steps": 900}), recorder)
    recorder.wait(lambda r: len(r.frames) > 2)
    teacher = {"Authorization": f"token {tokens['teacher']}", **OWN}
    runs = requests.get(f"{running.url}/api/runs", headers=teacher, timeout=60).json()
    (row,) = runs["runs"]
    assert (row["owner"], row["task"], row["target"], row["steps"]) == ("Ann", "generate", "dog", 900)
    assert row["step"] >= 2 and row["picture"].startswith("data:image/jpeg;base64,") and runs["notebooks"] == 1
    ann = {"Authorization": f"token {tokens['Ann']}", **OWN}
    for headers in ({}, ann, {"Authorization": teacher["Authorization"]}):
        assert requests.post(f"{running.url}/api/stop", headers=headers, timeout=60).status_code == 403
        assert requests.get(f"{running.url}/api/runs", headers=headers, timeout=60).status_code == 403
    nobody = requests.post(f"{running.url}/api/stop", headers=teacher, json={"owner": "Bob"}, timeout=60)
    assert nobody.json() == {"stopped": 0}
    stopped = requests.post(f"{running.url}/api/stop", headers=teacher, json={"owner": "Ann"}, timeout=60)
    assert stopped.json() == {"stopped": 1} and recorder.ended().state == "stopped"
    running.context.shows_pictures = False
    session.join()


def test_pictures_are_shown_to_nobody_unless_the_teacher_asked_for_it(server: RunningServer) -> None:
    session, recorder = RemoteSession(server.url), EventRecorder()
    session.submit(RunRequest("generate", "dog", {"steps": 900}), recorder)
    recorder.wait(lambda r: len(r.frames) > 2)
    (row,) = requests.get(f"{server.url}/api/runs", headers=OWN, timeout=60).json()["runs"]
    assert row["picture"] is None and row["owner"].startswith("notebook ")
    session.join()


def test_without_tokens_only_this_machine_is_answered(server: RunningServer) -> None:
    headers = {"Host": "evil.example"}
    assert requests.get(f"{server.url}/api/runs", headers={**headers, **OWN}, timeout=60).status_code == 403
    with pytest.raises(HTTPClientError, match="403"):
        talk(server.url, [HELLO], 1, headers=headers)
    with pytest.raises(HTTPClientError, match="403"):
        talk(server.url, [HELLO], 1, headers={"Origin": "http://evil.example"})


def test_a_failing_run_of_one_person_disturbs_nobody(server: RunningServer) -> None:
    device: Any = server.context.pool.batchers[0].device

    def explode(runs: Sequence[PretendedRun]) -> None:
        if any(run.request.parameters.get("seed") == 13 for run in runs):
            raise RuntimeError("no")

    device.fails = explode
    good, bad = RemoteSession(server.url), RemoteSession(server.url)
    fine, broken = EventRecorder(), EventRecorder()
    good.submit(RunRequest("generate", "dog", {"steps": 30, "seed": 1}), fine)
    bad.submit(RunRequest("generate", "dog", {"steps": 30, "seed": 13}), broken)
    assert broken.ended().state == "failed" and fine.ended().state == "done" and len(fine.frames) == 31
    device.fails = lambda runs: None
    good.join(), bad.join()


def test_while_its_models_are_loaded_the_server_says_so() -> None:
    loaded, may_load = threading.Event(), threading.Event()

    def load() -> Pool:
        assert may_load.wait(60)
        with RunningServer({"small": smooth_model(12)}) as other:
            models = other.context.pool.models
        return Pool(
            {
                name: ServedModel(m.info, m.fingerprint, [Batcher(PretendedDevice(input_size=12))])
                for name, m in models.items()
            }
        )

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        sockets = bind_sockets(0, "127.0.0.1")
        port = sockets[0].getsockname()[1]
        for socket in sockets:
            socket.close()
        context = Context(Pool({}), Anybody())
        serving = asyncio.create_task(
            serve(context, "127.0.0.1", port, load=load, ready=lambda _: loaded.set(), stop=stop)
        )
        await asyncio.sleep(0)  # it listens now
        url = f"http://localhost:{port}"

        def ask() -> None:
            health = requests.get(f"{url}/health", timeout=60)
            assert health.status_code == 503 and health.json()["status"] == "loading"
            with raises_sentence(SetupError, "does not answer"):
                RemoteSession(url)
            may_load.set()
            assert loaded.wait(60)
            assert requests.get(f"{url}/health", timeout=60).json()["status"] == "ok"
            session = RemoteSession(url)
            assert run_once(session).frames == [0, 1, 2]
            session.join()

        await loop.run_in_executor(None, ask)
        stop.set()
        await serving

    in_a_thread(run())
