"""
What does not end by itself: a recovery that dies again and again, a worker that dies twice on half-exchanged volumes, an
engine that goes away in each trial, a history that cannot be written. Each stops touching things, says so, and has a way
out.
"""

import json
import os
import subprocess
import threading

import pytest

from agent import DEGRADED, DONE, FAILED, LATER
from composes import app, healthy, unhealthy
from waiting import wait_until

RECOVERIES = 3  # RECOVERY_MAX in store.h


def compose(v, good=True):
    """Two services with a volume each; what runs writes down what it is."""
    check = {"test": ["CMD", "true" if good else "false"], "interval": "200ms", "timeout": "2s", "retries": 1}
    s = {"image": f"app:{v}", "network_mode": "none", "restart": "always",
         "command": ["sh", "-c", f"echo {v} >>/data/log; exec sleep 1000000"]}
    return json.dumps({"services": {"app": {**s, "healthcheck": check, "volumes": ["data:/data"]},
                                    "two": {**s, "volumes": ["more:/data"]}}, "volumes": {"data": {}, "more": {}}})


class Two:
    """`web` in version 1, and a push of a version that is not healthy."""

    def __init__(self, repo, agent, engine):
        self.repo, self.agent, self.engine = repo, agent, engine
        agent.health(settle="300ms", timeout="10s")
        repo.deploy({"web/compose.yaml": compose(1)})
        agent.sync(DONE)
        for v in ("data", "more"):
            (self.volume(v) / "precious").write_text("x")
        repo.deploy({"web/compose.yaml": compose(2, good=False)})

    def volume(self, name):
        return self.engine.data_root / "volumes" / f"web_{name}" / "_data"

    def look(self):
        return {c.id: c.state for c in self.engine.containers("web")}, [sorted(os.listdir(self.volume(v).parent))
                                                                        for v in ("data", "more")]

    def whole(self):
        assert self.agent.open_work() == []
        for v, s in (("data", "app"), ("more", "two")):
            assert self.engine.version("web", s) == "1"
            assert (self.volume(v) / "precious").exists() and "2" not in (self.volume(v) / "log").read_text()
            assert os.listdir(self.volume(v).parent) == ["_data"]


@pytest.fixture
def two(repo, agent, engine):
    return Two(repo, agent, engine)


def events(agent, name):
    return [e for e in agent.history() if e["event"] == name]


def test_safe_mode(two, agent):
    """Each recovery dies: after three nothing is touched any more, it is told once, and a word of a person goes on."""
    for _ in range(1 + RECOVERIES):
        r = agent.sync(fault="undo_files:kill")
        assert r.code < 0, r
    assert agent.status()["code"] == 2 and agent.status()["safe_mode"]
    before = two.look()
    agent.compose_calls(clear=True)
    for verb in (["sync"], ["sync", "--drift"], ["gc"]):
        r = agent.run(*verb).expect(DEGRADED)
        assert "safe mode" in r.text and "mdc-agent retry" in r.text, r
    assert two.look() == before and agent.compose_calls() == []
    assert len(events(agent, "agent.safe-mode")) == 1
    shown = agent.run("status").text
    assert "safe mode" in shown and "mdc-agent retry" in shown
    assert "CRITICAL - safe mode" in agent.run("status", "--check").text
    agent.run("retry").expect(FAILED)  # finished; then the content is tried again and goes back
    two.whole()
    assert not agent.status()["safe_mode"] and not (agent.state / "recovery.json").exists()


@pytest.mark.parametrize("verb", ["rollback", "resume"])
def test_other_ways_out_of_safe_mode(verb, two, repo, agent, engine):
    (two.repo.work / "web/compose.yaml").write_text(compose(1).replace("1000000", "1000001"))
    repo.deploy({})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": compose(2, good=False)})
    for _ in range(1 + RECOVERIES):
        agent.sync(fault="undo_applied:kill")
    agent.sync(DEGRADED)
    agent.run(verb).expect(DONE)
    two.whole()


def test_recoveries_that_end_by_themselves_do_not_count(two, agent, engine):
    """However often: an engine that is away, a stop."""
    agent.sync(fault="undo_files:kill")
    engine.stop()
    engine.restarts += 1
    for _ in range(RECOVERIES + 2):
        agent.sync(LATER)
    engine.start()
    for _ in range(RECOVERIES + 4):
        r = agent.sync(fault="undo_files:111:*")  # as a connection that is refused, in the worker
        assert r.code == LATER, r
    assert not agent.status()["safe_mode"]
    agent.sync(DONE, FAILED)
    two.whole()


@pytest.mark.parametrize("way", ["retry", "restore", "rollback"])
def test_worker_dies_twice_on_half_exchanged_volumes(way, two, agent, engine):
    """Nothing automatic any more, and nothing of what is known is lost: a person's word goes on from there."""
    agent.sync(DEGRADED, fault="restore_half:crash")
    assert (agent.state / "projects/web/intent.json").exists() and not (agent.state / "sync.json").exists()
    assert len(events(agent, "project.degraded")) == 1
    before = two.look()
    assert before[1] != [["_data"], ["_data"]], "half exchanged: both copies are still beside their places"
    agent.run("gc").expect(DONE)
    agent.run("sync", "--drift").expect(DONE, DEGRADED)
    assert two.look() == before
    status = agent.status()
    assert "mdc-agent retry web" in status["next"] and "retry web" in status["projects"]["web"]["detail"]
    if way == "retry":
        agent.run("retry", "web").expect(FAILED)  # back first; then the bad one is tried again and goes back
    elif way == "restore":
        record = sorted(p.stem for p in (agent.state / "snapshots").glob("*.json"))[0]
        agent.run("restore", record, "--yes")
    else:
        agent.run("rollback", "--project", "web", "1")
    assert "web" not in str([p for p in agent.status()["projects"].values() if p["state"] == "degraded"])
    two.whole()


def test_engine_away_in_each_trial_is_no_verdict(repo, agent, engine):
    """The trial is cut off by the engine again and again: no mark, nothing goes back, and at last it is there."""
    agent.health(settle="300ms", timeout="10s")
    repo.deploy({"web/compose.yaml": healthy(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": healthy(2)})
    for _ in range(4):
        agent.sync(LATER, fault="apply_done:111:*")
        assert agent.marks() == [] and engine.version("web") == "2"
    agent.sync(DONE)
    assert engine.version("web") == "2" and agent.open_work() == [] and agent.marks() == []


# ---- what was done is told --------------------------------------------------------------------------
@pytest.fixture
def small(agent, engine):
    agent.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=700", "tmpfs", str(agent.state)], check=True)
    yield agent.state
    agent.close()
    for c in engine.containers("web"):
        engine.remove(c.id)
    subprocess.run(["umount", "-l", str(agent.state)], check=True)


class Hog(threading.Thread):
    """Takes every byte that gets free."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over = path, threading.Event()

    def run(self):
        with open(self.path, "wb", buffering=0) as f:
            while not self.over.is_set():
                try:
                    f.write(b"x" * 4096)
                except OSError:
                    self.over.wait(0.001)

    def stop(self):
        self.over.set()
        self.join(10)
        self.path.unlink()


def test_told_on_a_disk_that_is_full(small, repo, agent, engine):
    """Filled in the middle, to the last byte: it goes back, and the history says so although nothing can be written."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    reached, go = agent.base / "reached", agent.base / "go"
    agent.before("up", f"touch {reached}; while [ ! -e {go} ]; do sleep 0.05; done")
    process = agent.start("sync")
    wait_until(reached.exists, 30)
    hog = Hog(small / "hog")
    hog.start()
    wait_until(lambda: os.statvfs(small).f_bavail == 0, 30)
    go.touch()
    r = agent.finish(process)
    assert r.code in (FAILED, LATER, DEGRADED), r
    assert [e for e in agent.history() if e.get("project") == "web" and e["event"] != "project.deployed"], r
    hog.stop()
    agent.before("up", None)
    wait_until(lambda: agent.sync().code in (DONE, FAILED), 60)
    agent.run("retry").expect(DONE)
    assert engine.version("web") == "2" and agent.open_work() == []


@pytest.mark.parametrize("what", ["change", "add", "remove"])
def test_told_at_the_next_start(what, repo, agent, engine):
    """The history cannot be written at the end of a sync: its record stays open until what was done is told."""
    repo.deploy({"web/compose.yaml": app(1), "other/compose.yaml": app(1)})
    agent.sync(DONE)
    if what == "remove":
        repo.deploy(remove=["web"])
    else:
        repo.deploy({("web" if what == "change" else "new") + "/compose.yaml": app(2)})
    history, aside = agent.state / "history.jsonl", agent.state / "aside"
    agent.before("down" if what == "remove" else "up", f"[ -d {history} ] || {{ mv {history} {aside}; mkdir {history}; }}")
    r = agent.sync(LATER)
    assert "history" in r.text, r
    agent.before("down" if what == "remove" else "up", None)
    assert agent.open_work() == ["sync.json"]
    agent.sync(LATER)  # still not
    history.rmdir()
    aside.rename(history)
    agent.sync(DONE)
    name = "new" if what == "add" else "web"
    told = [e["event"] for e in agent.history() if e.get("project") == name and e.get("generation") == 2]
    assert told == ["project.removed" if what == "remove" else "project.deployed"], agent.history()
    assert agent.open_work() == []
    agent.sync(DONE)
    assert len([e for e in agent.history() if e.get("project") == name and e.get("generation") == 2]) == 1


# ---- what a killed engine leaves --------------------------------------------------------------------
STALE = """n=$(cat "$0.n" 2>/dev/null || echo 0); echo $((n + 1)) >"$0.n"
case "$*" in *--force-recreate*) exit 0;; esac
[ $n -lt {until} ] && exit 0
echo "Error response from daemon: task {id}: already exists" >&2; exit 1"""


def test_a_task_that_the_runtime_still_has(repo, agent, engine):
    """dockerd was killed while it started a container: that one never starts again, another one does."""
    repo.deploy({"web/compose.yaml": app(1, 'volumes: ["/data"]')})  # an anonymous volume
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "touch", "/data/precious")
    agent.before("up", STALE.format(until=0, id="4b6c" * 16))
    repo.deploy({"web/compose.yaml": app(2, 'volumes: ["/data"]')})
    agent.sync(DONE)
    assert engine.version("web") == "2"
    assert engine.exec(engine.one("web").id, "ls", "/data") == "precious"


def test_what_a_degraded_project_fails_is_no_baseline(repo, agent, engine):
    """Going back failed too; `retry` of the same bad content is not good because it was bad before."""
    agent.health(settle="300ms", timeout="6s")
    repo.deploy({"web/compose.yaml": healthy(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(2)})
    agent.before("up", STALE.format(until=1, id="not an id"))
    agent.sync(DEGRADED)
    assert engine.version("web") == "2", "the bad one still runs"
    agent.before("up", None)
    agent.run("retry").expect(FAILED)
    assert engine.version("web") == "1" and agent.status()["projects"]["web"]["state"] == "healthy"
