"""
Directory trees that hold everything a file system can, and what is in one, to be compared.
    make(path)      build the tree           scan(path)      {name: what is known of it}, the root is b"."
"""

import fcntl
import hashlib
import os
import socket
import stat
import struct
import subprocess
from pathlib import Path

FLAGS_GET, FLAG_NOCOW = 0x80086601, 0x00800000
DEEP = 300  # directories of 40 bytes: longer than a path may be


def _write(path, data=b"data"):
    with open(path, "wb") as f:
        f.write(data)


def _owners(at):
    _write(at / "owner")
    os.chown(at / "owner", 54321, 2000000)
    _write(at / "suid")
    os.chown(at / "suid", 10, 20)
    os.chmod(at / "suid", 0o6755)
    _write(at / "nothing-allowed")
    os.chmod(at / "nothing-allowed", 0)
    for name, mode in (("sticky", 0o1777), ("setgid", 0o2775), ("closed", 0o500), ("empty", 0o700)):
        (at / name).mkdir()
        os.chmod(at / name, mode)
    os.chown(at / "setgid", 70, 71)
    _write(at / "setgid" / "in-it")
    _write(at / "closed" / "in-it")


def _attributes(at):
    _write(at / "xattr")
    os.setxattr(at / "xattr", "user.key", b"\0bin\xff")
    os.setxattr(at / "xattr", "trusted.t", b"T")
    os.setxattr(at / "xattr", "security.other", b"label")
    _write(at / "capability", b"\x7fELF")
    # VFS_CAP_REVISION_2, effective; CAP_NET_BIND_SERVICE
    os.setxattr(at / "capability", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    _write(at / "acl")
    (at / "acl-directory").mkdir()
    subprocess.run(["setfacl", "-m", "u:12345:rw,g:54321:r", at / "acl"], check=True)
    subprocess.run(["setfacl", "-m", "d:u:4444:rwx,u:4444:rx", at / "acl-directory"], check=True)
    _write(at / "acl-directory" / "inherits")
    (at / "acl-directory" / "below").mkdir()


def _links(at):
    _write(at / "link1", b"three names")
    os.link(at / "link1", at / "link2")
    (at / "sub").mkdir()
    os.link(at / "link1", at / "sub" / "link3")
    os.symlink("/nonexistent/\n\xff", at / "symlink")
    os.lchown(at / "symlink", 777, 778)
    os.utime(at / "symlink", ns=(1, 2_000_000_003), follow_symlinks=False)
    os.setxattr(at / "symlink", "trusted.s", b"on the link", follow_symlinks=False)
    os.link(at / "symlink", at / "sub" / "symlink2", follow_symlinks=False)
    os.symlink("..", at / "sub" / "up")


def _special(at):
    os.mkfifo(at / "fifo", 0o640)
    os.link(at / "fifo", at / "sub" / "fifo2")
    os.chown(at / "fifo", 5, 6)
    os.mknod(at / "char", 0o660 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(at / "block", 0o6640 | stat.S_IFBLK, os.makedev(7, 99))
    os.mknod(at / "whiteout", 0o600 | stat.S_IFCHR, os.makedev(0, 0))
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(at)  # names of sockets are short
    s.bind("socket")
    s.close()
    os.chdir(here)
    os.chown(at / "socket", 33, 33)
    os.chmod(at / "socket", 0o666)
    os.setxattr(at / "socket", "trusted.x", b"on the socket")


def _data(at):
    with open(at / "sparse", "wb") as f:
        f.write(b"begin")
        f.seek(8 << 20)
        f.write(b"middle" * 1000)
        f.truncate(24 << 20)
    with open(at / "only-a-hole", "wb") as f:
        f.truncate(1 << 20)
    _write(at / "large", os.urandom(1 << 20) * 9)
    _write(at / "no-bytes", b"")
    for i in range(40):
        _write(at / f"small-{i}", os.urandom(i * 37))


def _names(at):
    here = os.fsencode(at)
    for name in (b"new\nline", b"bad\xff\xfename", b" blank ", b"-rf", b"*", b"n" * 255, "ö".encode()):
        _write(os.path.join(here, name))
    os.mkdir(os.path.join(here, b"dir\n\xfe"))
    _write(os.path.join(here, b"dir\n\xfe", b"\\"))
    fd = os.open(at, os.O_RDONLY)
    for i in range(DEEP):
        name = f"{i:040}"
        os.mkdir(name, dir_fd=fd)
        down = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = down
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def _times(at):
    for name, times in (("ns", (1234567890123456789, 1111111111987654321)), ("future", (2**33 * 10**9, 2**33 * 10**9 + 7)),
                        ("before-1970", (-1_000_000_001, -999_999_999))):
        _write(at / name)
        os.utime(at / name, ns=times)
    (at / "directory-time").mkdir()
    _write(at / "directory-time" / "x")
    os.utime(at / "directory-time", ns=(1000, 1001))


def make(path, btrfs=False):
    at = Path(path)
    at.mkdir(exist_ok=True)
    for part in (_owners, _attributes, _links, _special, _data, _names, _times):
        part(at)
    if btrfs:
        (at / "nocow").mkdir()
        subprocess.run(["chattr", "+C", at / "nocow"], check=True)
        _write(at / "nocow" / "database", os.urandom(100_000))
        _write(at / "nocow-file", b"")
        subprocess.run(["chattr", "+C", at / "nocow-file"], check=True)
        _write(at / "nocow-file", os.urandom(100_000))
    os.chown(at, 4321, 1234)
    os.chmod(at, 0o2750)
    os.setxattr(at, "user.root", b"r")
    subprocess.run(["sync", "-f", at], check=True)  # blocks are counted when they are on disk
    os.utime(at, ns=(5_000_000_005, 6_000_000_006))
    return at


def _digest(fd):
    h = hashlib.sha256()
    while block := os.read(fd, 1 << 20):
        h.update(block)
    return h.hexdigest()


def _one(dir_fd, name, st):
    kind = stat.S_IFMT(st.st_mode)
    path = b"/proc/self/fd/%d/%s" % (dir_fd, name)
    found = {
        "kind": kind, "mode": stat.S_IMODE(st.st_mode), "owner": (st.st_uid, st.st_gid), "mtime": st.st_mtime_ns,
        "xattr": {n: os.getxattr(path, n, follow_symlinks=False) for n in sorted(os.listxattr(path, follow_symlinks=False))}}
    if kind != stat.S_IFDIR:
        found["atime"] = st.st_atime_ns
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        found["device"] = st.st_rdev
    if kind == stat.S_IFLNK:
        found["target"] = os.readlink(name, dir_fd=dir_fd)
        del found["atime"]  # reading it moves it
    if kind == stat.S_IFREG:
        fd = os.open(name, os.O_RDONLY | os.O_NOATIME, dir_fd=dir_fd)
        found.update(size=st.st_size, data=_digest(fd), holes=st.st_blocks * 512 < st.st_size // 2 > 0)
        try:
            found["nocow"] = bool(struct.unpack("q", fcntl.ioctl(fd, FLAGS_GET, b"\0" * 8))[0] & FLAG_NOCOW)
        except OSError:
            pass
        os.close(fd)
    return found


def scan(path):
    """By directory descriptors: the tree is deeper than a path may be long."""
    found, names = {}, {}

    def see(dir_fd, name, shown):
        st = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        found[shown] = _one(dir_fd, name, st)
        if not stat.S_ISDIR(st.st_mode):
            names.setdefault(st.st_ino, []).append(shown)
            return None
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=dir_fd)

    parent, base = os.path.split(os.fsencode(path))
    top = os.open(parent, os.O_RDONLY)
    todo = [(see(top, base, b"."), b"")]
    os.close(top)
    while todo:
        fd, prefix = todo.pop()
        for name in sorted(os.fsencode(n) for n in os.listdir(fd)):
            below = see(fd, name, prefix + name)
            if below is not None:
                todo.append((below, prefix + name + b"/"))
        os.close(fd)
    for shown in names.values():
        for one in shown:
            found[one]["names"] = sorted(shown)
    return found


def differences(a, b):
    """Readable; empty when they are the same."""
    out = [f"only in the first: {n!r}" for n in a.keys() - b.keys()] + [f"only in the second: {n!r}" for n in b.keys() - a.keys()]
    for name in a.keys() & b.keys():
        out += [f"{name[-60:]!r}: {k}: {a[name].get(k)!r} -> {b[name].get(k)!r}" for k in a[name].keys() | b[name].keys()
                if a[name].get(k) != b[name].get(k)]
    return out
