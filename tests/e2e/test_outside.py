"""The world is in the way: registry, git server, disk, engine. What runs keeps running; the next poll tries again."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from agent import DONE, FAILED, LATER, USAGE
from composes import app
from transports import make_source
from waiting import wait_until


@pytest.fixture
def running(repo, agent, engine):
    """One project at version 1; check() says that it is the very same still."""
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    ids = engine.ids("web")

    def check():
        assert engine.ids("web") == ids and engine.running("web") == ["app"]
        assert agent.open_work() == []
    return check


def test_registry_down(running, repo, agent, engine, registry):
    name = registry.push("app:2", "later:2")
    registry.stop()
    repo.deploy({"web/compose.yaml": app().replace("app:1", name)})
    r = agent.sync(LATER)
    assert registry.host in r.text
    running()
    assert agent.marks() == [], "a registry that is down is nobody's fault"
    agent.sync(LATER)
    running()
    registry.start()
    agent.sync(DONE)
    assert engine.version("web") == "2"
    engine.untag(name)


@pytest.mark.slow
def test_registry_hangs(running, repo, agent, engine):
    """A registry that takes the connection and says nothing must not hold the agent for ever."""
    server = socket.create_server(("127.0.0.1", 5999))
    try:
        repo.deploy({"web/compose.yaml": app().replace("app:1", "127.0.0.1:5999/slow:1"),
                     "other/compose.yaml": app(2)})
        process = agent.start("sync")
        wait_until(lambda: engine.running("other") == ["app"] or process.poll() is not None, 60,
                   "the other project waits for a registry that does not answer")
        running_now = engine.ids("web")
        process.send_signal(signal.SIGTERM)
        agent.finish(process, 30)
        assert engine.ids("web") == running_now
    finally:
        server.close()
    assert engine.running("web") == ["app"]


def test_git_server_down(running, repo, agent, engine):
    away = repo.bare.with_suffix(".away")
    repo.bare.rename(away)
    r = agent.sync(LATER, USAGE)
    assert str(repo.bare) in r.text
    running()
    away.rename(repo.bare)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"


class BadServer:
    """Listens, and answers each connection in a way no git server should."""

    def __init__(self, answer):
        self.answer, self.socket = answer, socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(c)  # never closed by us unless there is an answer
            if self.answer is not None:
                threading.Thread(target=self.reply, args=(c,), daemon=True).start()

    def reply(self, c):
        try:
            c.recv(65536)
            c.sendall(self.answer)
            c.close()
        except OSError:
            pass

    def close(self):
        self.socket.close()
        for c in self.open:
            c.close()


def http(body, kind="application/x-git-upload-pack-advertisement"):
    return (f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


BAD_ANSWERS = {
    "hangs": None,
    "closes": b"",
    "noise": os.urandom(4096),
    "web page": http(b"<html>please log in</html>", "text/html"),
    "garbage packets": http(b"001e# service=git-upload-pack\n0000" + b"zzzz" + os.urandom(500)),
    "endless packet": http(b"001e# service=git-upload-pack\n0000fff0" + b"x" * 100),
    "error": b"HTTP/1.1 500 oops\r\nContent-Length: 0\r\n\r\n",
    "huge": http(b"001e# service=git-upload-pack\n0000" + b"0041" + b"a" * 61 * 1024 * 1024),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_git_server_misbehaves(name, running, repo, agent, engine):
    server = BadServer(BAD_ANSWERS[name])
    url = agent.settings["source"]["url"]
    try:
        agent.source(url=f"http://127.0.0.1:{server.port}/config.git", timeout="2s")
        start = time.monotonic()
        agent.sync(LATER, USAGE)
        assert time.monotonic() - start < 20
        running()
    finally:
        server.close()
    agent.source(url=url, timeout="20s")
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"


@pytest.mark.parametrize("transport", ["https", "ssh"])
def test_server_goes_away_and_comes_back(transport, repo, place, make_agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    with make_source(transport, repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        agent.sync(DONE)
        repo.deploy({"web/compose.yaml": app(2)})
        if transport == "https":
            s.server.status = 503
        else:
            s.server.stop()
        agent.sync(LATER)
        assert engine.version("web") == "1"
        if transport == "https":
            s.server.status = None
        else:
            s.server.start()
        agent.sync(DONE)
        assert engine.version("web") == "2"


@pytest.mark.slow
def test_daemon_backs_off_and_comes_back(running, repo, agent, engine):
    agent.run_daemon()
    away = repo.bare.with_suffix(".away")
    repo.bare.rename(away)
    wait_until(lambda: str(repo.bare) in agent.daemon_log() or "unreachable" in agent.run("status").text
               or str(repo.bare) in agent.run("status").text, 30, agent.daemon_log)
    running()
    away.rename(repo.bare)
    repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: engine.runs("web", 2), 60, agent.daemon_log)
    wait_until(lambda: agent.open_work() == [], 20, agent.daemon_log)
    assert agent.stop_daemon() == 0


@pytest.fixture
def small_disk(agent, engine):
    """The state directory on a small file system of its own; returns what fills it so that only `left` bytes stay."""
    agent.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=700", "tmpfs", str(agent.state)], check=True)
    filler = agent.state / "filler"

    def fill(left):
        filler.unlink(missing_ok=True)
        if left is not None:
            space = os.statvfs(agent.state)
            with open(filler, "wb") as f:
                os.posix_fallocate(f.fileno(), 0, max(space.f_bavail * space.f_frsize - left, 1))
    yield fill
    agent.close()
    for c in engine.containers("web"):
        engine.remove(c.id)
    subprocess.run(["umount", "-l", str(agent.state)], check=True)


@pytest.mark.parametrize("left", [30 * 1024 * 1024, 256 * 1024, 4096, 0])
def test_disk_full(left, small_disk, repo, agent, engine):
    mounts = 'volumes: ["./conf:/conf:ro"]'
    repo.deploy({"web/compose.yaml": app(extra=mounts), "web/conf/a": "1"})
    agent.sync(DONE)
    ids = engine.ids("web")
    (repo.work / "web/conf/big").write_bytes(os.urandom(900 * 1024))
    repo.deploy({"web/compose.yaml": app(2, extra=mounts), "web/conf/a": "2"})
    small_disk(left)
    r = agent.sync(LATER)
    assert "left" in r.text or "space" in r.text.lower()
    assert engine.ids("web") == ids and engine.running("web") == ["app"]
    assert engine.read("web", "/conf/a") == "1"
    assert agent.marks() == [], "a full disk is not the content's fault"
    agent.run("status").expect(DONE)
    small_disk(None)
    agent.sync(DONE)
    assert engine.version("web") == "2" and engine.read("web", "/conf/a") == "2"


@pytest.mark.parametrize("point", ["fetch_done", "stage_done", "sync_opened", "intent_written"])
def test_no_space_at_a_step(point, running, repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(2)})
    ids = engine.ids("web")
    r = agent.sync(LATER, FAILED, DONE, fault=f"{point}:28")
    assert engine.running("web") == ["app"]
    if r.code != DONE:  # a step that could be taken once more was
        assert engine.ids("web") == ids
        agent.sync(DONE)
    assert engine.version("web") == "2"
    assert agent.marks() == [] and agent.open_work() == []


def test_engine_does_not_answer(running, repo, agent, engine):
    """Unknown is not unhealthy: hold, do not roll back."""
    repo.deploy({"web/compose.yaml": app(2)})
    os.kill(engine.process.pid, signal.SIGSTOP)
    try:
        r = agent.sync(LATER)
        assert "engine" in r.text.lower() or "docker" in r.text.lower()
        s = agent.run("status")
        assert s.code in (0, 1, LATER), s
    finally:
        os.kill(engine.process.pid, signal.SIGCONT)
    running()
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_engine_away(running, repo, agent, engine):
    socket_path = agent.settings["socket"]
    agent.configure(socket=socket_path + ".away")
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(LATER, USAGE)
    agent.configure(socket=socket_path)
    running()
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_compose_missing_or_old_is_refused(running, repo, agent, place):
    repo.deploy({"web/compose.yaml": app(2)})
    plugin = agent.settings["compose"]
    for name, script in {"v1": "echo docker-compose version 1.29.2, build unknown",
                         "podman-compose": "echo podman-compose version: 1.0.3", "broken": "exit 127"}.items():
        path = place / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        agent.configure(compose=str(path))
        r = agent.sync(USAGE)
        assert "compose" in r.text.lower() and ("install" in r.text or "v2" in r.text), r
        running()
    agent.configure(compose=str(place / "none"))
    r = agent.sync(USAGE)
    assert str(place / "none") in r.text and "compose" in r.text.lower()
    agent.configure(compose=plugin)
    agent.sync(DONE)


def test_corrupt_object_store_is_replaced(running, repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(2)})
    for p in (agent.state / "repo.git").rglob("*"):
        if p.is_file() and p.name in ("HEAD", "config"):
            p.write_bytes(b"\0garbage")
    r = agent.sync()
    if r.code != DONE:
        agent.sync(DONE)
    assert engine.version("web") == "2"


def test_clock_in_the_past(running, repo, agent, engine):
    """Commit times are only shown: a clock that is wrong holds nothing up."""
    repo.git("commit", "-q", "--allow-empty", "-m", "old", "--date", "2001-01-01T00:00:00Z")
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"
