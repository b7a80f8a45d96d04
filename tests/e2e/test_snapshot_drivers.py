"""
The drivers of agent/snapshot without an engine, by tests/tools/snap.c on file systems of their own: what is in a tree is
the same after a snapshot and after a restore; killed or out of space at any system call, the tree is the old or the new.
    MDC_SNAPSHOT_KILLS=all      every system call instead of a sample
"""

import collections
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

import sandbox
import trees
from agent import BIN
from filesystems import FileSystem, is_subvolume
from waiting import wait_until

SNAP = Path(BIN) / "snap"
CASES = [("btrfs", "btrfs"), ("btrfs", "reflink"), ("btrfs", "copy"), ("xfs", "reflink"), ("xfs", "copy"), ("ext4", "copy")]
# Calls that change something on disk. Those of a thread are counted alone, so there is only one (taskset).
MUTATING = ["mkdir", "mkdirat", "openat", "ioctl", "write", "pwrite64", "ftruncate", "linkat", "symlinkat", "mknodat", "fchown",
            "fchownat", "fchmod", "fchmodat", "fsetxattr", "lsetxattr", "futimens", "utimensat", "rename", "renameat",
            "renameat2", "unlink", "unlinkat", "rmdir", "fsync", "syncfs", "sync_file_range", "copy_file_range"]
# Snapshots' names, as flow makes them: nothing else in a store is swept.
ONE, TWO, THREE = (f"project-{n}-20260102T030405.00{n}Z" for n in (1, 2, 3))
EVERY = 1 if os.environ.get("MDC_SNAPSHOT_KILLS") == "all" else 5


@pytest.fixture(scope="module")
def disk(base):
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = FileSystem(kind, name=f"drivers-{kind}", size=2 << 30)
        return made[kind].path
    yield get
    for fs in made.values():
        fs.close()


class Volume:
    """A directory under test, its store, and the program."""

    def __init__(self, at, driver):
        self.at, self.driver = at, driver
        self.path, self.state = at / "volumes" / "v" / "_data", at / "state"
        self.store = self.state / "snapshots"
        self.place = self.store / ONE / "v"
        self.fresh()

    def fresh(self):
        wipe(self.at)
        self.path.parent.mkdir(parents=True)
        self.state.mkdir()
        if self.driver == "btrfs":
            sandbox.run("btrfs", "-q", "subvolume", "create", str(self.path))
        else:
            self.path.mkdir()

    def argv(self, *args):
        return [str(SNAP), "--state", str(self.state), "--driver", self.driver, *map(str, args)]

    def snap(self, *args, ok=True, before=()):
        env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if before else None  # it looks by ptrace, as strace does
        r = subprocess.run([*before, *self.argv(*args)], capture_output=True, text=True, check=False, env=env)
        if ok:
            assert r.returncode == 0, r.stdout + r.stderr
        r.said = dict(line.split(": ", 1) for line in r.stdout.splitlines() if ": " in line)
        return r


def wipe(at):
    """Also subvolumes, read-only ones too."""
    if not at.exists():
        return
    for parent, dirs, _ in os.walk(at):
        if len(Path(parent).relative_to(at).parts) > 3:
            dirs.clear()  # there is none so deep
        for d in list(dirs):
            p = os.path.join(parent, d)
            if not os.path.islink(p) and os.stat(p).st_ino == 256:
                sandbox.run("btrfs", "-q", "property", "set", p, "ro", "false", check=False)
                sandbox.run("btrfs", "-q", "subvolume", "delete", p, check=False)
                dirs.remove(d)
    subprocess.run(["rm", "-rf", at], check=True)


@pytest.fixture
def volume(disk, request):
    made = []

    def get(kind, driver):
        made.append(Volume(disk(kind) / "t", driver))
        return made[-1]
    yield get
    for v in made:
        wipe(v.at)


def same(a, b):
    found = trees.differences(a, b)
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("kind,driver", CASES)
def test_everything_is_kept(volume, kind, driver):
    """Shown by 3."""
    v = volume(kind, driver)
    trees.make(v.path, btrfs=kind == "btrfs")
    before = trees.scan(v.path)
    said = v.snap("--count", "choose", v.path).said
    assert said["driver"] == driver and said["store"] == str(v.store), said
    v.snap("take", v.path, v.place)
    same(before, trees.scan(v.place))
    for name in ("acl", "sparse", "link2"):
        (v.path / name).unlink()
    (v.path / "new").write_text("of the failed version")
    failed = trees.scan(v.path)
    v.snap("restore", v.path, v.place, v.store / TWO / "v")
    same(before, trees.scan(v.path))
    same(failed, trees.scan(v.store / TWO / "v"))
    assert v.place.is_dir(), "the copy was taken away"
    v.snap("--consume", "restore", v.path, v.place, v.store / THREE / "v")
    same(before, trees.scan(v.path))
    same(before, trees.scan(v.store / THREE / "v"))
    assert not v.place.exists()
    v.snap("drop", v.store / TWO / "v")
    v.snap("sweep", v.store)
    assert os.listdir(v.store) == [] and os.listdir(v.path.parent) == ["_data"]


def small(path, word):
    """Each kind of thing once, little data."""
    shutil.rmtree(path / "d", ignore_errors=True)
    for p in path.iterdir():
        p.unlink()
    (path / "d" / "e").mkdir(parents=True)
    (path / "a").write_text(word * 100)
    os.link(path / "a", path / "d" / "b")
    (path / "d" / "e" / word).write_text(word)
    os.chown(path / "d" / "e" / word, 7, 8)
    os.setxattr(path / "d", "user.word", word.encode())
    os.symlink(word, path / "link")
    os.mkfifo(path / "d" / "fifo")
    with open(path / "sparse", "wb") as f:
        f.truncate(1 << 20)
        f.write(word.encode())
    os.chmod(path, 0o751 if word == "old" else 0o700)


def calls_of(v, *args):
    """(name, how often) of what a run calls."""
    log = v.at.parent / "trace"
    v.snap(*args, before=["taskset", "1", "strace", "-f", "-qq", "-o", log])
    count = collections.Counter(m[1] for line in log.read_text().splitlines() if (m := re.match(r"\d+\s+(\w+)\(", line)))
    return [(n, count[n]) for n in MUTATING if count[n]]


def points(calls):
    every = [(name, i, how) for name, n in calls for i in range(1, n + 1) for how in ("signal=KILL", "error=ENOSPC")]
    return every[::EVERY]


def broken(v, point, *args):
    name, n, how = point
    return v.snap(*args, ok=False, before=["taskset", "1", "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}",
                                           "-e", f"inject={name}:{how}:when={n}"])


@pytest.mark.parametrize("kind,driver", [("btrfs", "btrfs"), ("xfs", "reflink"), ("ext4", "copy")])
def test_killed_or_full_while_it_is_taken(volume, kind, driver):
    """Shown by 4: the volume is as it was, nothing is left over, and the next try succeeds."""
    v = volume(kind, driver)
    small(v.path, "old")
    old = trees.scan(v.path)
    calls = calls_of(v, "take", v.path, v.place)
    v.snap("drop", v.place)
    for point in points(calls):
        r = broken(v, point, "take", v.path, v.place)
        same(old, trees.scan(v.path))
        if r.returncode == 0:  # not needed for success
            same(old, trees.scan(v.place))
        elif "ENOSPC" in point[2] and point[0] not in ("unlinkat", "openat"):
            assert not v.place.exists(), f"{point}: {r.stderr}"
        v.snap("sweep", v.store)
        assert not v.store.exists() or os.listdir(v.store) == [], point
        assert os.listdir(v.path.parent) == ["_data"], point
        v.snap("take", v.path, v.place)
        same(old, trees.scan(v.place))
        v.snap("drop", v.place)


MIB = 1 << 20


def large(path):
    """Files of more than one piece of the copier (8 MiB): whole pieces, a rest, holes between, one in a directory below."""
    (path / "d").mkdir(exist_ok=True)
    for name, size in (("whole", 24 * MIB), ("d/rest", 17 * MIB + 5), ("little", 3 * MIB)):
        (path / name).write_bytes(os.urandom(size))
    with open(path / "holes", "wb") as f:
        f.write(os.urandom(9 * MIB))
        f.seek(30 * MIB)
        f.write(os.urandom(10 * MIB))
        f.truncate(50 * MIB)


@pytest.mark.parametrize("processors", ["1", "3"])
@pytest.mark.parametrize("kind,in_kernel", [("ext4", True), ("xfs", False), ("btrfs", False)])
def test_large_files(volume, kind, in_kernel, processors):
    """By one thread and by two, by the kernel where that does not share, and by hand where the kernel will not do it."""
    v = volume(kind, "copy")
    large(v.path)
    before, log = trees.scan(v.path), v.at.parent / "trace"
    for inject in ("", "error=EOPNOTSUPP", "error=EIO:when=2", "retval=0:when=3+"):
        v.snap("take", v.path, v.place, before=[
            "taskset", processors, "strace", "-f", "-qq", "-o", log, "-e", "trace=copy_file_range,sync_file_range",
            *(["-e", f"inject=copy_file_range:{inject}"] if inject else [])])
        same(before, trees.scan(v.place))
        text = log.read_text()
        assert ("copy_file_range(" in text) == in_kernel, text
        assert "sync_file_range(" in text
        v.snap("drop", v.place)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: there is one thread")
def test_the_idle_thread_writes_to_the_disk(volume):
    v = volume("ext4", "copy")
    (v.path / "one").write_bytes(os.urandom(128 * MIB))
    log = v.at.parent / "trace"
    v.snap("take", v.path, v.place, before=["strace", "-f", "-qq", "-o", log, "-e", "trace=copy_file_range,sync_file_range"])
    who = {name: set(re.findall(rf"^(\d+) +{name}\(", log.read_text(), re.M)) for name in ("copy_file_range", "sync_file_range")}
    assert len(who["copy_file_range"]) == 1, who
    assert who["sync_file_range"] - who["copy_file_range"], who


def test_a_disk_that_fails_while_it_is_written(place):
    """What another thread had the kernel write ahead, and could not be written, fails the copy all the same."""
    below, at = place / "below", place / "at"
    for p in (below, at):
        p.mkdir()
    sandbox.run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(below))
    try:
        with open(below / "img", "wb") as f:
            f.truncate(512 * MIB)
        sandbox.run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(below / "img"))
        sandbox.run("mount", "-o", "loop,errors=continue", str(below / "img"), str(at))
        try:
            v = Volume(at / "t", "copy")
            (v.path / "one").write_bytes(os.urandom(32 * MIB))
            os.sync()
            r = v.snap("take", v.path, v.place, ok=False)  # the disk has room, what is below it has not
            assert r.returncode != 0, r.stdout
            assert str(v.place) in r.stderr or "Input/output error" in r.stderr, r.stderr
        finally:
            sandbox.run("umount", "-l", str(at))
    finally:
        sandbox.run("umount", "-l", str(below))


def test_killed_or_full_in_a_large_file(volume):
    v = volume("ext4", "copy")
    large(v.path)
    old = trees.scan(v.path)
    calls = [(n, many) for n, many in calls_of(v, "take", v.path, v.place) if n.endswith("_file_range")]
    assert len(calls) == 2, calls
    v.snap("drop", v.place)
    for point in points(calls):
        r = broken(v, point, "take", v.path, v.place)
        assert r.returncode == (0 if "ENOSPC" in point[2] else -9), f"{point}: {r.stderr}"  # the rest is written by hand
        if r.returncode == 0:
            same(old, trees.scan(v.place))
            v.snap("drop", v.place)
        v.snap("sweep", v.store)
        assert not v.store.exists() or os.listdir(v.store) == [], point
    same(old, trees.scan(v.path))


@pytest.mark.parametrize("consume", [False, True])
@pytest.mark.parametrize("kind,driver", [("btrfs", "btrfs"), ("xfs", "reflink"), ("ext4", "copy")])
def test_killed_or_full_while_it_is_restored(volume, kind, driver, consume):
    """Shown by 4: the volume is old or new, whole; going on ends at the old data, with the new set aside."""
    v = volume(kind, driver)
    aside = v.store / TWO / "v"
    words = (["--consume"] if consume else []) + ["restore", v.path, v.place, aside]

    def prepare():
        v.fresh()
        small(v.path, "old")
        v.snap("take", v.path, v.place)
        good = trees.scan(v.path)
        small(v.path, "new")
        return good, trees.scan(v.path)

    prepare()
    for point in points(calls_of(v, *words)):
        old, new = prepare()
        r = broken(v, point, *words)
        now = trees.scan(v.path)
        which = [t for t in (old, new) if not differences_but_root_time(t, now)]
        assert which, f"{point}: neither old nor new: {trees.differences(new, now)[:5]}"
        if r.returncode != 0 and ((v.state / "built").exists() or not aside.exists()):  # else it failed after its end
            v.snap(*words)
        assert not differences_but_root_time(old, trees.scan(v.path)), point
        assert not differences_but_root_time(new, trees.scan(aside)), point
        assert os.listdir(v.path.parent) == ["_data"], f"{point}: left over"
        v.snap("sweep", v.store, aside, *([] if consume else [v.place]))
        assert sorted(os.listdir(v.store)) == ([TWO] if consume else [ONE, TWO]), point


def differences_but_root_time(a, b):
    """XFS takes a moved directory for changed; its time is put right in a second call."""
    return [d for d in trees.differences(a, b) if not d.startswith("b'.': mtime")]


def test_a_directory_becomes_a_subvolume(volume):
    v = volume("btrfs", "reflink")
    v.driver = "btrfs"
    trees.make(v.path, btrfs=True)
    before = trees.scan(v.path)
    assert v.snap("choose", v.path).said["driver"] == "reflink"
    said = v.snap("--subvolumes", "choose", v.path).said
    assert said["convert"] == "1" and said["driver"] == "reflink", said
    v.snap("--subvolumes", "take", v.path, v.place)
    assert is_subvolume(v.path) and is_subvolume(v.place)
    same(before, trees.scan(v.path))
    same(before, trees.scan(v.place))
    assert os.listdir(v.path.parent) == ["_data"]
    assert v.snap("choose", v.path).said["driver"] == "btrfs"


def test_what_cannot_be_copied_is_said(volume, disk, tmp_path):
    v = volume("ext4", "copy")
    engine = v.at / "engine"
    (engine / "volumes" / "x" / "_data").mkdir(parents=True)

    def why(path, *options):
        r = subprocess.run([SNAP, "--state", v.state, "--engine", engine, *options, "choose", path], capture_output=True,
                           text=True, check=True)
        said = dict(line.split(": ", 1) for line in r.stdout.splitlines() if ": " in line)
        return said.get("driver", ""), said["why"], said.get("store", "")

    for path, words in (("/", "system"), ("/etc", "system"), ("/etc/ssl", "system"), ("/proc/self", "system"),
                        (engine, "engine"), (engine / "volumes", "engine"), (v.at, "state"),
                        ("/nonexistent/x", "no such directory")):
        driver, said, _ = why(path)
        assert driver == "" and words in said, (path, said)
    assert why(engine / "volumes" / "x" / "_data")[0] == "copy"
    assert "engine's volumes" in why(v.path, "--store", engine / "volumes" / "store")[1]
    assert "reflink" in why(v.path, "--driver", "reflink")[1]
    # On another file system: the engine's root, then nothing.
    elsewhere = disk("xfs") / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    assert "snapshots.dir" in why(elsewhere)[1]
    r = why(elsewhere, "--store", disk("xfs") / "store")
    assert r[0] == "reflink" and r[2] == str(disk("xfs") / "store"), r
    # A mount below it, and on it.
    (v.path / "below").mkdir()
    sandbox.run("mount", "-t", "tmpfs", "none", str(v.path / "below"))
    try:
        assert "mounted below" in why(v.path)[1]
        assert "mounted on it" in why(v.path / "below")[1]
        r = v.snap("take", v.path, v.place, ok=False)
        assert r.returncode == 1 and not v.place.exists()
    finally:
        sandbox.run("umount", str(v.path / "below"))


@pytest.mark.parametrize("kind,driver", [c for c in CASES if c[1] != "copy" or c[0] == "ext4"])
def test_a_question_without_an_answer_is_no_no(volume, kind, driver):
    """A volume that was taken for one that cannot be copied, or not with all that is in it, would lose its way back."""
    v = volume(kind, driver)
    engine = v.at / "engine"
    path = engine / "volumes" / "v" / "_data"
    path.parent.mkdir(parents=True)
    shutil.move(v.path, path)
    argv = [str(SNAP), "--state", "/var/tmp", "--engine", str(engine), "choose", str(path)]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    trace = v.at / "trace"
    r = subprocess.run(["strace", "-o", trace, *argv], capture_output=True, text=True, check=True, env=env)
    asked = collections.Counter(re.findall(r"^(\w+)\(", trace.read_text(), re.M))
    expected = [line for line in r.stdout.splitlines() if not line.startswith("free")]
    assert "driver: " in expected[0] and expected[0] != "driver: ", expected
    tried = 0
    for call in ("ioctl", "statfs", "statx", "newfstatat", "stat", "lstat", "openat", "open", "read", "write"):
        for k in range(1, asked[call] + (call != "write")):  # the last one writes what is said
            r = subprocess.run(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={k}",
                                *argv], capture_output=True, text=True, check=False, env=env)
            said = [line for line in r.stdout.splitlines() if not line.startswith("free")]
            assert r.returncode != 0 or said == expected, f"{call} {k}: {r.stdout}{r.stderr}"
            tried += 1
    assert asked["ioctl"] >= (3 if kind == "btrfs" else 0) and tried > 10, asked


@pytest.mark.parametrize("driver", ["btrfs", "reflink", "copy"])
def test_a_subvolume_below_is_said(volume, driver):
    v = volume("btrfs", driver)
    sandbox.run("btrfs", "-q", "subvolume", "create", str(v.path / "inner"))
    said = v.snap("choose", v.path).said
    assert "inner" in said["why"] and not said.get("driver"), said
    sandbox.run("btrfs", "-q", "subvolume", "delete", str(v.path / "inner"))


PROGRAM = """#!/bin/sh
set -eu
echo "$*" >>{base}/calls
case $1 in
take) cp -a "$2" "{base}/copies/$3" ;;
restore)
    [ -e "{base}/copies/$4" ] || {{ cp -a "$2" "{base}/copies/.new"; mv "{base}/copies/.new" "{base}/copies/$4"; }}
    find "$2" -mindepth 1 -delete
    cp -a "{base}/copies/$3/." "$2/" ;;
drop) rm -rf "{base}/copies/$2" ;;
*) echo "what is $1?" >&2; exit 1 ;;
esac
"""


def test_the_hosts_own_program(volume, place):
    """The contract of the driver `command`."""
    v = volume("ext4", "command")
    (place / "copies").mkdir()
    program = place / "program"
    program.write_text(PROGRAM.format(base=place))
    program.chmod(0o755)
    words = ["--command", program]
    small(v.path, "old")
    v.snap(*words, "take", v.path, v.place)
    assert stat.S_ISREG(v.place.stat().st_mode), "a note of the copy's name"
    assert len(os.listdir(place / "copies")) == 1, os.listdir(place)
    small(v.path, "new")
    v.snap(*words, "restore", v.path, v.place, v.store / TWO / "v")
    assert (v.path / "a").read_text() == "old" * 100
    assert len(os.listdir(place / "copies")) == 2
    v.snap("drop", v.store / TWO / "v")
    assert len(os.listdir(place / "copies")) == 1, os.listdir(place)
    v.snap("sweep", v.store)  # no record names it: the program is told
    assert os.listdir(place / "copies") == [] and os.listdir(v.store) == []
    program.write_text("#!/bin/sh\necho the array is offline >&2\n[ $1 = drop ]\n")
    r = v.snap(*words, "take", v.path, v.place, ok=False)
    assert r.returncode == 1 and "the array is offline" in r.stderr and not v.place.exists()


@pytest.fixture
def data_set(place):
    """A ZFS data set, by zfs-fuse, which has one socket for the whole machine."""
    if not shutil.which("zfs-fuse"):
        pytest.skip("zfs-fuse is not installed: tests/install.sh installs it")
    if sandbox.run("zpool", "list", check=False).returncode == 0:
        pytest.skip("a ZFS is running here already: left alone")
    server = subprocess.Popen(["zfs-fuse", "-n"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: sandbox.run("zpool", "list", check=False).returncode == 0, 20, "zfs-fuse does not answer")
        with open(place / "pool.img", "wb") as f:
            f.truncate(300 << 20)
        sandbox.run("zpool", "create", "-o", "cachefile=none", "-m", str(place / "pool"), "mdctpool", str(place / "pool.img"))
        sandbox.run("zfs", "create", "-o", "compression=on", "mdctpool/data")
        yield place / "pool" / "data"
        sandbox.run("zpool", "destroy", "-f", "mdctpool", check=False)
    finally:
        server.terminate()
        server.wait(30)


def zfs_names():
    lines = sandbox.run("zfs", "list", "-H", "-t", "all", "-o", "name").stdout.split()
    return sorted(n for n in lines if n != "mdctpool")


def test_zfs(data_set, place):
    """Restored twice to the same snapshot, which is not the newest then; what was there is kept, nothing stays behind."""
    state = place / "state"
    store = state / "snapshots"

    def snap(*args):
        r = subprocess.run([SNAP, "--state", state, *args], capture_output=True, text=True, check=False)
        assert r.returncode == 0, r.stderr
        return r.stdout

    state.mkdir()
    (data_set / "a").write_text("old")
    assert "driver: zfs" in snap("choose", data_set)
    snap("take", data_set, store / ONE / "v")
    for aside, word in ((TWO, "new"), (THREE, "newer")):
        (data_set / "a").write_text(word)
        (data_set / word).write_text(word)
        snap("restore", data_set, store / ONE / "v", store / aside / "v")
        assert os.listdir(data_set) == ["a"] and (data_set / "a").read_text() == "old"
        assert sandbox.run("zfs", "get", "-H", "-o", "value", "compression", "mdctpool/data").stdout.strip() == "on"
    assert len(zfs_names()) == 4, zfs_names()
    for name in (ONE, TWO, THREE):
        snap("drop", store / name / "v")
    assert zfs_names() == ["mdctpool/data"] and (data_set / "a").read_text() == "old"
