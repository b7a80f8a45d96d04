"""
A real systemd as process 1 of namespaces of its own, on a throw-away overlay of this machine's root: the installed unit,
a dockerd under systemd, the journal. No image and nothing downloaded; boots in about a second.
Depends on: util-linux, overlayfs, a cgroup2 tree; sandbox, engine, agent.
"""

import json
import os
import subprocess
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import agent as agent_module
import sandbox
from agent import Agent, Result
from engine import NETWORK, Engine
from waiting import wait_until

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What would act on the kernel, the devices or the network of the machine below, and what has nothing to do here.
MASKED = """systemd-sysctl.service systemd-binfmt.service systemd-modules-load.service modprobe@.service
    kmod-static-nodes.service systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket
    systemd-udevd-kernel.socket systemd-timesyncd.service systemd-resolved.service systemd-networkd.service
    systemd-remount-fs.service systemd-update-utmp.service systemd-random-seed.service systemd-pstore.service
    getty.target dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
    sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount
    proc-sys-fs-binfmt_misc.mount podman.socket network-online.target""".split()

# Runs as the first process of the new namespaces: builds the root and becomes systemd. All mounts are private to it.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o size=2g,mode=755 mdct "$S/t"     # an upper directory below lowerdir=/ would overlap with it
mkdir "$S/t/upper" "$S/t/work"
R=$S/root
mount -t overlay -o "lowerdir=/,upperdir=$S/t/upper,workdir=$S/t/work" mdct "$R"
mount -t proc proc "$R/proc"
mount -t sysfs sysfs "$R/sys"
mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"
mount -t tmpfs -o mode=755 mdct "$R/dev"
for n in null zero full random urandom tty; do : >"$R/dev/$n"; mount --bind "/dev/$n" "$R/dev/$n"; done
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$R/dev/pts"
mount -t tmpfs mdct "$R/dev/shm"
ln -s pts/ptmx "$R/dev/ptmx"
ln -s /proc/self/fd "$R/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$R/dev/${n#*:}"; done
mount -t tmpfs -o mode=755 mdct "$R/run"
mount -t tmpfs -o mode=1777 mdct "$R/tmp"
mkdir -p "$R/srv/mdct" "$R/var/lib/docker" "$R/var/lib/mdc-agent" "$R/etc/mdc-agent" "$R/old"
mount -t tmpfs -o mode=1777 mdct "$R/var/tmp"
mount --bind "$BASE" "$R/srv/mdct"                 # not below its own name: the unit has a /tmp and /var/tmp of its own
mkdir "$R/written"
mount --bind "$S/t/upper" "$R/written"             # all that the machine wrote to its root
mount --bind "$S/docker" "$R/var/lib/docker"       # real file systems: overlay2 cannot lie on an overlay
mount --bind "$S/state" "$R/var/lib/mdc-agent"
mount --bind "$S/etc" "$R/etc/mdc-agent"
rm -rf "$R"/etc/systemd/system/*.wants "$R/etc/systemd/system/default.target" "$R/var/log/journal"
for u in $MASKED; do ln -sf /dev/null "$R/etc/systemd/system/$u"; done
: >"$R/etc/fstab"
: >"$R/etc/environment"
cp "$S/docker.service" "$R/etc/systemd/system/docker.service"
DESTDIR=$R cmake --install "$BIN" --prefix /usr/local >"$S/install.log" 2>&1
ip link set lo up
for a in $NAMESERVERS; do ip addr add "$a" dev lo; done
cd "$R"
pivot_root . old
umount -l /old
mount --make-rshared /  # credentials are mounted by a helper in a namespace of its own
cd /
exec env -i container=mdct PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
	/lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=no
"""

DOCKER_UNIT = """
[Unit]
Description=dockerd of the tests
[Service]
Type=notify
ExecStart=dockerd -H unix:///run/docker.sock --exec-opt native.cgroupdriver=cgroupfs --shutdown-timeout 1 {network}
Delegate=yes
KillMode=process
LimitNOFILE=infinity
TimeoutStopSec=20
"""


def _cgroup_root():
    for place in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        if Path(place, "cgroup.controllers").exists():
            return Path(place)
    raise RuntimeError("no cgroup2 tree: a systemd cannot be booted here")


class Machine:
    """One booted systemd. The tests' directory is /srv/mdct in it; its /etc/mdc-agent and state are below `base`."""

    def __init__(self, base):
        self.base = Path(base)
        self.cgroup = _cgroup_root() / f"{sandbox.NAME}-sd"
        self.process = self.pid = None
        for d in ("t", "root", "docker", "state", "etc"):
            (self.base / d).mkdir(parents=True, exist_ok=True)

    def boot(self):
        (self.base / "docker.service").write_text(DOCKER_UNIT.format(network=" ".join(NETWORK)))
        (self.base / "boot.sh").write_text(BOOT)
        self.remove_cgroups()
        self.cgroup.mkdir()
        env = {"PATH": os.environ["PATH"], "S": str(self.base), "BASE": str(sandbox.BASE),
               "BIN": str(agent_module.BIN), "MASKED": " ".join(MASKED), "NAMESERVERS": " ".join(_nameservers())}
        # A shell stays in the tests' own namespace: that is how what is left of a killed run is found.
        script = (f"echo $$ >{self.cgroup}/cgroup.procs; unshare --mount --pid --ipc --uts --cgroup --net --fork "
                  f"--kill-child sh {self.base}/boot.sh; exit $?")
        log = open(self.base / "console.log", "ab")
        self.process = subprocess.Popen(["sh", "-c", script], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()
        self.pid = wait_until(self._init, 60, self.console)
        wait_until(lambda: self.run("systemctl", "is-system-running", check=False).out.strip()
                   in ("running", "degraded"), 60, self.console)

    def console(self):
        return (self.base / "console.log").read_text(errors="replace")[-4000:]

    def _init(self):
        assert self.process.poll() is None, self.console()
        tree = sandbox._children()
        for unshare in tree.get(self.process.pid, []):
            for pid in tree.get(unshare, []):
                if sandbox._read(f"/proc/{pid}/cmdline").startswith(b"/lib/systemd/systemd\0"):
                    return pid
        return None

    def remove_cgroups(self):
        for _ in range(50):
            for d in sorted(self.cgroup.glob("**/"), key=lambda p: -len(str(p))):
                try:
                    d.rmdir()
                except OSError:
                    pass
            if not self.cgroup.exists():
                return
            wait_until(lambda: True, 1)

    def close(self):
        if self.process and self.process.poll() is None:
            self.run("systemctl", "stop", "mdc-agent.service", check=False)
            os.kill(self.pid, 9)  # with it every process of its namespace, and every mount
            self.process.wait(20)
        wait_until(lambda: self.remove_cgroups() or not self.cgroup.exists(), 20, "control groups stay")

    # ---- inside ----------------------------------------------------------------------------------
    def argv(self, *args):
        return ["nsenter", "-t", str(self.pid), "--all", "env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "HOME=/root",
                *map(str, args)]

    def run(self, *args, check=True, stdin=None, timeout=120):
        r = subprocess.run(self.argv(*args), capture_output=True, text=True, timeout=timeout, input=stdin,
                           stdin=subprocess.DEVNULL if stdin is None else None)
        result = Result(args, r.returncode, r.stdout, r.stderr)
        return result.expect(0) if check else result

    def within(self, fn):
        """Call fn in the machine's network: a socket that it opens is there. Returns what fn returns."""
        def call():
            with open(f"/proc/{self.pid}/ns/net", encoding="utf-8") as f:
                if sandbox.libc.setns(f.fileno(), sandbox.CLONE_NEWNET) != 0:
                    raise OSError("setns")
            return fn()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(call).result()

    def path(self, inside):
        """A path of the machine, seen from outside."""
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    @staticmethod
    def inside(path):
        """Where something below the tests' directory is in the machine."""
        return Path("/srv/mdct") / Path(path).relative_to(sandbox.BASE)

    def write(self, inside, text, mode=0o644):
        p = self.path(inside)
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text)
        p.chmod(mode)

    def systemctl(self, *args, check=True):
        return self.run("systemctl", *args, check=check).out.strip()

    def show(self, key, unit="mdc-agent.service"):
        return self.systemctl("show", unit, "--value", "-p", key)

    def journal(self, *match):
        """Entries as dictionaries, oldest first."""
        out = self.run("journalctl", "--no-pager", "-o", "json", "--all", *match, check=False).out
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def _nameservers():
    """Name servers that do not answer become addresses of its own: what asks them fails at once."""
    found = []
    for line in sandbox._read("/etc/resolv.conf").decode(errors="replace").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and not words[1].startswith("127."):
            found.append(words[1] + ("/128" if ":" in words[1] else "/32"))
    return found


class MachineEngine(Engine):
    """The machine's own dockerd, spoken to through its socket from outside."""

    def __init__(self, machine):
        super().__init__(machine.base / "engine")
        self.machine, self.data_root = machine, machine.base / "docker"

    def start(self):
        self.base.mkdir(exist_ok=True)
        self.machine.systemctl("start", "docker.service")
        self.socket = f"/proc/{self.machine.pid}/root/run/docker.sock"
        wait_until(self.alive, 60, self.log_tail)

    def stop(self):
        self.machine.systemctl("stop", "docker.service")

    def log_tail(self):
        return self.machine.run("journalctl", "-u", "docker.service", "--no-pager", "-n", "20", check=False).text


class Unit(Agent):
    """mdc-agent.service, installed as `cmake --install` does it; verbs run beside it, as root would run them."""

    def __init__(self, machine, engine, url, **source):
        self.machine = machine
        super().__init__(machine.base / "agent", engine, url, **source)

    def configure(self, **changes):
        self.config = self.machine.base / "etc" / "agent.yaml"
        self.state = self.machine.base / "state"
        for key in ("state_dir", "runtime_dir", "socket", "compose"):
            self.settings.pop(key, None)
        super().configure(**changes)

    def run(self, *args, fault=None, timeout=120, **env):
        return self.machine.run("/usr/local/bin/mdc-agent", *args, check=False, timeout=timeout)

    def drop_in(self, name, text, unit="mdc-agent"):
        """A drop-in of the unit; None removes it."""
        path = f"/etc/systemd/system/{unit}.service.d/{name}.conf"
        if text is None:
            self.machine.path(path).unlink(missing_ok=True)
        else:
            self.machine.write(path, textwrap.dedent(text))
        self.machine.systemctl("daemon-reload")

    def up(self):
        """Start it: systemd returns when it has said that it is ready."""
        # Its leak check is a debugger; the sandbox has none.
        for unit in ("mdc-agent", "mdc-agent-secrets"):
            self.drop_in("sanitizers", "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n", unit)
        self.machine.systemctl("reset-failed", "mdc-agent.service", check=False)
        r = self.machine.run("systemctl", "start", "mdc-agent.service", check=False)
        assert r.code == 0, self.log()

    def down(self):
        self.machine.systemctl("stop", "mdc-agent.service")

    def log(self):
        return self.machine.run("journalctl", "-u", "mdc-agent.service", "--no-pager", "-n", "60", check=False).text

    def main_pid(self):
        return int(self.machine.show("MainPID"))

    def close(self):
        pass
