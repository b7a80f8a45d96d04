"""
kill -9 of the agent at each step boundary (common/fault.def), of Compose and of dockerd: the next start ends at the
old or the new content, whole, and says so; nothing of it is left behind.
"""

import json
import os
import re
import signal

import pytest

from agent import DEGRADED, DONE, FAILED, LATER, ROOT
from composes import Breakable, app
from waiting import wait_until

POINTS = re.findall(r"^FAULT_POINT\((\w+)\)", (ROOT / "common/fault.def").read_text(), re.M)
ENDS = ["projects_done", "generation_written", "current_switched", "sync_closed"]
BEGINS = ["fetch_done", "stage_done", "sync_opened"]
SCENARIOS = {
    "change": BEGINS + ["files_ready", "snapshot_begun", "quiesced", "snapshot_half", "snapshot_copied",
                        "snapshot_made", "intent_written", "files_half", "files_placed", "apply_done", "health_done",
                        "project_committed"] + ENDS,
    "hook": ["snapshot_abandoned"],
    "fail": ["apply_done", "mark_written", "restore_cleared", "restore_built", "restore_half", "restore_swapped",
             "restore_aside", "restore_done", "undo_files", "undo_applied", "undo_done"] + ENDS,
    "add": ["intent_written", "files_placed", "apply_done", "health_done", "project_committed", "generation_written"],
    "remove": ["remove_begun", "remove_done"] + ENDS,
}
TABLE = [(s, p) for s, points in SCENARIOS.items() for p in points]
WAY_OUT = ["degrade_begun:kill", "degrade_begun:28", "degrade_written:kill", "park_opened:kill"]


def test_every_point_is_tried():
    assert set(POINTS) == {p for _, p in TABLE} | {w.partition(":")[0] for w in WAY_OUT}


def compose(v, good=True):
    """Two services and two mounted files, all of one version; one writes to their data what it is."""
    check = {"test": ["CMD", "true" if good else "false"], "interval": "200ms", "timeout": "2s", "retries": 2}
    s = {"image": f"app:{v}", "network_mode": "none", "environment": {"V": str(v)}, "restart": "always",
         "volumes": ["./conf:/conf:ro", "data:/data"]}
    command = ["sh", "-c", f"echo {v} >>/data/log; exec sleep 1000000"]
    return json.dumps({"services": {"app": {**s, "healthcheck": check, "command": command}, "two": s},
                       "volumes": {"data": {}}})


HOOK = {"hooks": {"before_snapshot": {"service": "app", "command": ["false"]}}}


def files(v, good=True):
    return {"web/compose.yaml": compose(v, good), "web/conf/a": str(v), "web/conf/b": str(v)}


def versions(engine):
    """Every sign of a version that the running project shows."""
    found = set()
    for s in ("app", "two"):
        c = engine.one("web", s)
        assert c.state == "running", c
        found |= {engine.version("web", s), engine.env("web", s)["V"], engine.read("web", "/conf/a", s),
                  engine.read("web", "/conf/b", s)}
    return found


def whole(agent, engine, allowed, rolled_back=False):
    """The project is at exactly one of the allowed versions (None: gone), and the records say the same."""
    assert agent.open_work() == []
    assert not [c for c in engine.containers() if re.match(r"^[0-9a-f]{12}_", c.name)]
    assert not [c for c in engine.containers() if c.state == "paused"]
    entries = {p["name"]: p for p in agent.show(agent.current())["projects"]}
    if engine.containers("web"):
        found = versions(engine)
        assert len(found) == 1, f"a mix of versions: {found}"
        version = int(found.pop())
        assert entries["web"]["status"] in ("good", "held")
        log = engine.read("web", "/data/log").split()
        assert log[-1] == str(version) and (rolled_back or "2" not in log or version == 2), f"data of another: {log}"
        assert (agent.live("web") / "conf/a").read_text() == str(version)
    else:
        version = None
        assert "web" not in entries or entries["web"]["status"] == "missing"
    assert version in allowed
    assert engine.version("other") == "1"
    # And it is an end: another run has nothing to do.
    ids = engine.ids("web")
    agent.compose_calls(clear=True)
    agent.sync(DONE, FAILED)
    assert engine.ids("web") == ids
    assert not [c for c in agent.compose_calls() if "up" in c or "down" in c]
    return version


@pytest.fixture
def at_one(repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    repo.deploy({**files(1), "other/compose.yaml": app(extra="restart: always")})
    agent.sync(DONE)
    engine.exec(engine.one("web", "two").id, "touch", "/data/precious")


@pytest.mark.parametrize("scenario, point", TABLE, ids=[f"{s}-{p}" for s, p in TABLE])
def test_agent_killed(scenario, point, repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    if scenario == "add":
        repo.deploy({"other/compose.yaml": app(extra="restart: always")})
    else:
        repo.deploy({**files(1), "other/compose.yaml": app(extra="restart: always")})
    agent.sync(DONE)
    if scenario != "add":
        engine.exec(engine.one("web", "two").id, "touch", "/data/precious")
    others = engine.ids("other")
    if scenario == "remove":
        repo.deploy(remove=["web"])
    else:
        new = files(2, good=scenario != "fail")
        if scenario == "hook":
            new["web/compose.yaml"] = json.dumps({**json.loads(new["web/compose.yaml"]), "x-mdc": HOOK})
        repo.deploy(new)
    killed = agent.sync(fault=f"{point}:kill")
    assert killed.code != DONE or "signal 9" in killed.text or "crash" in killed.text, \
        f"the point was not reached: {killed}"
    open_before = agent.open_work()
    recovered = agent.sync(DONE, FAILED)
    expected = {"change": [2], "add": [2], "fail": [1], "hook": [1], "remove": [None]}[scenario]
    whole(agent, engine, expected)
    assert engine.ids("other") == others
    if open_before:
        events = {e["event"] for e in agent.history()}
        assert "agent.recovered" in events, (open_before, recovered)
    if scenario != "add":
        assert "web_data" in engine.volumes()
    if scenario in ("change", "fail"):
        assert engine.exec(engine.one("web", "two").id, "ls", "/data").split() == ["log", "precious"]
    if scenario == "fail":
        assert recovered.code == FAILED or "held" in agent.run("status").text or "fail" in agent.run("status").text


@pytest.mark.slow
@pytest.mark.parametrize("point", ["files_half", "apply_done", "project_committed", "generation_written"])
def test_killed_twice(point, at_one, repo, agent, engine):
    """The recovery is killed as well."""
    repo.deploy(files(2))
    agent.sync(fault=f"{point}:kill")
    agent.sync(fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    whole(agent, engine, [1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("point", ["restore_cleared", "restore_built", "restore_half", "restore_swapped",
                                   "restore_aside", "restore_done", "undo_files", "undo_applied"])
def test_undo_killed_twice(point, at_one, repo, agent, engine):
    repo.deploy(files(2, good=False))
    agent.sync(fault=f"{point}:kill")
    agent.sync(fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    whole(agent, engine, [1])


@pytest.mark.parametrize("point", ["apply_done", "health_done", "project_committed", "projects_done"])
def test_atomic_killed(point, repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    repo.deploy({**files(1), "other/compose.yaml": app(extra="restart: always"), "third/compose.yaml": app(1),
                 "mdc.yaml": "version: 1\natomic: true\n"})
    agent.sync(DONE)
    repo.deploy({**files(2), "third/compose.yaml": app(2)})
    agent.sync(fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    version = whole(agent, engine, [1, 2])
    assert engine.version("third") == str(version), "all or none"


@pytest.mark.slow
@pytest.mark.parametrize("point", ["intent_written", "apply_done", "project_committed", "generation_written",
                                   "current_switched"])
def test_rollback_killed(point, at_one, repo, agent, engine):
    repo.deploy(files(2))
    agent.sync(DONE)
    agent.run("rollback", fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    whole(agent, engine, [1, 2], rolled_back=True)


@pytest.mark.parametrize("fault", WAY_OUT)
def test_cut_off_while_it_is_said_to_be_degraded(fault, repo, agent, engine, place):
    """The way back fails too, and the record of that is cut off or finds no room: never forgotten, `retry` leads out."""
    agent.health(settle="300ms", timeout="10s")
    web = Breakable(place)
    repo.deploy({"web/compose.yaml": web.app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": web.app(2)})
    agent.before("up", f"touch {web.flag}")
    in_park = fault.startswith("park")
    cut = agent.sync(fault="degrade_written:kill" if in_park else fault)
    assert cut.code not in (DONE, DEGRADED) and agent.open_work(), cut
    if in_park:
        agent.run("retry", "web", fault=fault)
        assert agent.open_work()
    said = agent.sync(DEGRADED)
    assert "web" in said.text and re.search(r"^web +degraded", agent.run("status").text, re.M)
    web.flag.unlink()
    agent.before("up", None)
    agent.run("retry", "web").expect(DONE)
    assert engine.version("web") == "2" and agent.open_work() == []
    assert re.search(r"^web +healthy", agent.run("status").text, re.M)


def test_whole_agent_killed_while_compose_works(at_one, repo, agent, engine):
    """Compose outlives the agent; the next start waits for it instead of working beside it."""
    repo.deploy(files(2))
    reached, go = agent.base / "reached", agent.base / "go"
    agent.before("up", f"touch {reached}; while [ ! -e {go} ]; do sleep 0.05; done")
    process = agent.start("sync")
    wait_until(reached.exists, 30)
    agent.kill_all()
    process.wait(10)
    next_one = agent.start("sync")
    go.touch()
    r = agent.finish(next_one)
    agent.before("up", None)
    assert r.code in (DONE, FAILED, LATER), r
    if r.code == LATER:
        agent.sync(DONE, FAILED)
    whole(agent, engine, [1, 2])


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_compose_killed_in_mid_apply(sig, at_one, repo, agent, engine):
    repo.deploy(files(2))
    old = set(engine.ids("web").values())
    process = agent.start("sync")
    wait_until(lambda: process.poll() is not None or [c for c in engine.containers("web") if c.id not in old], 30,
               every=0.005)
    for pid in agent.compose_processes():
        os.kill(pid, sig)
    r = agent.finish(process)
    assert r.code in (DONE, FAILED, LATER), r
    if r.code == LATER:
        agent.sync(DONE, FAILED)
    whole(agent, engine, [1, 2])


def test_compose_killed_again_and_again(at_one, repo, agent, engine):
    """Every `up` of the push and of the way back dies at once: then a person must look, and retry mends it."""
    repo.deploy(files(2))
    agent.before("up", "kill -9 $PPID; exit 9")
    r = agent.sync()
    assert r.code in (FAILED, DEGRADED, LATER), r
    agent.before("up", None)
    agent.run("retry").expect(DONE)
    whole(agent, engine, [2])


@pytest.mark.parametrize("when", ["applying", "judging"])
@pytest.mark.parametrize("kill", [True, False], ids=["kill", "stop"])
def test_engine_dies(when, kill, at_one, repo, agent, engine):
    agent.health(settle="2s", timeout="20s")
    repo.deploy(files(2))
    old = set(engine.ids("web").values())
    process = agent.start("sync")

    def now():
        new = [c for c in engine.containers("web") if c.id not in old]
        return process.poll() is not None or (new if when == "applying" else
                                              len([c for c in new if c.state == "running"]) == 2)
    wait_until(now, 30, every=0.01)
    engine.restart(kill=kill)
    r = agent.finish(process)
    assert r.code in (DONE, FAILED, LATER), r
    wait_until(lambda: agent.sync().code in (DONE, FAILED), 60)
    whole(agent, engine, [1, 2])
    assert engine.exec(engine.one("web", "two").id, "ls", "/data").split() == ["log", "precious"]


def test_sigterm_goes_on_at_the_next_start(at_one, repo, agent, engine):
    """SIGTERM never causes a rollback."""
    agent.health(settle="5s", timeout="20s")
    repo.deploy(files(2))
    old = set(engine.ids("web").values())
    process = agent.start("sync")
    wait_until(lambda: len([c for c in engine.containers("web") if c.id not in old and c.state == "running"]) == 2, 30)
    process.send_signal(signal.SIGTERM)
    r = agent.finish(process, 30)
    assert r.code in (LATER, DONE), r
    assert engine.version("web") == "2", "no rollback"
    agent.health(settle="300ms")
    agent.sync(DONE)
    whole(agent, engine, [2])


def test_torn_records_are_noticed(at_one, repo, agent, engine):
    """A record that a bad disk tore: said, never trusted, and what runs keeps running."""
    ids = engine.ids("web")
    target = agent.state / "projects/web/active.json"
    data = target.read_bytes()
    target.write_bytes(data[:len(data) // 2])
    r = agent.sync()
    assert engine.ids("web") == ids, r
    assert r.code != DONE or "web" in r.text or agent.open_work() == []
