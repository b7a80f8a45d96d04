"""
A sample of tests/faults with a real engine and a real Compose: in each scenario, at calls chosen evenly from all by which
the agent and what it starts change something (MDC_E2E_POINTS: how many, default 3), everything is killed, or the call
fails for want of room, or with an I/O error. Then it starts again, and the promises hold. Failing upgrades of a project
with data are in test_snapshot_kill.py. Depends on: tests/faults/nth_call.c, a C compiler.
"""

import errno
import json
import os
import platform
import re
import subprocess

import pytest

from agent import DEGRADED, DONE, FAILED, ROOT
from composes import app
from test_kill import compose

SAMPLES = int(os.environ.get("MDC_E2E_POINTS", "3"))
FAULTS = {"kill": "kill", "ENOSPC": str(errno.ENOSPC), "EIO": str(errno.EIO)}
SYNCS = 5  # at most, until nothing is open
CALLS_MIN = 50  # a scenario changes more than that: else the tracer sees nothing
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="nth_call knows the registers of x86-64 only")


def files(project, v, stamp, good=True):
    c = json.loads(compose(v, good))
    for s in c["services"].values():
        s["environment"]["STAMP"] = str(stamp)
    return {f"{project}/compose.yaml": json.dumps(c), f"{project}/conf/a": str(v), f"{project}/conf/b": str(v)}


class Success:
    """From one version to another, and back the next time."""
    verb, projects, settings = ("sync",), ("web",), {}

    def __init__(self, repo, agent, engine):
        self.repo, self.agent, self.engine, self.stamp = repo, agent, engine, 0
        agent.health(settle="300ms", timeout="20s")
        self.deploy(1)
        for p in self.projects:
            engine.exec(engine.one(p, "two").id, "touch", "/data/precious")

    def push(self, v, bad=()):
        self.stamp += 1
        changed = dict(self.settings)
        for p in self.projects:
            changed |= files(p, v, self.stamp, p not in bad)
        self.repo.deploy({**changed, "other/compose.yaml": app(extra="restart: always")})

    def deploy(self, v):
        self.push(v)
        self.agent.sync(DONE)

    def begin(self):
        """Everything is ready for the verb; which versions are right afterwards."""
        now = int(self.engine.version("web"))
        self.push(3 - now)
        return {1, 2}


class Atomic(Success):
    """All three or none; the last is not healthy."""
    projects, settings = ("a", "b", "c"), {"mdc.yaml": "version: 1\natomic: true\n"}

    def begin(self):
        self.push(2, bad=("c",))
        return {1}


class Remove(Success):
    def begin(self):
        if not self.engine.containers("web"):
            self.deploy(1)
        self.repo.deploy(remove=["web"])
        return {None}


class Rollback(Success):
    verb = ("rollback",)

    def begin(self):
        if self.stamp > 1:
            self.agent.run("resume").expect(DONE)
            self.deploy(1)
        self.written = len(self.engine.read("web", "/data/log").split())
        self.deploy(2)
        return {1, 2}


class RollbackData(Rollback):
    """What version 2 wrote goes with it."""
    verb = ("rollback", "--restore-volumes", "--yes")


@pytest.fixture(scope="module")
def tracer(tmp_path_factory):
    program = tmp_path_factory.mktemp("nth") / "nth_call"
    subprocess.run(["cc", "-O2", "-o", str(program), str(ROOT / "tests/faults/nth_call.c")], check=True)
    return program


def traced(tracer, agent, verb, log, *options):
    env = agent.env()
    env["ASAN_OPTIONS"] += ":detect_leaks=0"  # cannot work under a tracer
    r = subprocess.run([str(tracer), "-s", "120", "-o", str(log), *options, "--", *agent.argv(*verb)], env=env, timeout=180,
                       capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/", check=False)
    agent.kill_all()
    agent.check_sanitizers()
    return f"it exited {r.returncode}: {r.stdout}{r.stderr}"


def settle(agent):
    for _ in range(SYNCS):
        r = agent.sync()
        assert r.code != DEGRADED, r
        if r.code in (DONE, FAILED) and not agent.open_work():
            return
    raise AssertionError(r)


def version(s, project):
    """The one version of a project, by every sign; None: it is not there."""
    e, found = s.engine, set()
    if not e.containers(project):
        return None
    for service in ("app", "two"):
        c = e.one(project, service)
        assert c.state == "running", c
        found |= {e.version(project, service), e.env(project, service)["V"], e.read(project, "/conf/a", service).strip(),
                  e.read(project, "/conf/b", service).strip(), (s.agent.live(project) / "conf/a").read_text()}
    assert len(found) == 1, f"a mix: {found}"
    log = e.read(project, "/data/log").split()
    assert log[-1] == next(iter(found)), f"{project} runs on data of another version: {log}"
    assert "precious" in e.exec(e.one(project, "two").id, "ls", "/data")
    if "--restore-volumes" in s.verb and found == {"1"}:
        assert "2" not in log[s.written:], f"the volume was not put back: {log}"
    return int(found.pop())


def promises(s, ends, others, volumes):
    found = {p: version(s, p) for p in s.projects}
    assert len(set(found.values())) == 1 and set(found.values()) <= ends, found
    assert s.engine.ids("other") == others
    assert volumes <= set(s.engine.volumes())
    assert not [c for c in s.engine.containers() if re.match(r"^[0-9a-f]{12}_", c.name) or c.state == "paused"]
    entries = {p["name"]: p["status"] for p in s.agent.show(s.agent.current())["projects"]}
    for p, v in found.items():
        assert (v is not None) == (entries.get(p, "missing") != "missing"), entries
    ids = {p: s.engine.ids(p) for p in s.projects}
    s.agent.sync(DONE, FAILED)
    assert {p: s.engine.ids(p) for p in s.projects} == ids, "it was an end: another run has nothing to do"


@pytest.mark.parametrize("scenario", [Success, Atomic, Remove, Rollback, RollbackData])
def test_at_system_calls(scenario, tracer, repo, agent, engine, place):
    s = scenario(repo, agent, engine)
    others, volumes, log = engine.ids("other"), set(engine.volumes()), place / "calls"

    def once(name, *options):
        ends = s.begin()
        said = traced(tracer, agent, s.verb, log, *options)
        try:
            settle(agent)
            promises(s, ends, others, volumes)
        except AssertionError as e:
            last = (log.read_text().splitlines() or [""])[-1]
            raise AssertionError(f"{name} at {last}: {said}: {e}") from e
    once("nothing")
    total = len(log.read_text().splitlines())
    assert total > CALLS_MIN, log.read_text()
    for i in range(SAMPLES):
        fault = list(FAULTS)[i % len(FAULTS)]
        n = 1 + (2 * i + 1) * total // (2 * SAMPLES)
        once(f"{fault} at call {n} of {total}", "-n", str(n), "-f", FAULTS[fault])
