"""
kill -9 and a full disk while volumes are copied and put back: at fault points of that part, and at system calls chosen
evenly from those that change something (MDC_E2E_POINTS: how many, default 3 of each; from 20 on each fault point with
each driver too). Afterwards the data is old or new, whole; the old version runs on it; nothing is left over after the
next start. Shown by 4.
"""

import collections
import errno
import json
import os
import re
from pathlib import Path

import pytest

from agent import DEGRADED, DONE, FAILED, LATER, ROOT
from stacks import DRIVERS, Place, copies_below
from waiting import wait_until

SAMPLES = int(os.environ.get("MDC_E2E_POINTS", "3"))
FILES = 12
POINTS = re.findall(r"^FAULT_POINT\(((?:snap|quiesce|restore)\w*)\)", (ROOT / "common/fault.def").read_text(), re.M)
CASES = ["btrfs", "copy"]
# test_kill.py kills at each point as well, on the machine's own file system: here a choice of them will do.
TABLE = [(case, p) for p in POINTS for case in CASES] if SAMPLES >= 20 else [("btrfs", p) for p in POINTS[1::2]]
FULL_AT = POINTS if SAMPLES >= 20 else POINTS[::3]

# Version 1 makes the data where there is none; version 2 changes each file; health wants all of one kind.
SCRIPT = """
if [ "$V" != 1 ] || [ ! -e /data/f1 ]; then
	for i in $(seq {n}); do echo $V >/data/f$i; done
fi
touch /tmp/prepared
exec sleep 1000000
"""
CHECK = """
until [ -e /tmp/prepared ]; do sleep 0.05; done
for i in $(seq {n}); do [ "$(cat /data/f$i)" = 1 ] || {{ echo data of another version; exit 1; }}; done
"""


def compose(v, stamp=0):
    def script(text):
        return ["sh", "-c", text.format(n=FILES).replace("$", "$$")]
    s = {"image": f"app:{v}", "network_mode": "none", "environment": {"V": str(v), "STAMP": str(stamp)},
         "restart": "always", "stop_grace_period": "1s", "command": script(SCRIPT),
         "healthcheck": {"test": ["CMD", *script(CHECK)], "interval": "200ms", "timeout": "20s", "retries": 1}}
    return json.dumps({"services": {"app": {**s, "volumes": ["data:/data"]}, "two": {**s, "volumes": ["more:/data"]}},
                       "volumes": {"data": {}, "more": {}}})


class Project:
    """`web`, deployed in version 1, with two volumes of two services."""

    def __init__(self, place):
        self.place, self.agent, self.engine = place, place.agent, place.engine
        self.agent.health(settle="300ms", timeout="20s")
        self.push(1)
        self.agent.sync(DONE)
        for v in self.volumes():
            (v / "precious").write_text("x")

    def push(self, v, stamp=0, point=None):
        files = {"web/compose.yaml": compose(v, stamp)}
        if point == "snapshot_abandoned":  # only a snapshot that fails gets there
            files["mdc.yaml"] = ("version: 1\nprojects:\n  web:\n    hooks:\n"
                                 "      before_snapshot: {service: app, command: ['false']}\n")
        self.place.repo.deploy(files)

    def volumes(self):
        return [self.engine.volume_path(f"web_{v}") for v in ("data", "more")]

    def data(self, *volumes):
        """What all files of these volumes say; without any: of both."""
        return {(p / f"f{i}").read_text().strip() for p in volumes or self.volumes() for i in range(1, FILES + 1)}

    def places(self):
        """Everything where this agent's copies lie: a directory for each snapshot, in it one for each volume."""
        return set(copies_below(self.engine, self.agent).glob("*/*"))

    def whole(self, version="1"):
        assert self.agent.open_work() == []
        assert sorted(c.state for c in self.engine.containers("web")) == ["running", "running"]
        assert {self.engine.version("web", s) for s in ("app", "two")} == {version}
        assert self.data() == {version}
        for v in self.volumes():
            assert (v / "precious").read_text() == "x"
            assert os.listdir(v.parent) == ["_data"], "something is left beside a volume"
        recorded = {Path(v["place"]) for r in self.place.records() for v in r["volumes"]
                    if v.get("place") and not v.get("moved")}
        assert all(p.is_dir() for p in recorded), f"records without copies: {recorded - self.places()}"
        assert self.places() == recorded, "copies without records"
        volumes = self.engine.data_root / "volumes"
        assert {p.name for p in volumes.iterdir() if p.is_dir()} == set(self.engine.volumes())
        ids = self.engine.ids("web")
        self.agent.sync(DONE, FAILED)
        assert self.engine.ids("web") == ids, "it was an end: another run has nothing to do"


@pytest.fixture
def project_at(place, engine_on):
    made = []

    def get(case):
        kind, snapshots, _ = DRIVERS[case]
        made.append(Place(place, engine_on(kind), snapshots, families=()))
        return Project(made[-1])
    yield get
    for p in made:
        p.close()


def settle(agent):
    """Syncs until there is an end; what is said to be tried later is tried."""
    for _ in range(5):
        r = agent.sync()
        assert r.code != DEGRADED, r
        if r.code in (DONE, FAILED):
            return r
    raise AssertionError(r)


@pytest.mark.parametrize("case, point", TABLE, ids=[f"{c}-{p}" for c, p in TABLE])
def test_killed_at_a_point(case, point, project_at):
    p = project_at(case)
    p.push(2, point=point)
    killed = p.agent.sync(fault=f"{point}:kill")
    assert killed.code != DONE or "signal 9" in killed.text, f"the point was not reached: {killed}"
    each = [p.data(v) for v in p.volumes()]
    assert [len(x) for x in each] == [1, 1], f"a mix: {each}"
    assert each[0] == each[1] or not p.engine.running("web"), "it runs on volumes that do not belong together"
    settle(p.agent)
    p.whole()


@pytest.mark.parametrize("point", FULL_AT)
def test_disk_full_at_a_point(point, project_at):
    p = project_at("copy")
    p.push(2, point=point)
    r = p.agent.sync(fault=f"{point}:{errno.ENOSPC}")
    assert r.code in (FAILED, LATER), r
    settle(p.agent)
    p.whole()


def test_guard_lets_go(project_at):
    """The agent dies while it holds containers, and does not come back: the guard starts them again."""
    p = project_at("copy")
    p.push(2)
    held = [x for x in POINTS if "quiesce" in x]
    assert held, POINTS
    p.agent.sync(fault=f"{held[0]}:kill")
    wait_until(lambda: p.engine.running("web") == ["app", "two"], 20, lambda: f"nobody starts {p.engine.containers()}")
    assert p.data() == {"1"}
    settle(p.agent)
    p.whole()


# ---- system calls ----------------------------------------------------------------------------------
CHANGES = ("renameat2,rename,ioctl,mkdirat,mkdir,unlinkat,unlink,fsync,fdatasync,syncfs,symlinkat,copy_file_range,"
           "fchownat,fchmodat,utimensat,rmdir")


def calls(log):
    """(name of the call, how often the busiest of our processes made it), from a trace with -ff."""
    most = collections.Counter()
    for path in log.parent.glob(f"{log.name}.*"):
        counts = collections.Counter(re.findall(r"^(\w+)\(", path.read_text(errors="replace"), re.M))
        for name, n in counts.items():
            most[name] = max(most[name], n)
    return most


def chosen(most, n):
    """n of all these calls, evenly: (name, which one)."""
    every = [(name, k) for name in sorted(most) for k in range(1, most[name] + 1)]
    return [every[(2 * i + 1) * len(every) // (2 * n)] for i in range(min(n, len(every)))]


@pytest.mark.parametrize("call", ["renameat2", "syncfs"])
def test_killed_while_a_volume_becomes_a_subvolume(call, project_at):
    """Its worker dies while the subvolume that it becomes lies beside it: the one that takes over removes that."""
    p = project_at("btrfs")
    for k in (1, 2):  # of the two volumes
        p.push(2, stamp=k)
        r = p.agent.traced("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={k}")
        assert "signal 9" in r.stdout + r.stderr or r.returncode != DONE, "nobody was killed"
        for v in p.volumes():
            assert os.listdir(v.parent) == ["_data"], f"{call} {k}: something is left beside a volume"
        p.agent.run("suspend").expect(DONE)
        settle(p.agent)
        p.whole()
        p.agent.run("resume")
        p.push(1, stamp=k)
        settle(p.agent)


@pytest.mark.parametrize("case", CASES)
def test_system_calls(case, project_at, place):
    """A failing upgrade, from its first to its last change: killed, and without room, at system calls."""
    p = project_at(case)
    p.push(2, stamp="count")
    log = place / "trace"
    r = p.agent.traced("-ff", "-o", str(log), "-e", f"trace={CHANGES}")
    assert r.returncode == FAILED, r
    p.whole()
    most = calls(log)
    assert most["renameat2"] >= 2, most
    tried = []
    for what in ("signal=SIGKILL", "error=ENOSPC"):
        for name, k in chosen(most, SAMPLES):
            tried.append(f"{what} at {name} {k}")
            p.push(2, stamp=tried[-1])
            r = p.agent.traced("-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={k}")
            p.agent.kill_all()
            try:
                settle(p.agent)
                p.whole()
            except AssertionError as e:
                raise AssertionError(f"{tried[-1]} (it exited {r.returncode}: {r.stdout}{r.stderr}): {e}") from e
