"""
Data goes back with the code: snapshots inside a trial, and what an undo does with them. On whatever file system the
tests' engine has (reflink or copy). Databases and other file systems are in test_snapshot_*.py.
"""

import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from agent import DEGRADED, DONE, FAILED, LATER
from waiting import wait_until


def volume(engine, name="web_data"):
    return Path(engine.api("GET", f"/volumes/{name}")["Mountpoint"])


def compose(v, good=True, migrate=True, extra=None, volumes=("data",)):
    """One service that on its start writes what it did to its data ("migrates") and then is healthy, or is not."""
    script = f"echo v{v} >>/data/log; " if migrate else ""
    if migrate and v > 1:
        script += f"mv /data/schema /data/schema-{v}; echo {v} >/data/schema; "
    script += "exec sleep 1000000"
    app = {"image": f"app:{v}", "network_mode": "none", "restart": "always", "command": ["sh", "-c", script],
           "volumes": [f"{x}:/{x}" for x in volumes],
           "healthcheck": {"test": ["CMD", "true" if good else "false"], "interval": "200ms", "timeout": "2s",
                           "retries": 2}}
    return json.dumps({"services": {"app": app, **(extra or {})}, "volumes": {x: {} for x in volumes}})


def push(repo, v, good=True, settings="", **kw):
    files = {"web/compose.yaml": compose(v, good, **kw)}
    if settings:
        files["mdc.yaml"] = "version: 1\nprojects:\n  web:\n" + settings
    return repo.deploy(files)


def records(agent, kind=None):
    """Snapshot records from the disk, oldest first."""
    found = []
    for p in sorted((agent.state / "snapshots").glob("*.json")):
        text = p.read_text()
        found.append(json.loads(text[text.index("{"):text.rindex("}") + 1]))
    return sorted((r for r in found if kind is None or r["kind"] == kind), key=lambda r: r["made"])


def copies(agent, engine):
    """Places of copies on the disk."""
    stores = [agent.state / "snapshots", *(engine.base / "data/.mdc-agent").glob("*")]
    return sorted(str(c) for s in stores for d in s.glob("*") if d.is_dir() for c in d.iterdir())


def tidy(agent, engine):
    """Every copy has its record, and every record its copy; nothing is left beside a volume."""
    places = {v["place"] for r in records(agent) for v in r["volumes"] if v.get("place") and not v.get("moved")}
    assert places == set(copies(agent, engine))
    for name in engine.volumes():
        if name.startswith("web_"):
            assert os.listdir(volume(engine, name).parent) == ["_data"]


def running(engine, project="web"):
    return sorted(c.name for c in engine.containers(project) if c.state == "running")


@pytest.fixture
def at_one(repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    push(repo, 1)
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "sh", "-c", "echo 1 >/data/schema; echo precious >/data/user")
    return volume(engine)


def is_at_one(data):
    assert (data / "schema").read_text() == "1\n"
    assert (data / "user").read_text() == "precious\n"
    assert not (data / "schema-2").exists()
    assert "v2" not in (data / "log").read_text()


def test_a_failing_upgrade_takes_its_data_along(at_one, repo, agent, engine):
    other = push
    repo.deploy({"other/compose.yaml": compose(1)})
    agent.sync(DONE)
    bystander = volume(engine, "other_data").stat()
    push(repo, 2, good=False)
    r = agent.sync(FAILED)
    assert other and engine.version("web") == "1"
    is_at_one(at_one)
    assert (at_one / "log").read_text().splitlines()[-1] == "v1", "the old version runs on it again"
    kept = records(agent, "failed")
    assert len(kept) == 1 and kept[0]["id"] in r.text
    failed = Path(kept[0]["volumes"][0]["place"])
    assert (failed / "schema").read_text() == "2\n" and (failed / "user").read_text() == "precious\n"
    assert "v2" in (failed / "log").read_text()
    assert volume(engine, "other_data").stat().st_ino == bystander.st_ino
    events = [e["event"] for e in agent.history()]
    assert events.index("snapshot.made") < events.index("snapshot.restored") < events.index("project.rolled-back")
    assert agent.open_work() == []
    tidy(agent, engine)


def test_an_upgrade_keeps_its_data(at_one, repo, agent, engine):
    push(repo, 2)
    agent.sync(DONE)
    assert (at_one / "schema").read_text() == "2\n" and (at_one / "user").read_text() == "precious\n"
    made = records(agent, "trial")
    assert len(made) == 1 and made[0]["volumes"][0]["mount"] == "data"
    copy = Path(made[0]["volumes"][0]["place"])
    assert (copy / "schema").read_text() == "1\n" and (copy / "user").read_text() == "precious\n"
    tidy(agent, engine)


def test_without_volumes_nothing_is_copied(repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    push(repo, 1, volumes=(), migrate=False)
    agent.sync(DONE)
    push(repo, 2, volumes=(), migrate=False)
    agent.sync(DONE)
    assert records(agent) == []
    assert "snapshot.made" not in [e["event"] for e in agent.history()]


def test_settings_can_leave_it_out(at_one, repo, agent, engine):
    push(repo, 2, good=False, settings="    snapshot: {volumes: none}\n")
    agent.sync(FAILED)
    assert records(agent) == [] and (at_one / "schema").read_text() == "2\n"


@pytest.mark.parametrize("quiesce", ["stop", "pause"])
def test_who_is_held(quiesce, repo, agent, engine):
    """The service that does not change shares the volume: held for the copy, then it goes on as the same container."""
    agent.health(settle="300ms", timeout="10s")
    two = {"two": {"image": "app:1", "network_mode": "none", "volumes": ["data:/data"], "restart": "always"}}
    settings = f"    snapshot: {{quiesce: {quiesce}}}\n"
    push(repo, 1, extra=two, settings=settings)
    agent.sync(DONE)
    data = volume(engine)
    engine.exec(engine.one("web").id, "sh", "-c", "echo 1 >/data/schema")
    two_id = engine.one("web", "two").id
    push(repo, 2, good=False, extra=two)
    r = agent.sync(FAILED)
    assert engine.one("web", "two").id == two_id and engine.one("web", "two").state == "running"
    assert engine.version("web") == "1"
    # It wrote to the volume all the time: that is not undone without being asked.
    assert "not put back: data" in r.text and (data / "schema").read_text() == "2\n"
    copy = Path(records(agent, "trial")[0]["volumes"][0]["place"])
    assert (copy / "schema").read_text() == "1\n"
    tidy(agent, engine)


def test_restore_manual_is_said(at_one, repo, agent, engine):
    push(repo, 2, good=False, settings="    snapshot: {restore: {data: manual}}\n")
    r = agent.sync(FAILED)
    assert (at_one / "schema").read_text() == "2\n" and "restore: manual" in r.text
    assert records(agent, "trial")[0]["id"] in r.text
    assert engine.version("web") == "1"


def test_a_volume_of_two_projects(at_one, repo, agent, engine):
    """Never restored by itself: the other project did nothing wrong, and is never held."""
    cid = engine.create("passer-by", "app:1", ["sleep", "1000000"], NetworkMode="none",
                        Binds=["web_data:/data:ro"])
    started = engine.inspect(cid)["State"]["StartedAt"]
    push(repo, 2, good=False)
    r = agent.sync(FAILED)
    now = engine.inspect(cid)["State"]
    assert now["Running"] and now["StartedAt"] == started
    assert "passer-by" in r.text or "passer-by" in json.dumps(agent.history())
    assert (at_one / "schema").read_text() == "2\n"
    assert engine.version("web") == "1"


def test_several_volumes_go_together(repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    push(repo, 1, volumes=("data", "more"))
    agent.sync(DONE)
    for v in ("data", "more"):
        engine.exec(engine.one("web").id, "sh", "-c", f"echo one >/{v}/file; echo 1 >/data/schema")
    push(repo, 2, good=False, volumes=("data", "more"))
    agent.sync(FAILED)
    assert (volume(engine, "web_more") / "file").read_text() == "one\n"
    assert (volume(engine) / "schema").read_text() == "1\n"
    assert len(records(agent, "failed")[0]["volumes"]) == 2
    tidy(agent, engine)


def test_anonymous_volumes_and_paths(repo, agent, engine, place):
    """What no Compose file names is data too; a listed path of the host as well."""
    agent.health(settle="300ms", timeout="10s")
    host = place / "host data"
    host.mkdir()
    settings = f'    snapshot: {{paths: ["{host}", ./files]}}\n'

    def version(v, good=True):
        script = f"echo v{v} >>/anon/log; echo v{v} >>/host/log; echo v{v} >>/files/log; exec sleep 1000000"
        app = {"image": f"app:{v}", "network_mode": "none", "restart": "always", "command": ["sh", "-c", script],
               "volumes": ["/anon", f"{host}:/host", "./files:/files"],
               "healthcheck": {"test": ["CMD", "true" if good else "false"], "interval": "200ms", "timeout": "2s",
                               "retries": 2}}
        repo.deploy({"web/compose.yaml": json.dumps({"services": {"app": app}}),
                     "mdc.yaml": "version: 1\nprojects:\n  web:\n" + settings})
    version(1)
    agent.sync(DONE)
    version(2, good=False)
    agent.sync(FAILED)
    for d in ("anon", "host", "files"):
        assert engine.read("web", f"/{d}/log").splitlines() == ["v1", "v1"], d
    c = engine.inspect(engine.one("web").id)
    assert c["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert (host / "log").read_text() == "v1\nv1\n"


def test_volumes_without_a_project(repo, agent, engine):
    """The first deployment finds data of an earlier life."""
    agent.health(settle="300ms", timeout="10s")
    engine.api("POST", "/volumes/create", {"Name": "web_data", "Labels": {
        "com.docker.compose.project": "web", "com.docker.compose.volume": "data"}})
    data = volume(engine)
    (data / "schema").write_text("1\n")
    push(repo, 2, good=False)
    agent.sync(FAILED)
    assert engine.containers("web") == []
    assert sorted(os.listdir(data)) == ["schema"] and (data / "schema").read_text() == "1\n"
    tidy(agent, engine)


def hook(script, which="before_snapshot"):
    return f'    hooks: {{{which}: {{service: app, command: [sh, -c, "{script}"], timeout: 2s}}}}\n'


def test_hooks(at_one, repo, agent, engine):
    push(repo, 2, settings=hook("echo dump >/data/dump"))
    agent.sync(DONE)
    copy = Path(records(agent, "trial")[0]["volumes"][0]["place"])
    assert (copy / "dump").read_text() == "dump\n"


@pytest.mark.parametrize("script", ["echo no space for a dump; exit 3", "sleep 60"], ids=["fails", "hangs"])
def test_a_hook_that_fails(script, at_one, repo, agent, engine):
    before = engine.one("web")
    push(repo, 2, settings=hook(script))
    r = agent.sync(FAILED)
    assert engine.one("web").id == before.id and engine.one("web").status.startswith("Up")
    assert "before_snapshot" in r.text and ("no space for a dump" in r.text or "longer than 2" in r.text)
    is_at_one(at_one)
    assert agent.open_work() == [] and records(agent) == [] and copies(agent, engine) == []
    running = engine.commands(before.id)
    assert running and "sleep 60" not in str(running)
    agent.sync()
    assert engine.one("web").id == before.id, "the same content is not tried again"


def test_none_needs_an_atomic_driver(at_one, repo, agent, engine):
    before = engine.one("web").id
    push(repo, 2, settings="    snapshot: {quiesce: none}\n")
    r = agent.sync()
    if r.code == FAILED:
        assert "quiesce" in r.text and engine.one("web").id == before
        assert records(agent) == []
    else:
        assert records(agent)[0]["volumes"][0]["driver"] in ("btrfs", "zfs")


@pytest.mark.parametrize("point", ["snapshot_begun", "quiesced", "snapshot_half", "snapshot_copied", "snapshot_made"])
@pytest.mark.parametrize("errno", [28, 5])
def test_a_snapshot_that_fails(point, errno, at_one, repo, agent, engine):
    """Nothing is deployed, everything runs as before, and it is tried again."""
    if errno == 5 and point not in ("quiesced", "snapshot_half"):
        pytest.skip("once is enough")
    before = engine.one("web").id
    push(repo, 2)
    r = agent.sync(LATER, fault=f"{point}:{errno}")
    assert engine.one("web").id == before and engine.one("web").state == "running", r
    is_at_one(at_one)
    assert records(agent) == [] and copies(agent, engine) == [] and agent.open_work() == []
    assert "snapshot.failed" in [e["event"] for e in agent.history()]
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_new_files_that_cannot_be_written(at_one, repo, agent, engine):
    """It shows before anybody is held."""
    before = engine.inspect(engine.one("web").id)
    push(repo, 2)
    agent.sync(LATER, fault="files_ready:28")
    now = engine.inspect(engine.one("web").id)
    assert now["Id"] == before["Id"] and now["State"]["StartedAt"] == before["State"]["StartedAt"]
    is_at_one(at_one)
    assert records(agent) == [] and agent.open_work() == []
    assert "snapshot.failed" not in [e["event"] for e in agent.history()]
    agent.sync(DONE)
    assert engine.version("web") == "2"


@pytest.mark.parametrize("point", ["restore_cleared", "restore_built", "restore_half", "restore_swapped",
                                   "restore_aside", "restore_done"])
def test_an_undo_with_a_disk_error(point, at_one, repo, agent, engine):
    push(repo, 2, good=False)
    r = agent.sync(FAILED, LATER, fault=f"{point}:28")
    if r.code == LATER:
        agent.sync()
    assert engine.version("web") == "1"
    is_at_one(at_one)
    assert len(records(agent, "failed")) == 1
    assert (Path(records(agent, "failed")[0]["volumes"][0]["place"]) / "schema").read_text() == "2\n"
    assert agent.open_work() == []
    tidy(agent, engine)


@pytest.mark.parametrize("fault", [None, "restore_aside:kill"])
def test_what_cannot_be_moved_is_kept_beside(fault, at_one, repo, agent, engine):
    """Each of it under a name of its own: the next restore builds at the place where the first would lie. Killed once it
    lies there, the next start finds it."""
    agent.configure(retention={"snapshots": 20})
    built = at_one.parent / "._data.mdc-restore"
    for v in (2, 3):
        push(repo, v, good=False)
        # The first exchanges, the second sets aside.
        r = agent.traced("-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EIO:when=2", fault=fault)
        assert r.returncode == FAILED or fault, r
        assert bool(agent.open_work()) == bool(fault)
        if fault:
            agent.sync(FAILED, DONE)
        assert engine.version("web") == "1"
        is_at_one(at_one)
    kept = [Path(r["volumes"][0]["place"]) for r in records(agent, "failed")]
    assert [p.parent for p in kept] == [at_one.parent] * 2 and built not in kept
    assert [(p / "schema").read_text() for p in kept] == ["2\n", "3\n"]
    agent.run("snapshots", "prune", *(r["id"] for r in records(agent, "failed")), "--yes").expect(DONE)
    assert not any(p.exists() for p in kept)
    tidy(agent, engine)


def test_a_full_disk_while_applying_goes_back(at_one, repo, agent, engine):
    """Not forward for ever: half of the new one must not stay."""
    push(repo, 2)
    for _ in range(2):
        agent.sync(LATER, fault="files_placed:28:*")
        assert engine.version("web") == "1" and engine.one("web").state == "running"
        is_at_one(at_one)
        assert agent.open_work() == []
    agent.sync()
    assert engine.version("web") == "1", "twice is enough"
    agent.run("retry").expect(DONE)
    assert engine.version("web") == "2"


@pytest.mark.parametrize("point", ["quiesced", "snapshot_half", "snapshot_copied", "snapshot_made"])
@pytest.mark.parametrize("quiesce", ["stop", "pause"])
def test_the_guard_lets_go(point, quiesce, repo, agent, engine):
    """kill -9 of the agent, and it does not come back: what it held runs again within seconds."""
    if quiesce == "pause" and point != "snapshot_half":
        pytest.skip("once is enough")
    agent.health(settle="300ms", timeout="10s")
    push(repo, 1, settings=f"    snapshot: {{quiesce: {quiesce}}}\n")
    agent.sync(DONE)
    before = engine.one("web").id
    push(repo, 2)
    agent.sync(fault=f"{point}:kill")
    wait_until(lambda: engine.one("web").state == "running", 20)
    assert engine.one("web").id == before
    assert agent.open_work(), "that is for the next start"
    agent.sync(DONE)
    assert engine.version("web") == "2"
    tidy(agent, engine)


@pytest.mark.parametrize("guarded", [True, False])
def test_killed_with_its_whole_group(guarded, at_one, repo, agent, engine):
    push(repo, 2)
    slow = at_one / "slow"
    slow.mkdir()
    for i in range(6000):
        (slow / str(i)).write_bytes(b"x")
    process = agent.start("sync")
    wait_until(lambda: process.poll() is not None or engine.one("web").state == "exited", 30, every=0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    if guarded:
        wait_until(lambda: engine.one("web").state == "running", 20)
    else:  # as a power cut
        agent.kill_all()
    agent.sync(DONE)
    assert engine.version("web") == "2"
    tidy(agent, engine)


def test_killed_twice_while_copying(at_one, repo, agent, engine):
    """The content is not tried a third time: each try stops the project for a while."""
    push(repo, 2)
    agent.sync(fault="snapshot_half:kill")
    agent.sync(fault="snapshot_half:kill")
    agent.sync()
    assert engine.version("web") == "1" and engine.one("web").state == "running"
    assert "died twice" in agent.run("status").text
    tidy(agent, engine)


def test_a_polite_stop_while_copying(at_one, repo, agent, engine):
    slow = at_one / "slow"
    slow.mkdir()
    for i in range(6000):
        (slow / str(i)).write_bytes(b"x")
    push(repo, 2)
    process = agent.start("sync")
    wait_until(lambda: process.poll() is not None or engine.one("web").state == "exited", 30, every=0.002)
    process.send_signal(signal.SIGTERM)
    r = agent.finish(process)
    if r.code == LATER:
        assert engine.runs("web", 1) or engine.runs("web", 2)
    agent.sync(DONE)
    assert engine.version("web") == "2"
    tidy(agent, engine)


def test_engine_dies_while_data_goes_back(at_one, repo, agent, engine):
    """No container on half-restored volumes, whatever its restart policy says."""
    push(repo, 2, good=False)
    agent.sync(fault="restore_built:kill")
    engine.restart(kill=True)
    assert [c for c in engine.containers("web") if c.state == "running"] == []
    agent.sync()
    assert engine.version("web") == "1"
    is_at_one(at_one)
    tidy(agent, engine)


def test_atomic_goes_back_with_its_data(repo, agent, engine):
    agent.health(settle="300ms", timeout="10s")
    both = {"third/compose.yaml": compose(1, volumes=()), "mdc.yaml": "version: 1\natomic: true\n"}
    repo.deploy({"web/compose.yaml": compose(1), **both})
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "sh", "-c", "echo 1 >/data/schema; echo precious >/data/user")
    repo.deploy({"web/compose.yaml": compose(2),
                 "third/compose.yaml": compose(2, good=False, migrate=False, volumes=())})
    agent.sync(FAILED)
    assert engine.version("web") == "1" and engine.version("third") == "1"
    is_at_one(volume(engine))
    tidy(agent, engine)


def test_writers_seen_from_outside(at_one, repo, agent, engine):
    """What was written and acknowledged before the stop is in the copy: nothing is lost by an undo."""
    seen, over = [], threading.Event()
    name = at_one / "journal"

    def write():
        n = 0
        cid = engine.one("web").id
        while not over.is_set():
            n += 1
            try:
                if engine.exec(cid, "sh", "-c", f"echo {n} >>/data/journal && sync && echo yes") == "yes":
                    seen.append(n)
            except Exception:  # pylint: disable=broad-except
                return  # it was stopped
            over.wait(0.005)
    t = threading.Thread(target=write)
    t.start()
    wait_until(lambda: len(seen) > 5, 20)
    push(repo, 2, good=False)
    agent.sync(FAILED)
    over.set()
    t.join(30)
    written = {int(x) for x in name.read_text().split()}
    assert set(seen) <= written
    is_at_one(at_one)


def test_degraded_is_not_left_half_restored(at_one, repo, agent, engine):
    """Compose dies at each way back: the data is the old one all the same, and retry mends it."""
    push(repo, 2, good=False)
    marker = agent.base / "second"
    agent.before("up", f"if [ -e {marker} ]; then exit 9; fi; touch {marker}")
    r = agent.sync()
    assert r.code == DEGRADED, r
    agent.before("up", None)
    is_at_one(at_one)
    assert re.search(r"kept in snapshot \S+", r.text)
    push(repo, 3)
    agent.run("retry").expect(DONE)
    assert engine.version("web") == "3" and (at_one / "user").read_text() == "precious\n"


@pytest.fixture
def at_two(at_one, repo, agent, engine):
    """Version 2, well, with data of its own; the data of version 1 is in its snapshot."""
    push(repo, 2)
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "sh", "-c", "echo second >/data/user")
    return at_one


def is_at_two(data):
    assert (data / "schema").read_text() == "2\n" and (data / "user").read_text() == "second\n"


def test_rollback_with_data(at_two, agent, engine):
    agent.run("rollback", "--restore-volumes", "--yes").expect(DONE)
    assert engine.version("web") == "1"
    is_at_one(at_two)
    left = [r for r in records(agent) if r["before"] == 3]
    assert len(left) == 1, "what was left behind is a snapshot"
    is_at_two(Path(left[0]["volumes"][0]["place"]))
    assert [r for r in records(agent) if r["before"] == 2], "its source stays"
    tidy(agent, engine)


@pytest.mark.parametrize("point", ["snapshot_made", "intent_written", "restore_cleared", "restore_built", "restore_half",
                                   "restore_swapped", "restore_aside", "restore_done", "files_placed"])
def test_rollback_with_data_killed(point, at_two, agent, engine):
    """Old or new, content and data alike."""
    agent.run("rollback", "--restore-volumes", "--yes", fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    assert agent.open_work() == []
    if engine.version("web") == "1":
        is_at_one(at_two)
    else:
        is_at_two(at_two)
    assert engine.one("web").state == "running"
    tidy(agent, engine)


@pytest.mark.parametrize("point", ["restore_cleared", "restore_built", "restore_swapped", "restore_aside",
                                   "restore_done"])
def test_restore_by_hand_killed(point, at_two, agent, engine):
    """It was asked for and goes on to its end."""
    first = records(agent, "trial")[0]["id"]
    agent.run("restore", first, "--yes", fault=f"{point}:kill")
    agent.sync(DONE, FAILED)
    assert agent.open_work() == []
    assert engine.version("web") == "2" and engine.one("web").state == "running"
    # Version 2 came up on the data of version 1: it migrates it.
    assert (at_two / "user").read_text() == "precious\n"
    aside = records(agent, "manual")
    assert len(aside) == 1
    is_at_two(Path(aside[0]["volumes"][0]["place"]))
    tidy(agent, engine)


def test_restore_by_hand_that_cannot_be(at_two, agent, engine):
    first = records(agent, "trial")[0]["id"]
    before = engine.one("web").id
    cid = engine.create("passer-by", "app:1", ["sleep", "1000000"], NetworkMode="none",
                        Binds=["web_data:/data:ro"])
    r = agent.run("restore", first, "--yes")
    assert r.code != DONE, r
    is_at_two(at_two)
    assert engine.one("web").id == before and engine.one("web").state == "running"
    engine.remove(cid)
    r = agent.run("restore", first, "--yes", fault="restore_half:28").expect(DONE, LATER)
    assert agent.open_work() == [] or agent.sync()
    tidy(agent, engine)
