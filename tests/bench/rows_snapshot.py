"""Copies of directories and putting them back, by tests/tools/snap.c: against bounds, and against cp -a in the same round."""

import os
import re
import subprocess
import time
from types import SimpleNamespace

import measure
from filesystems import FileSystem
from world import BIN

GIB = 1 << 30


def disk(world, kind, size):
    fs = FileSystem(kind, name=f"bench-{world.place().name}", size=size)
    world.cleanups.append(fs.close)
    return fs.path


def many(path, count):
    """So many files of 4 KiB, a hundred in a directory."""
    block = os.urandom(4096)
    for i in range(count):
        at = path / f"d{i // 100:04}"
        if i % 100 == 0:
            at.mkdir(parents=True)
        with open(at / f"f{i}", "wb") as f:
            f.write(block)


def large(path, size):
    path.mkdir(parents=True, exist_ok=True)
    block = os.urandom(1 << 24)
    with open(path / "large", "wb") as f:
        for _ in range(max(1, size >> 24)):
            f.write(block[:min(size, 1 << 24)])


def snap(state, driver, *args):
    """The lines it prints, as numbers where they are."""
    r = subprocess.run([BIN / "snap", "--state", state, "--driver", driver, *args], capture_output=True, text=True, check=False)
    if r.returncode:
        raise RuntimeError(r.stderr)
    return {k: float(v) for k, v in re.findall(r"^(\w+): ([0-9.]+)$", r.stdout, re.M)}


def settle(path):
    subprocess.run(["sync", "-f", path], check=True)


def take_and_restore(at, paths, driver, rounds, consume=()):
    """Medians in ms for each path, in turns; what was put aside is dropped between rounds."""
    state = at / "state"
    state.mkdir(exist_ok=True)
    found = [([], []) for _ in paths]
    for _ in range(rounds):
        for path, (takes, restores) in zip(paths, found):
            place, aside = state / "snapshots" / "a" / "v", state / "snapshots" / "b" / "v"
            (path / "changed").write_bytes(os.urandom(4096))
            settle(at)
            takes.append(snap(state, driver, "take", path, place)["ms"])
            restores.append(snap(state, driver, *consume, "restore", path, place, aside)["ms"])
            for p in (aside, place):
                snap(state, driver, "drop", p)
            settle(at)
    return [tuple(measure.median(v) for v in pair) for pair in found]


def row_snapshot(world):
    """btrfs: a snapshot and putting it back, without the engine."""
    files, big, rounds = (10_000, GIB, 5) if world.quick else (100_000, 10 * GIB, 21)
    at = disk(world, "btrfs", 24 * GIB)
    paths = [at / "files", at / "small", at / "large"]
    for path in paths:
        subprocess.run(["btrfs", "-q", "subvolume", "create", path], check=True)
    many(paths[0], files)
    large(paths[1], 10 << 20)
    large(paths[2], big)
    settle(at)
    of_files, of_small, of_large = take_and_restore(at, paths, "btrfs", rounds)
    for found, what in ((of_files, f"{files} files"), (of_large, f"{big >> 30} GiB")):
        for n, verb in enumerate(("snapshot", "restore")):
            yield SimpleNamespace(measure=f"btrfs {verb}, {what}, ms", target=25, figure=found[n], raw="")
    for n, verb in enumerate(("snapshot", "restore")):
        yield SimpleNamespace(measure=f"btrfs {verb}, {big >> 30} GiB / 10 MiB", target=1.5, figure=of_large[n] / of_small[n],
                              raw=f"{of_large[n]:.1f} ms / {of_small[n]:.1f} ms")


def row_consume(world):
    """Putting a copy back by exchange, any file system."""
    files, rounds = (2000, 3) if world.quick else (20_000, 5)
    for kind, driver in (("ext4", "copy"), ("xfs", "reflink"), ("btrfs", "reflink")):
        at = disk(world, kind, 8 * GIB)
        many(at / "files", files)
        settle(at)
        [(_, restore)] = take_and_restore(at, [at / "files"], driver, rounds, ["--consume"])
        yield SimpleNamespace(measure=f"restore by exchange, {kind}, {files} files, ms", target=25, figure=restore, raw="")


def one(at, path, driver, options, cold, ours):
    """One copy with its sync, in ms."""
    settle(at)
    if cold:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3")
    else:  # tar knows /dev/null and would not read
        subprocess.run(f"tar -C {path} -c . | cat >/dev/null", shell=True, check=True)
    place, begin = at / "state" / "snapshots" / "a", time.monotonic()
    if ours:
        snap(at / "state", driver, "take", path, place / "v")
    else:
        subprocess.run(f"mkdir -p {place} && cp -a {options} {path} {place}/v && sync -f {place}", shell=True, check=True)
    took = (time.monotonic() - begin) * 1000
    subprocess.run(["rm", "-rf", place], check=True)
    return took


def row_copy(world):
    """The tree copier / cp -a, both with the sync, cold and warm."""
    files, big, rounds = (10_000, GIB // 4, 3) if world.quick else (100_000, 4 * GIB, 7)
    for kind, driver, options, what, target in (
            ("btrfs", "reflink", "--reflink=always", "files", 0.95), ("xfs", "reflink", "--reflink=always", "files", 0.95),
            ("ext4", "copy", "", "files", 0.95), ("ext4", "copy", "", "large", 1.0)):
        at = disk(world, kind, 16 * GIB)
        (at / "state").mkdir()
        if what == "files":
            many(at / "tree", files)
        else:
            large(at / "tree", big)
            large(at / "used", 11 * GIB if not world.quick else 4 * big)  # the first to write to a sparse image pays for it
            subprocess.run(["rm", "-rf", at / "used"], check=True)
        for cold in (False, True):
            pairs = []
            for n in range(rounds):  # who goes first in turns: a disk that was busy may be slower for a while
                took = {who: one(at, at / "tree", driver, options, cold, who) for who in ((True, False) if n % 2 else (False, True))}
                pairs.append((took[True], took[False]))
            ours, theirs = (measure.median([p[i] for p in pairs]) for i in (0, 1))
            yield SimpleNamespace(
                measure=f"{driver} / cp -a {options}, {kind}, "
                        f"{files if what == 'files' else big >> 20} {'files' if what == 'files' else 'MiB'}, {'cold' if cold else 'warm'}",
                target=target, figure=measure.median([a / b for a, b in pairs]), raw=f"{ours:.0f} ms / {theirs:.0f} ms")
