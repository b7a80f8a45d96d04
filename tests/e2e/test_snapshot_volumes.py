"""
Which volumes are a project's own, and which are not: shared, foreign, deleted by hand, mounted, bound to a host's
directory, of another type. Clear words in the plan, and never a change to what is not ours. Shown by 5.
"""

import json
import os

import pytest

import sandbox
from agent import DONE, FAILED
from filesystems import FileSystem
from stacks import Place
from waiting import wait_until

WRITES = "echo $V >>/data/log; exec sleep 1000000"
GOOD = {"test": ["CMD", "true"], "interval": "200ms", "retries": 1}
BAD = {"test": ["CMD", "sh", "-c", "echo not good; exit 1"], "interval": "200ms", "retries": 1}


@pytest.fixture
def here(place, engine_on):
    p = Place(place, engine_on("btrfs"), families=())
    yield p
    p.close()


def service(v, good=True, volume="data", **more):
    """Each start of a version writes its number into the volume."""
    return {"image": f"app:{v}", "network_mode": "none", "environment": {"V": str(v)}, "stop_grace_period": "1s",
            "command": ["sh", "-c", WRITES.replace("$", "$$")], "volumes": [f"{volume}:/data"],
            "healthcheck": GOOD if good else BAD, **more}


def file(services, volumes):
    return json.dumps({"services": services, "volumes": volumes})


def log(path):
    return (path / "log").read_text().split()


def test_foreign_volumes_are_never_touched(here):
    """Another project's, a stranger's of the same engine: same directory, same times, same containers."""
    engine = here.engine
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, {"data": {}}),
                      "other/compose.yaml": file({"app": service(1)}, {"data": {}})})
    here.agent.sync(DONE)
    engine.create("mdct-plain", "app:1", ["sh", "-c", WRITES], NetworkMode="none", Binds=["plain:/data"])
    wait_until(lambda: (engine.volume_path("plain") / "log").exists())

    def look():
        found = {}
        for v in ("other_data", "plain"):
            for p in (engine.volume_path(v), engine.volume_path(v) / "log"):
                s = p.stat()
                found[p] = (s.st_ino, s.st_mtime_ns, s.st_ctime_ns)
        return found, [(c.id, c.state) for c in engine.containers() if c.project != "web"]
    before = look()
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, {"data": {}})})
    here.agent.sync(FAILED)
    assert log(engine.volume_path("web_data")) == ["1", "1"]
    assert look() == before


def test_shared_volume_is_left(here):
    """Two projects on one volume: the one that fails does not take the other's data back, and says so."""
    shared = {"data": {"name": "common"}}
    engine, agent = here.engine, here.agent
    writer = service(1, command=["sh", "-c", "while true; do echo tick >>/data/ticks; sleep 0.05; done"])
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, shared),
                      "other/compose.yaml": file({"app": writer}, shared)})
    agent.sync(DONE)
    other, data = engine.one("other").id, engine.volume_path("common")
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, shared)})
    plan = agent.run("plan").text
    assert "other" in plan and "common" in plan or "data" in plan, plan
    inode, size = data.stat().st_ino, (data / "ticks").stat().st_size
    r = agent.sync(FAILED)
    assert engine.one("other").id == other and engine.one("other").state == "running"
    assert engine.volume_path("common").stat().st_ino == inode, "not exchanged below a container that runs"
    assert log(data) == ["1", "2", "1"]
    assert "other" in r.text or "shared" in r.text, r
    wait_until(lambda: (data / "ticks").stat().st_size > size)
    assert engine.version("web") == "1"


def test_volume_deleted_by_hand(here):
    engine, agent = here.engine, here.agent
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, {"data": {}})})
    agent.sync(DONE)
    engine.remove(engine.one("web").id)
    engine.api("DELETE", "/volumes/web_data")
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, {"data": {}})})
    agent.run("plan").expect(DONE)
    agent.sync(FAILED)
    assert engine.version("web") == "1"
    assert log(engine.volume_path("web_data")) in (["1"], ["2", "1"])
    here.repo.deploy({"web/compose.yaml": file({"app": service(3)}, {"data": {}})})
    agent.sync(DONE)
    assert engine.version("web") == "3"


def fails_with_words(here, words, good_words=()):
    """Plan and report of a failing version 2 name the volume and why its data does not go back; 1 runs again."""
    plan = here.agent.run("plan").text
    assert any(w in plan for w in words), plan
    r = here.agent.sync(FAILED)
    assert here.engine.version("web") == "1"
    assert any(w in r.text for w in (*words, *good_words)), r
    return r


def test_volume_that_is_a_mount(here):
    """A disk of its own is mounted over the volume: no exchange is possible there."""
    engine, agent = here.engine, here.agent
    engine.api("POST", "/volumes/create", {"Name": "web_data", "Labels": {
        "com.docker.compose.project": "web", "com.docker.compose.volume": "data"}})
    path, disk = engine.volume_path("web_data"), FileSystem("ext4", name="disk", size=64 << 20)
    sandbox.run("mount", "--bind", str(disk.path), str(path))
    try:
        here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, {"data": {}})})
        agent.sync(DONE)
        assert log(path) == ["1"]
        here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, {"data": {}})})
        fails_with_words(here, ["mount"])
        assert log(disk.path) == ["1", "2", "1"] and os.path.ismount(path)
    finally:
        for c in engine.containers("web"):
            engine.remove(c.id)
        sandbox.run("umount", "-l", str(path), check=False)
        disk.close()


def test_mount_below_a_volume(here):
    engine, agent = here.engine, here.agent
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, {"data": {}})})
    agent.sync(DONE)
    path = engine.volume_path("web_data")
    (path / "below").mkdir()
    sandbox.run("mount", "-t", "tmpfs", "none", str(path / "below"))
    try:
        (path / "below/precious").write_text("x")
        here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, {"data": {}})})
        fails_with_words(here, ["mount"])
        assert (path / "below/precious").read_text() == "x"
    finally:
        sandbox.run("umount", "-l", str(path / "below"), check=False)


def test_bound_volume(here, place):
    """`o: bind`: the data is where the device is; `_data` is empty whenever nothing runs."""
    engine, agent = here.engine, here.agent
    data = engine.fs.path / f"srv-{place.name}"
    data.mkdir()
    volumes = {"data": {"driver_opts": {"type": "none", "o": "bind", "device": str(data)}}}
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, volumes)})
    agent.sync(DONE)
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, volumes)})
    agent.sync(FAILED)
    assert log(data) == ["1", "1"]
    failed, = here.records("failed")
    assert [v["path"] for v in failed["volumes"]] == [str(data)]
    with open(f"{failed['volumes'][0]['place']}/log", encoding="utf-8") as f:
        assert f.read().split() == ["1", "2"]


def test_volume_of_another_type(here):
    """A volume that the engine mounts itself (NFS, CIFS, tmpfs): named, not copied, and no reason to refuse."""
    volumes = {"data": {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}}
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, volumes)})
    here.agent.sync(DONE)
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, volumes)})
    fails_with_words(here, ["tmpfs"])
    assert here.records() == []


def test_external_volume(here):
    here.engine.api("POST", "/volumes/create", {"Name": "outside"})
    volumes = {"data": {"external": True, "name": "outside"}}
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, volumes)})
    here.agent.sync(DONE)
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, volumes)})
    fails_with_words(here, ["external"])
    assert log(here.engine.volume_path("outside")) == ["1", "2", "1"]


def test_listed_paths(here, place):
    """`./data` of the project and a directory of the host, listed in the settings, go back too; others stay."""
    engine, agent = here.engine, here.agent
    srv = engine.fs.path / f"listed-{place.name}"
    srv.mkdir()
    app = service(1)
    app["volumes"] = [f"{srv}:/data"]
    here.repo.deploy({"web/compose.yaml": file({"app": app}, {}),
                      "mdc.yaml": f"version: 1\nprojects: {{web: {{snapshot: {{paths: ['{srv}']}}}}}}\n"})
    agent.sync(DONE)
    bad = service(2, good=False)
    bad["volumes"] = app["volumes"]
    here.repo.deploy({"web/compose.yaml": file({"app": bad}, {})})
    agent.sync(FAILED)
    assert log(srv) == ["1", "1"]
    assert [v["bind"] for v in here.records("failed")[-1]["volumes"]] == [True]


def test_settings_leave_data_as_it_is(here):
    """restore: never and manual: the failed version's data stays in place, the copy is kept for a person."""
    engine, agent = here.engine, here.agent
    here.repo.deploy({"web/compose.yaml": file({"app": service(1)}, {"data": {}}),
                      "mdc.yaml": "version: 1\nprojects: {web: {snapshot: {restore: manual}}}\n"})
    agent.sync(DONE)
    here.repo.deploy({"web/compose.yaml": file({"app": service(2, good=False)}, {"data": {}})})
    r = agent.sync(FAILED)
    assert log(engine.volume_path("web_data")) == ["1", "2", "1"]
    assert len(here.records("trial")) == 1 and here.records("failed") == []
    assert agent.open_work() == []
    assert here.records("trial")[0]["id"] in r.text, r
