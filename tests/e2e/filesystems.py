"""
File systems of the tests' own, on loop devices with sparse images below the run's directory, and engines whose volumes
lie on them. A loop device goes with its mount, so sandbox.clean() needs only to unmount.
To add a kind: a line in KINDS.  Depends on: sandbox, engine; btrfs-progs, xfsprogs, e2fsprogs.
"""

import functools
import os
from pathlib import Path

import pytest

import sandbox

KINDS = {
    "btrfs": ["mkfs.btrfs", "-q"],
    "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1"],
}
GIB = 1 << 30


class FileSystem:
    """mounted at .path; size in bytes is only promised, the image is sparse."""

    def __init__(self, kind, name=None, size=8 * GIB, options=None):
        self.kind = kind
        base = sandbox.BASE / "fs"
        base.mkdir(parents=True, exist_ok=True)
        self.image, self.path = base / f"{name or kind}.img", base / (name or kind)
        with open(self.image, "wb") as f:
            f.truncate(size)
        sandbox.run(*KINDS[kind], str(self.image))
        self.path.mkdir()
        # Direct: else each page is cached twice, and a sync of one file system waits for the other's.
        for direct in ("on", "off"):
            r = sandbox.run("losetup", "--find", "--show", f"--direct-io={direct}", str(self.image), check=False)
            if r.returncode == 0:
                break
        assert r.returncode == 0, r.stderr
        device = r.stdout.strip()
        try:
            r = sandbox.run("mount", "-t", kind, *(["-o", options] if options else []), device, str(self.path),
                            check=False)
        finally:
            sandbox.run("losetup", "--detach", device)  # in use: it goes with the mount
        if "unknown filesystem type" in r.stderr:
            pytest.skip(f"this kernel has no {kind}")
        assert r.returncode == 0, r.stderr

    def close(self):
        sandbox.run("umount", "-l", str(self.path), check=False)
        self.image.unlink(missing_ok=True)

    def free(self):
        s = os.statvfs(self.path)
        return s.f_bavail * s.f_frsize

    def fill(self, leave=0):
        """Take all room but `leave` bytes with one file; returns it, to be unlinked."""
        filler = self.path / "filler"
        with open(filler, "wb") as f:
            while (room := self.free() - leave) > 0:
                try:
                    os.posix_fallocate(f.fileno(), f.tell(), min(room, 1 << 26))
                    f.seek(0, os.SEEK_END)
                except OSError:
                    break
        return filler


def is_subvolume(path):
    return os.stat(path).st_ino == 256


DOCKER_OPTIONS = ["--storage-driver=overlay2", "--bridge=none", "--iptables=false", "--ip6tables=false",
                  "--ip-forward=false"]


@functools.cache
def engine_on_class(engine_class):
    class EngineOn(engine_class):
        """An engine beside the main one, with its data on a file system; containers have the tests' network or none."""

        def __init__(self, fs):
            super().__init__(sandbox.BASE / f"engine-{fs.path.name}", data_root=fs.path / "engine",
                             network=DOCKER_OPTIONS)
            self.fs = fs

        def volume_path(self, name):
            return Path(self.api("GET", f"/volumes/{name}")["Mountpoint"])

        def close(self):
            if self.process:
                self.wipe()
                self.stop()
            super().close()
            self.fs.close()
    return EngineOn
