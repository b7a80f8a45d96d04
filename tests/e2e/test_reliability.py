"""Cases of docs/reliability.md that no other file shows. Each is small; what is large is in test_kill.py and tests/faults."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from agent import DEGRADED, DONE, FAILED, LATER
from composes import app, healthy
from waiting import wait_until


def test_state_of_an_old_backup(repo, agent, engine):
    """What was deployed since is unknown to it: nothing is removed, and it arrives where the repository is."""
    data = 'volumes: ["data:/data"]'
    tail = "volumes: {data: {}}\n"
    repo.deploy({"web/compose.yaml": app(1, data) + tail})
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "touch", "/data/precious")
    backup = agent.base / "backup"
    shutil.copytree(agent.state, backup, symlinks=True)
    repo.deploy({"web/compose.yaml": app(2, data) + tail, "new/compose.yaml": app(1)})
    agent.sync(DONE)
    new = engine.ids("new")
    shutil.rmtree(agent.state)
    backup.rename(agent.state)
    agent.sync(DONE, FAILED, LATER)
    assert engine.ids("new") == new, "not known to it, and not touched"
    assert engine.exec(engine.one("web").id, "ls", "/data") == "precious"
    assert engine.version("web") == "2" and agent.open_work() == []


@pytest.fixture
def remount(agent):
    """The state directory as a mount of its own, that can be made read-only."""
    agent.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=700", "tmpfs", str(agent.state)], check=True)
    yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(agent.state)], check=True)
    subprocess.run(["umount", "-l", str(agent.state)], check=True)


def test_read_only_disk(remount, repo, agent, engine):
    """No effect without its record; status goes on; once it can be written the work is done."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(2)})
    remount("ro")
    r = agent.sync()
    assert r.code not in (DONE, DEGRADED) and "ead-only" in r.text, r
    assert engine.ids("web") == ids and engine.running("web") == ["app"]
    assert agent.run("status").code in (DONE, FAILED, LATER)
    remount("rw")
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_no_descriptors(repo, agent, engine):
    """However few descriptors there are: a clear end, nothing touched, or all of it done."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(2)})
    for few in (4, 6, 8, 10, 12, 16):
        r = subprocess.run(["prlimit", f"--nofile={few}", *agent.argv("sync")], env=agent.env(), capture_output=True,
                           text=True, stdin=subprocess.DEVNULL, timeout=60, cwd="/", check=False)
        assert r.returncode >= 0, r
        if r.returncode == DONE:
            break
        assert r.stderr.strip() and engine.ids("web") == ids and engine.running("web") == ["app"], (few, r)
    agent.run("retry").expect(DONE)
    assert engine.version("web") == "2"


def test_volume_that_a_file_no_longer_names_stays(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1, 'volumes: ["data:/data"]') + "volumes: {data: {}}\n"})
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "touch", "/data/precious")
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    assert "web_data" in engine.volumes()
    repo.deploy({"web/compose.yaml": app(1, 'volumes: ["data:/data"]') + "volumes: {data: {driver_opts: {o: size=9m}}}\n"})
    agent.sync()
    assert "web_data" in engine.volumes()
    repo.deploy({"web/compose.yaml": app(1, 'volumes: ["data:/data"]') + "volumes: {data: {}}\n"})
    agent.run("retry").expect(DONE)
    assert engine.exec(engine.one("web").id, "ls", "/data") == "precious"


def test_network_that_others_use_survives_its_project(repo, agent, engine):
    """The project that made it goes; another one is still attached."""
    shared = {"a": app(1).replace("network_mode: none", "networks: [n]") + "networks: {n: {name: mdct-shared}}\n",
              "b": app(1).replace("network_mode: none", "networks: [n]") +
              "networks: {n: {name: mdct-shared, external: true}}\n"}
    repo.deploy({"mdc.yaml": "version: 1\nprojects: {a: {}, b: {after: [a]}}\n",
                 **{f"{n}/compose.yaml": text for n, text in shared.items()}})
    agent.sync(DONE)
    b = engine.ids("b")
    repo.deploy({"mdc.yaml": "version: 1\nprojects: {b: {}}\n"}, remove=["a"])
    agent.sync()
    assert engine.ids("b") == b and engine.running("b") == ["app"]
    assert engine.containers("a") == []
    repo.deploy(remove=["b", "mdc.yaml"])
    agent.sync()


def test_port_of_another_project(repo, agent, engine):
    """The one that has it keeps it; the other goes back with the port in its reason."""
    ports = 'ports: ["127.0.0.1:18077:80"]'
    bridge = ("network_mode: none", "network_mode: bridge")
    repo.deploy({"web/compose.yaml": app(1, ports).replace(*bridge), "other/compose.yaml": app(1)})
    agent.sync(DONE)
    web = engine.ids("web")
    repo.deploy({"other/compose.yaml": app(2, ports).replace(*bridge)})
    r = agent.sync(FAILED)
    assert "18077" in r.text
    assert engine.ids("web") == web and engine.running("web") == ["app"] and engine.version("other") == "1"


def judging(agent, engine, repo, version=2):
    """A sync whose new containers run and are being judged."""
    old = set(engine.ids("web").values())
    repo.deploy({"web/compose.yaml": healthy(version)})
    process = agent.start("sync")
    wait_until(lambda: process.poll() is not None or
               [c for c in engine.containers("web") if c.id not in old and c.state == "running"], 30, every=0.02)
    return process


def test_container_removed_by_hand_in_the_trial(repo, agent, engine):
    """Seen by looking at what is there: the new one is not called good without its container."""
    agent.health(settle="2s", timeout="6s")
    repo.deploy({"web/compose.yaml": healthy(1)})
    agent.sync(DONE)
    process = judging(agent, engine, repo)
    engine.remove(engine.one("web").id)
    r = agent.finish(process)
    assert r.code in (FAILED, DEGRADED), r
    assert agent.open_work() == []
    if r.code == FAILED:
        assert engine.version("web") == "1" and engine.running("web") == ["app"]


def test_agent_stands_still_in_the_trial(repo, agent, engine):
    """SIGSTOP for longer than the health timeout, as a suspended host: what is healthy then is healthy."""
    agent.health(settle="1s", timeout="4s")
    repo.deploy({"web/compose.yaml": healthy(1)})
    agent.sync(DONE)
    process = judging(agent, engine, repo)
    stopped = agent.processes()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + 6  # longer than the health timeout
    wait_until(lambda: time.monotonic() > until, 20)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    agent.finish(process)
    assert engine.version("web") == "2" and agent.marks() == [], "a false rollback"


def test_out_of_memory(repo, agent, engine):
    """A container that its memory limit kills is no healthy one."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    agent.health(settle="3s")
    hog = 'mem_limit: 8m\nrestart: always\ncommand: ["sh", "-c", "x=$$(seq 9000000); sleep 1000"]'
    repo.deploy({"web/compose.yaml": app(2, hog)})
    r = agent.sync(FAILED)
    assert engine.version("web") == "1" and ("137" in r.text or "restart" in r.text or "memory" in r.text), r


def test_state_of_a_newer_version(repo, agent, engine):
    """A record that a newer version wrote is never read as another thing."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    (agent.state / "version").write_text("2\n")
    repo.deploy({"web/compose.yaml": app(2)})
    r = agent.sync()
    assert r.code != DONE and "newer version" in r.text, r
    assert engine.ids("web") == ids
    (agent.state / "version").write_text("1\n")
    agent.sync(DONE)
    assert engine.version("web") == "2"
