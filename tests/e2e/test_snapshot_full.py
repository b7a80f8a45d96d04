"""
The failed version fills the disk on which everything lies: the engine, the volume, the copies of it. It goes back all the
same, and the old version runs on the old data.
"""

import json
import os

import pytest

from agent import DONE, FAILED, LATER
from stacks import DRIVERS, Place, copies_below
from waiting import wait_until

GREEDY = """
if [ "$V" = 1 ]; then
	[ -e /data/f ] || echo 1 >/data/f
else
	echo 2 >/data/f
	n=0
	eat() {
		for size in $*; do
			while n=$((n + 1)) && fallocate -l $size /data/big-$n 2>/dev/null; do :; done
		done
		while n=$((n + 1)) && echo x >/data/little-$n; do :; done 2>/dev/null
		sync
	}
	eat 1G 100M 10M 1M 64k 4k
	touch /dev/shm/prepared
	while :; do eat 1M 4k; sleep 0.1; done # what others give up
fi
touch /dev/shm/prepared
exec sleep 1000000
"""
CHECK = '[ -e /dev/shm/prepared ] || exit 0; grep -q 1 /data/f || { echo of version 2; exit 1; }'


def compose(v):
    service = {
        "image": f"app:{v}", "network_mode": "none", "environment": {"V": str(v)}, "stop_grace_period": "1s",
        "command": ["sh", "-c", GREEDY.replace("$", "$$")], "volumes": ["data:/data"],
        "healthcheck": {"test": ["CMD", "sh", "-c", CHECK], "interval": "500ms", "timeout": "20s", "retries": 1}}
    return json.dumps({"services": {"app": service}, "volumes": {"data": {}}})


class Host:
    """`web` in version 1; everything of the agent's lies on the engine's file system too, if it is said so."""

    def __init__(self, case, base, engine, together):
        kind, snapshots, self.driver = DRIVERS[case]
        self.home = engine.fs.path / base.name if together else base
        self.place = Place(self.home, engine, snapshots, families=())
        self.engine, self.agent = engine, self.place.agent
        self.agent.health(settle="2s", timeout="30s")
        self.push(1)
        self.agent.sync(DONE)

    def push(self, v):
        self.place.repo.deploy({"web/compose.yaml": compose(v)})

    def is_full(self):
        return self.engine.fs.free() < 1 << 20

    def is_back(self, text):
        assert "not kept: the disk was full" in text
        assert self.agent.open_work() == []
        assert self.engine.version("web", "app") == "1"
        assert [c.state for c in self.engine.containers("web")] == ["running"]
        data = self.place.volume("web_data")
        assert os.listdir(data) == ["f"] and (data / "f").read_text() == "1\n"
        assert os.listdir(data.parent) == ["_data"]
        assert not self.is_full()
        assert self.place.records("failed") == []
        recorded = {v["place"] for r in self.place.records() for v in r["volumes"] if not v.get("moved")}
        stores = copies_below(self.engine, self.agent), self.agent.state / "snapshots"
        assert {str(p) for store in stores for p in store.glob("*/*")} == recorded

    def stays(self):
        """The content that filled the disk is not tried again."""
        ids = self.engine.ids("web")
        self.agent.sync(DONE, FAILED)
        assert self.engine.ids("web") == ids

    def close(self):
        self.place.close()


@pytest.fixture
def host_at(place, engine_on):
    made = []

    def get(case, together):
        made.append(Host(case, place, engine_on(DRIVERS[case][0]), together))
        return made[-1]
    yield get
    for h in made:
        h.close()


@pytest.mark.parametrize("together", [False, True], ids=["state-elsewhere", "state-there-too"])
@pytest.mark.parametrize("case", DRIVERS)
def test_failed_version_fills_the_disk(case, together, host_at):
    h = host_at(case, together)
    h.push(2)
    r = h.agent.sync(FAILED)
    h.is_back(r.text)
    h.stays()
    status = h.agent.run("status")
    assert "not kept: the disk was full" in status.text and status.code == DONE, status
    h.push(3)
    h.agent.sync(FAILED)  # the same again, from where the first left it
    h.is_back(h.agent.run("status").text)


@pytest.mark.parametrize("point", ["apply_done", "mark_written", "restore_cleared", "restore_built", "restore_swapped",
                                   "restore_aside", "undo_applied"])
@pytest.mark.parametrize("case", ["btrfs", "copy"])
def test_killed_while_the_disk_is_full(case, point, host_at):
    """What takes up such a trial has no room either, and goes back without it."""
    h = host_at(case, True)
    h.push(2)
    killed = h.agent.sync(fault=f"{point}:kill")
    assert "signal 9" in killed.text or killed.code not in (DONE, FAILED), f"{point} was not reached: {killed}"
    if point == "apply_done":
        wait_until(h.is_full, 30, lambda: f"still {h.engine.fs.free()} free")
    text = ""
    for _ in range(3):
        text += h.agent.sync().text
        if not h.agent.open_work():
            break
    h.is_back(text)
    h.stays()


@pytest.mark.parametrize("point", ["quiesced", "snapshot_copied"])
def test_killed_in_a_snapshot_and_the_disk_is_full(point, host_at):
    """Copies that nobody needs go, so that there is room again, although there is none to begin with."""
    h = host_at("copy", True)
    h.push(3)
    h.agent.sync(fault=f"{point}:kill")
    wait_until(lambda: h.engine.running("web") == ["app"], 20, "the guard starts it")
    filler = h.engine.fs.fill()
    try:
        r = h.agent.sync(LATER)
        assert h.engine.running("web") == ["app"] and h.engine.version("web", "app") == "1"
        assert list(copies_below(h.engine, h.agent).glob("*/*")) == []
        assert list((h.agent.state / "snapshots").glob("*/*")) == []
        assert not (h.agent.state / "projects/web/intent.json").exists(), r
    finally:
        filler.unlink()
    h.agent.sync(FAILED)
    h.is_back(h.agent.run("status").text)


def test_restore_by_hand_on_a_full_disk(host_at):
    """What was there is good data too: it is kept, however little room is left."""
    h = host_at("copy", False)
    data = h.place.volume("web_data")
    h.agent.run("snapshot", "web").expect(DONE)
    taken, = h.place.records("manual")
    (data / "since").write_text("x")
    filler = h.engine.fs.fill(leave=16 << 20)
    try:
        h.agent.run("restore", taken["id"], "--yes").expect(DONE)
    finally:
        filler.unlink()
    assert os.listdir(data) == ["f"]
    aside, = [r for r in h.place.records("manual") if r["id"] != taken["id"]]
    assert sorted(os.listdir(aside["volumes"][0]["place"])) == ["f", "since"]
