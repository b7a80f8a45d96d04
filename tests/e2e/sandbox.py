"""
A network namespace of the tests' own, entered by this process, and the removal of whatever an earlier run left:
everything a test starts (engine, registry, git servers, agent) lives in that namespace and below one directory.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from waiting import wait_until

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

NAME = os.environ.get("MDC_E2E_NAME", "mdct-e2e")  # another name: another run beside the first
BASE = Path(os.environ.get("MDC_E2E_DIR", f"/var/tmp/{NAME}"))


def run(*args, check=True, **kw):
    return subprocess.run(args, check=check, capture_output=True, text=True, **kw)


def _read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def processes():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def _children():
    tree = {}
    for pid in processes():
        stat = _read(f"/proc/{pid}/stat").decode(errors="replace")
        parts = stat.rpartition(")")[2].split()
        if len(parts) > 1:
            tree.setdefault(int(parts[1]), []).append(pid)
    return tree


def _ancestors():
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        stat = _read(f"/proc/{pid}/stat").decode(errors="replace")
        pid = int(stat.rpartition(")")[2].split()[1])
    return found


def leftovers():
    """Processes of an earlier run: in our namespace, or started below our directory; with their children."""
    found = set()
    try:
        ours = os.stat(f"/run/netns/{NAME}").st_ino
    except OSError:
        ours = None
    needle = os.fsencode(str(BASE) + "/")
    for pid in processes():
        try:
            in_ns = ours is not None and os.stat(f"/proc/{pid}/ns/net").st_ino == ours
        except OSError:
            continue
        command = _read(f"/proc/{pid}/cmdline")
        daemon = re.match(rb"[^\0]*(dockerd|containerd|containerd-shim[^\0]*|docker-proxy|conmon|podman|unshare)\0", command)
        if in_ns or (daemon and needle in command):
            found.add(pid)
    tree, todo = _children(), list(found)
    while todo:
        for child in tree.get(todo.pop(), []):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found - _ancestors()


def clean():
    """Remove what an earlier run left: processes, mounts, namespace, files. Safe when there is nothing."""
    def gone():
        for pid in leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not [p for p in leftovers() if b"Z" not in _read(f"/proc/{p}/stat").rpartition(b")")[2][:3]]
    wait_until(gone, 20, "processes of an earlier run do not end")
    points = [line.split()[1].replace("\\040", " ") for line in open("/proc/mounts", encoding="utf-8")]
    for point in reversed(points):
        if point.startswith(str(BASE) + "/"):
            run("umount", "-l", point, check=False)
    for line in run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE", check=False).stdout.splitlines():
        if f" {BASE}/" in line:  # killed between making it and mounting it
            run("losetup", "--detach", line.split()[0], check=False)
    if Path(f"/run/netns/{NAME}").exists():
        run("ip", "netns", "del", NAME, check=False)
    shutil.rmtree(BASE, ignore_errors=True)


def enter():
    """Make the namespace and move this process into it; later children and threads are in it too."""
    run("ip", "netns", "add", NAME)
    # Not `ip netns exec`: that mounts a fresh /sys and hides the control groups from dockerd.
    with open(f"/run/netns/{NAME}", encoding="utf-8") as f:
        if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    run("ip", "link", "set", "lo", "up")
    # Name servers of this machine answer nothing here; as addresses of our own they refuse at once, so a pull from
    # a public registry fails in milliseconds and no test ever reaches the network.
    for line in _read("/etc/resolv.conf").decode(errors="replace").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and not words[1].startswith("127."):
            bits = "128" if ":" in words[1] else "32"
            run("ip", "addr", "add", f"{words[1]}/{bits}", "dev", "lo", check=False)
