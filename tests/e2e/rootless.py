"""
Podman without root, and an agent beside it, as somebody who has an account with subordinate ids and nothing else. The
account exists in the holder's mount namespace only.  Depends on: podman, agent; uidmap, util-linux.
"""

import os
import shutil
import subprocess
from pathlib import Path

from agent import PROGRAM, Result, no_sanitizer_reports
from podman import HOLDER, Podman

USER, UID, FIRST = "mdctuser", 4711, 2000000
CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
"""
ACCOUNT = """
for file in passwd group subuid subgid; do mount --bind {base}/etc/$file /etc/$file; done
"""


class Rootless(Podman):
    def __init__(self, base):
        super().__init__(base)
        self.home, self.runtime = self.base / "home", self.base / "run"
        self.socket = str(self.runtime / "podman/podman.sock")
        self.url = f"unix://{self.socket}"
        self.settings = self.home / ".config/mdc-agent/agent.yaml"
        self.state = self.home / ".local/state/mdc-agent"
        self.program = self.base / "bin/mdc-agent"

    def hold(self):
        etc = self.base / "etc"
        for d in (self.home / ".config/containers", self.settings.parent, Path(self.socket).parent, etc,
                  self.program.parent):
            d.mkdir(parents=True)
        (self.home / ".config/containers/containers.conf").write_text(CONTAINERS)
        for name, line in (("passwd", f"{USER}:x:{UID}:{UID}::{self.home}:/bin/sh\n"), ("group", f"{USER}:x:{UID}:\n")):
            (etc / name).write_text(Path("/etc", name).read_text() + line)
        for name in ("subuid", "subgid"):
            (etc / name).write_text(f"{USER}:{FIRST}:65536\n")
            if not Path("/etc", name).exists():
                Path("/etc", name).touch()
        shutil.copy(PROGRAM, self.program)  # the build may lie where only root may look
        self.own(self.home, self.runtime)
        self.runtime.chmod(0o700)
        self.hold_with(HOLDER + ACCOUNT.format(base=self.base))

    def own(self, *paths, uid=UID):
        subprocess.run(["chown", "-hR", f"{uid}:{uid}", *map(str, paths)], check=True)

    def environment(self):
        return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.home),
                "XDG_RUNTIME_DIR": str(self.runtime), "USER": USER,
                "ASAN_OPTIONS": f"log_path={self.home}/sanitizer", "UBSAN_OPTIONS": f"log_path={self.home}/sanitizer"}

    def as_user(self, *argv):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "setpriv", f"--reuid={UID}", f"--regid={UID}",
                "--clear-groups", *argv]

    def argv(self, *args):
        return self.as_user("podman", *args)

    def agent(self, *args, unshare=False, timeout=120):
        """A verb of the agent as that user, with no setting that says where anything is."""
        argv = [*(["podman", "unshare"] if unshare else []), str(self.program), *args]
        r = subprocess.run(self.as_user(*argv), env=self.environment(), capture_output=True, text=True, cwd="/",
                           stdin=subprocess.DEVNULL, timeout=timeout)
        no_sanitizer_reports(self.home)
        return Result(argv, r.returncode, r.stdout, r.stderr)

    def volume(self, name):
        return self.home / ".local/share/containers/storage/volumes" / name / "_data"

    def close(self):
        for c in self.containers() if self.process else []:
            self.remove(c.id)
        if self.process:
            self.kill()
        super().close()
