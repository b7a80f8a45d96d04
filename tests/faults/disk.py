"""
What a power cut leaves of a directory: the file operations of a run are read from a trace of strace, and played on a model
that knows of each name and each byte whether it was synced. tree() is the directory after a cut, in one of these forms:
    all     everything reached the disk
    none    nothing that was not synced did: the names of a directory are those of its last fsync, data that of the file's
    names   every name and every truncation did, data only if it was synced: the empty files of ext4 and others
    torn    as `names`, and half of the data that was not synced
A rename from one directory into another is whole or not at all, as all journals have it. What is written through a mapping
is in no trace: such a file is taken to be, from then on, what it is in the end (`mapped`, found by a first pass).
Depends on: strace, nothing but the standard library.
"""

import os
import re
import shutil
import stat
import time
from pathlib import Path

FORMS = ("all", "none", "names", "torn")
CALLS = ("openat,open,creat,write,pwrite64,writev,pwritev,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,"
         "mkdirat,symlink,symlinkat,fsync,fdatasync,syncfs,sync,ftruncate,truncate,fallocate,chmod,fchmod,fchmodat,"
         "copy_file_range,sendfile,splice,mmap,ioctl")
STRACE = ["strace", "-f", "-qq", "-y", "-X", "verbose", "-ttt", "-s", str(1 << 24), "--seccomp-bpf", "-e", "signal=none",
          "-e", f"trace={CALLS}"]
MAP_WRITE, MAP_KIND, MAP_SHARED = 2, 3, 1
FALLOC_KEEP_SIZE = 1
O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_ACCMODE, FICLONE = os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, 3, 0x40049409


class NotModelled(Exception):
    pass


# ---- the trace -----------------------------------------------------------------------------------
ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.S)
NAMED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
TOKEN = re.compile(rb'[, ]*(?:"(?P<text>(?:[^"\\]|\\.)*)"(?P<cut>\.\.\.)?|(?P<number>-?(?:0x[0-9a-f]+|\d+))(?P<note> /\*.*?\*/)?'
                   rb'(?:<(?P<path>(?:[^>\\]|\\.)*)>(?P<gone>\(deleted\))?)?|(?P<other>[^", ]+))')
LINE = re.compile(rb"(\d+) +(\d+\.\d+) (.*)", re.S)
CALL = re.compile(rb"(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)(?:<(.*?)>(?:\(deleted\))?)?(?: .*)?$", re.S)


def unescape(raw):
    def one(m):
        e = m.group(1)
        return bytes([int(e, 8)]) if e[:1].isdigit() else NAMED.get(e, e)
    return ESCAPE.sub(one, raw)


def number(raw):
    return int(raw, 8 if re.match(rb"0\d", raw) else 0)


class Fd:
    def __init__(self, number, path):
        self.number, self.path = number, path


def arguments(raw):
    """Strings as bytes, numbers as int, descriptors as Fd; anything else as None."""
    found = []
    for m in TOKEN.finditer(raw):
        if m["text"] is not None:
            if m["cut"]:
                raise NotModelled("a string of the trace was cut")
            found.append(unescape(m["text"]))
        elif m["path"] is not None:
            found.append(Fd(number(m["number"]), os.fsdecode(unescape(m["path"]))))
        elif m["number"] is not None:
            found.append(number(m["number"]))
        elif m["other"].strip():
            found.append(None)
    return found


def calls(path):
    """(time, name, arguments, result, path of the new descriptor) of each call that did not fail, in the order they ended."""
    begun = {}
    for line in Path(path).read_bytes().split(b"\n"):
        m = LINE.match(line)
        if not m:
            continue
        pid, when, text = m.groups()
        if text.endswith(b"<unfinished ...>"):
            begun[pid] = text[:-len(b"<unfinished ...>")].rstrip()
            continue
        if text.startswith(b"<... "):
            text = begun.pop(pid, b"") + re.sub(rb"^<\.\.\. \w+ resumed>", b"", text)
        m = CALL.match(text)
        if not m or m[3] == b"?" or m[3].startswith(b"-"):
            continue
        yield float(when), m[1].decode(), m[2], int(m[3], 0), os.fsdecode(unescape(m[4])) if m[4] else None


# ---- the model -----------------------------------------------------------------------------------
class Node:
    """A file, directory or link. `entries`/`data`: as the programs see it; `synced`: what is safe; `named`: safe data once
    every change of metadata reached the disk."""

    def __init__(self, kind, mode=0o600, target=None):
        self.kind, self.mode, self.target = kind, mode, target
        self.entries, self.data = {}, b""
        self.synced = {} if kind == "dir" else b""
        self.named = b""
        self.serial = None  # of a file that the run made

    def sync(self):
        self.synced = dict(self.entries) if self.kind == "dir" else bytes(self.data)
        self.named = self.synced


class Disk:
    def __init__(self, root, mapped=None):
        self.root = str(root)
        self.top = self._load(Path(root))
        self.moves = []  # renames between directories of which neither was synced
        self.applied = 0
        self.made, self.mapped = 0, mapped or {}  # files the run made; of those written through a mapping: what is in them

    def _load(self, path):
        """What is there before the run is safe."""
        s = path.lstat()
        if stat.S_ISLNK(s.st_mode):
            return Node("link", target=os.readlink(path))
        node = Node("dir" if stat.S_ISDIR(s.st_mode) else "file", stat.S_IMODE(s.st_mode))
        if node.kind == "dir":
            node.entries = {p.name: self._load(p) for p in path.iterdir()}
        else:
            node.data = path.read_bytes()
        node.sync()
        return node

    # ---- finding ----
    def inside(self, path):
        return path is not None and (path == self.root or path.startswith(self.root + "/"))

    def find(self, path):
        node = self.top
        for name in path[len(self.root):].strip("/").split("/"):
            if name:
                node = node.entries[name]
        return node

    def place(self, path):
        """(directory, name)"""
        parent, _, name = path.rstrip("/").rpartition("/")
        return self.find(parent), name

    def path_of(self, directory, name):
        name = os.fsdecode(name)
        if name.startswith("/"):
            return os.path.normpath(name)
        if directory is None:
            raise NotModelled(f"a relative path: {name}")
        return os.path.normpath(directory.path + "/" + name)

    # ---- playing ----
    def play(self, name, raw, result, opened):
        """One call; true if it changed something here."""
        if self.root.encode() not in raw and name not in ("syncfs", "sync"):
            return False
        method = getattr(self, "_" + name.rstrip("0123456789"), None)
        if method is None:
            raise NotModelled(f"{name}({raw[:200]!r})")
        changed = bool(method(arguments(raw), result, opened))
        self.applied += changed
        return changed

    def _openat(self, a, result, opened):
        path, flags = self.path_of(a[0], a[1]), a[2]
        if not self.inside(path) or flags & O_ACCMODE == 0 and not flags & O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE:
            if self.inside(path) and flags & os.O_TMPFILE == os.O_TMPFILE:
                raise NotModelled("O_TMPFILE")
            return False
        parent, name = self.place(path)
        if name not in parent.entries:
            if not flags & O_CREAT:
                raise NotModelled(f"{path} appeared from nowhere")
            node = parent.entries[name] = Node("file", a[3])
            node.serial, self.made = self.made, self.made + 1
            return True
        if flags & O_TRUNC:
            return self._cut(parent.entries[name], 0)
        return False

    def _open(self, a, result, opened):
        return self._openat([None, *a], result, opened)

    def _file(self, fd):
        if not isinstance(fd, Fd) or not self.inside(fd.path):
            return None
        try:
            return self.find(fd.path)
        except KeyError:
            return None  # removed meanwhile

    def _put(self, node, at, data):
        if node.serial in self.mapped:
            return False
        old = node.data
        node.data = old[:at].ljust(at, b"\0") + data + old[at + len(data):]
        return True

    def _write(self, a, result, opened):
        """All files that are written in more than one go here are opened to append."""
        node = self._file(a[0])
        return node is not None and self._put(node, len(node.data), a[1][:result])

    def _pwrite(self, a, result, opened):
        node = self._file(a[0])
        return node is not None and self._put(node, a[3], a[1][:result])

    def _cut(self, node, size):
        if len(node.data) == size or node.serial in self.mapped:
            return False
        node.data = node.data[:size].ljust(size, b"\0")
        node.named = node.named[:size]
        return True

    def _ftruncate(self, a, result, opened):
        node = self._file(a[0])
        return node is not None and self._cut(node, a[1])

    def _fallocate(self, a, result, opened):
        node = self._file(a[0])
        if a[1] & FALLOC_KEEP_SIZE:
            return False
        return node is not None and len(node.data) < a[2] + a[3] and self._cut(node, a[2] + a[3])

    def _fchmod(self, a, result, opened):
        node = self._file(a[0])
        if node is not None:
            node.mode = a[1]
        return False

    def _mmap(self, a, result, opened):
        node = self._file(a[4])
        if node is None or not a[2] & MAP_WRITE or a[3] & MAP_KIND != MAP_SHARED:
            return False
        if node.serial is None:
            raise NotModelled("a mapping of a file that was there before")
        before, node.data = node.data, self.mapped.setdefault(node.serial, b"")
        return node.data != before

    def read_mapped(self):
        """At the end of a first pass: what is in the files that were written through a mapping, for the second."""
        todo = [(self.top, Path(self.root))]
        while todo:
            node, path = todo.pop()
            todo += [(child, path / name) for name, child in node.entries.items()]
            if node.serial in self.mapped:
                self.mapped[node.serial] = path.read_bytes()
        return self.mapped

    def _ioctl(self, a, result, opened):
        if a[1] == FICLONE:
            raise NotModelled("FICLONE")
        return False

    def _move(self, old, new):
        if not self.inside(old) or not self.inside(new):
            if self.inside(old) or self.inside(new):
                raise NotModelled(f"{old} moved to {new}")
            return False
        (a, name), (b, other) = self.place(old), self.place(new)
        node = a.entries.pop(name)
        b.entries[other] = node
        if a is not b:
            self.moves.append((a, name, b, other, node))
        return True

    def _rename(self, a, result, opened):
        return self._move(self.path_of(None, a[0]), self.path_of(None, a[1]))

    def _renameat(self, a, result, opened):
        return self._move(self.path_of(a[0], a[1]), self.path_of(a[2], a[3]))

    def _link(self, a, result, opened):
        (_, _), (b, other) = self.place(os.fsdecode(a[0])), self.place(os.fsdecode(a[1]))
        b.entries[other] = self.find(os.fsdecode(a[0]))
        return True

    def _linkat(self, a, result, opened):
        b, other = self.place(self.path_of(a[2], a[3]))
        b.entries[other] = self.find(self.path_of(a[0], a[1]))
        return True

    def _drop(self, path):
        if not self.inside(path):
            return False
        parent, name = self.place(path)
        del parent.entries[name]
        return True

    def _unlink(self, a, result, opened):
        return self._drop(self.path_of(None, a[0]))

    def _unlinkat(self, a, result, opened):
        return self._drop(self.path_of(a[0], a[1]))

    _rmdir = _unlink

    def _new(self, path, node):
        if not self.inside(path):
            return False
        parent, name = self.place(path)
        parent.entries[name] = node
        return True

    def _mkdir(self, a, result, opened):
        return self._new(self.path_of(None, a[0]), Node("dir", a[1]))

    def _mkdirat(self, a, result, opened):
        return self._new(self.path_of(a[0], a[1]), Node("dir", a[2]))

    def _symlink(self, a, result, opened):
        return self._new(self.path_of(None, a[1]), Node("link", target=os.fsdecode(a[0])))

    def _symlinkat(self, a, result, opened):
        return self._new(self.path_of(a[1], a[2]), Node("link", target=os.fsdecode(a[0])))

    def _fsync(self, a, result, opened):
        node = self._file(a[0])
        if node is None:
            return False
        node.sync()
        for move in [m for m in self.moves if node in (m[0], m[2])]:
            self.moves.remove(move)
            self._settle(*move)
        return True

    @staticmethod
    def _settle(a, name, b, other, node):
        if a.synced.get(name) is node:
            a.synced = {n: v for n, v in a.synced.items() if n != name}
        if b.entries.get(other) is node:
            b.synced = {**b.synced, other: node}

    _fdatasync = _fsync

    def _syncfs(self, a, result, opened):
        todo = [self.top]
        while todo:
            node = todo.pop()
            node.sync()
            todo += node.entries.values()
        self.moves = []
        return True

    _sync = _syncfs

    # ---- what is left ----
    def tree(self, form):
        """{path: (kind, mode, bytes or target)}; parents come before what is in them."""
        found = {}

        def look(node, path):
            if node.kind == "dir":
                found[path] = ("dir", node.mode, None)
                for name, child in (node.synced if form == "none" else node.entries).items():
                    look(child, f"{path}/{name}" if path else name)
            elif node.kind == "link":
                found[path] = ("link", 0, node.target)
            else:
                found[path] = ("file", node.mode, self._left(node, form))
        look(self.top, "")
        return found

    @staticmethod
    def _left(node, form):
        if form == "all":
            return node.data
        if form == "none":
            return node.synced
        if form == "torn" and node.data != node.named:
            old = len(node.named) if node.data.startswith(node.named) else 0
            return node.data[:old + (len(node.data) - old) // 2]
        return node.named


def write_tree(tree, root, age_s=7 * 86400):
    """Make the directory be this tree; its files are of last week: the power was away for long."""
    then = time.time() - age_s
    shutil.rmtree(root, ignore_errors=True)
    for path, (kind, mode, content) in tree.items():
        at = os.path.join(root, path) if path else root
        if kind == "dir":
            os.mkdir(at)
            os.chmod(at, mode | 0o700)
        elif kind == "link":
            os.symlink(content, at)
        else:
            with open(at, "wb") as f:
                f.write(content)
            os.chmod(at, mode)
            os.utime(at, (then, then))
