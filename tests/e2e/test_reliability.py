"""Cases of docs/reliability.md that no other file shows. Each is small; what is large is in test_kill.py and tests/faults."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from agent import DEGRADED, DONE, FAILED, LATER, USAGE
from composes import app, healthy
from waiting import wait_until


def data(v):
    return app(v, 'volumes: ["data:/data"]') + "volumes: {data: {}}\n"


@pytest.mark.parametrize("kind", ["days", "torn"])
def test_state_of_an_old_backup(kind, repo, agent, engine):
    """What was deployed since is unknown to it: nothing is removed, and it arrives where the repository is."""
    repo.deploy({"web/compose.yaml": data(1), "gone/compose.yaml": app(1)})
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "touch", "/data/precious")
    if kind == "torn":  # taken in the middle of a deployment
        repo.deploy({"web/compose.yaml": data(3)})
        agent.sync(fault="apply_done:kill")
    backup = agent.base / "backup"
    shutil.copytree(agent.state, backup, symlinks=True)
    repo.deploy({"web/compose.yaml": data(2), "new/compose.yaml": app(1)}, remove=["gone"])
    agent.sync(DONE)
    for v in (3, 2):  # more generations than the backup knows, and snapshots
        repo.deploy({"web/compose.yaml": data(v)})
        agent.sync(DONE)
    new, volumes = engine.ids("new"), engine.volumes()
    shutil.rmtree(agent.state)
    backup.rename(agent.state)
    agent.sync(DONE, FAILED, LATER)
    assert engine.ids("new") == new, "not known to it, and not touched"
    assert engine.exec(engine.one("web").id, "ls", "/data") == "precious"
    assert set(volumes) <= set(engine.volumes())
    assert engine.version("web") == "2" and agent.open_work() == [] and engine.containers("gone") == []
    assert agent.run("show", str(agent.current())).code == DONE
    agent.run("rollback").expect(DONE)  # and it can still go back
    assert engine.exec(engine.one("web").id, "ls", "/data") == "precious"


@pytest.mark.parametrize("how", ["sync", "daemon"])
def test_two_agents_on_one_state_directory(how, repo, agent, engine, make_agent):
    """Two hosts' worth of agents by mistake: one works, the other one waits and says for whom, or ends."""
    repo.deploy({"web/compose.yaml": healthy(1)})
    other = make_agent(repo, name="other")
    other.configure(state_dir=str(agent.state), runtime_dir=str(other.runtime))
    agent.health(settle="2s")
    if how == "daemon":
        agent.run_daemon()
        wait_until(lambda: engine.runs("web", 1), 30, agent.daemon_log)
        r = other.run("run", timeout=30)
        assert r.code not in (DONE, DEGRADED) and str(agent.daemon.pid) in r.text, r
        agent.stop_daemon()
        return
    first = agent.start("sync")
    wait_until(lambda: first.poll() is not None or (agent.state / "projects/web/intent.json").exists(), 30)
    second = other.start("sync")
    agent.finish(first)
    r = other.finish(second)
    assert r.code == DONE and "another sync is under way" in r.text, r
    ups = [c for a in (agent, other) for c in a.compose_calls() if "up" in c]
    assert len(ups) == 1 and engine.version("web") == "1", ups


TEN_YEARS = 10 * 365 * 86400


@pytest.mark.parametrize("first, then", [(0, TEN_YEARS), (0, -TEN_YEARS), (TEN_YEARS, 0), (-TEN_YEARS, TEN_YEARS)])
def test_clock_jumps_by_ten_years(first, then, repo, agent, engine):
    """Order, deadlines and what is kept do not come from the clock; only what is shown does."""
    agent.configure(retention={"generations": 5, "snapshots": 2, "failed_data": "7d"})
    agent.health(settle="300ms", timeout="10s")
    stamps = {"MDC_FAULT_CLOCK": str(first)}
    for v in (1, 2):
        repo.deploy({"web/compose.yaml": data(v)})
        agent.run("sync", **stamps).expect(DONE)
    engine.exec(engine.one("web").id, "touch", "/data/precious")
    stamps = {"MDC_FAULT_CLOCK": str(then)}
    agent.run("status", **stamps).expect(DONE)
    at = time.monotonic()
    repo.deploy({"web/compose.yaml": data(3)})
    agent.run("sync", **stamps).expect(DONE)
    bad = data(1).replace("network_mode", 'healthcheck: {test: ["CMD", "false"], interval: 300ms, retries: 1}\n    network_mode')
    repo.deploy({"web/compose.yaml": bad})
    agent.run("sync", **stamps).expect(FAILED)
    agent.run("sync", **stamps).expect(DONE)  # once, whatever the time
    assert time.monotonic() - at < 60
    assert engine.version("web") == "3" and agent.current() == 3
    agent.run("gc", **stamps).expect(DONE)
    snapshots = {json.loads(p.read_text().partition("\n")[2])["kind"]
                 for p in (agent.state / "snapshots").glob("*.json")}
    assert "trial" in snapshots or "before" in snapshots or snapshots, "what the kept generations need is there"
    seqs = [e["seq"] for e in agent.history()]
    assert seqs == sorted(set(seqs)), "receivers' order"
    r = agent.run("rollback", "--restore-volumes", "--yes", "2", **stamps).expect(DONE)
    assert engine.version("web") == "2" and engine.exec(engine.one("web").id, "ls", "/data") == "precious", r


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
    # One read() touches all of it: not a matter of how fast the machine is.
    hog = "mem_limit: 8m\nrestart: always\ncommand: [busybox, dd, if=/dev/zero, of=/dev/null, bs=64M, count=1000000]"
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
    before = agent.tree()
    for verb in (["sync"], ["status"], ["gc"], ["retry"], ["rollback"], ["suspend"]):
        r = agent.run(*verb).expect(USAGE)  # the wrong program for it: nothing is degraded
        assert "newer version" in r.text and "install that version" in r.text, r
    assert engine.ids("web") == ids and agent.tree() == before
    assert agent.run("status", "--check").code == 3, "unknown, for monitoring"
    (agent.state / "version").write_text("1\n")
    agent.sync(DONE)
    assert engine.version("web") == "2"
