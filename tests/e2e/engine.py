"""A dockerd of the tests' own, its API, and small images made from busybox without any registry."""

import functools
import hashlib
import http.client
import io
import json
import os
import platform
import signal
import socket
import subprocess
import tarfile
import urllib.parse
from pathlib import Path

import sandbox
from waiting import wait_until

PLUGIN_DIRS = ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"]
APPLETS = ("sh sleep cat echo httpd wget test true false kill date touch mkdir env id head ls rm mv grep "
           "sync nc seq").split()


def find_compose():
    for d in [os.path.expanduser("~/.docker")] + PLUGIN_DIRS:
        path = Path(d) / ("cli-plugins" if d.endswith(".docker") else "docker/cli-plugins") / "docker-compose"
        if path.exists():
            return str(path)
    raise RuntimeError("no Compose v2 plugin: run tests/install.sh")


def tar_of(files):
    """A tar archive: path -> bytes or text, None for a directory, ("link", target) for a symlink."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        for path, data in files.items():
            t = tarfile.TarInfo(path)
            t.mode = 0o755
            if data is None:
                t.type = tarfile.DIRTYPE
            elif isinstance(data, tuple):
                t.type, t.linkname = tarfile.SYMTYPE, data[1]
            else:
                data = data.encode() if isinstance(data, str) else data
                t.size = len(data)
            tar.addfile(t, io.BytesIO(data) if isinstance(data, bytes) else None)
    return body.getvalue()


@functools.cache
def base_layer():
    """A root file system of one static program."""
    files = {d: None for d in ("bin", "etc", "tmp", "www", "data")}
    files["bin/busybox"] = Path("/bin/busybox").read_bytes()
    files.update({f"bin/{a}": ("link", "busybox") for a in APPLETS})
    files["etc/passwd"] = "root:x:0:0::/:/bin/sh\n"
    return tar_of(files)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("engine", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class EngineError(RuntimeError):
    pass


class Container:
    """One container as the list call shows it; attributes in our words."""

    def __init__(self, raw):
        self.raw = raw
        self.id = raw["Id"]
        self.name = raw["Names"][0].lstrip("/") if raw.get("Names") else ""
        self.labels = raw.get("Labels") or {}
        self.project = self.labels.get("com.docker.compose.project", "")
        self.service = self.labels.get("com.docker.compose.service", "")
        self.state = raw["State"]
        self.status = raw["Status"]
        self.image = raw["Image"]
        self.image_id = raw["ImageID"]

    def __repr__(self):
        return f"<{self.name} {self.state} {self.image} {self.id[:12]}>"


NETWORK = ["--bip", "10.198.21.1/24", "--default-address-pool", "base=10.121.0.0/16,size=24"]


class Engine:
    kind = "docker"

    def __init__(self, base, data_root=None, network=None):
        self.base = Path(base)
        self.data_root, self.network = Path(data_root or self.base / "data"), network or NETWORK
        self.socket = str(self.base / "docker.sock")
        self.url = f"unix://{self.socket}"
        self.process = None
        self.restarts = 0
        self.compose = find_compose()

    # ---- the daemon --------------------------------------------------------------------------
    def start(self):
        self.base.mkdir(parents=True, exist_ok=True)
        for name in ("pid", "docker.sock"):
            (self.base / name).unlink(missing_ok=True)
        log = open(self.base / "log", "ab")
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", str(self.data_root), "--exec-root", str(self.base / "exec"),
             "--pidfile", str(self.base / "pid"), "-H", self.url, *self.network,
             "--containerd-namespace", "mdct", "--containerd-plugins-namespace", "mdct-plugins",
             "--shutdown-timeout", "1", "--insecure-registry", "127.0.0.1:5000"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        wait_until(self.alive, 60, lambda: "dockerd does not answer:\n" + self.log_tail())

    def alive(self):
        if self.process and self.process.poll() is not None:
            raise EngineError("dockerd ended:\n" + self.log_tail())
        try:
            return self.call("GET", "/_ping", timeout=2)[0] == 200
        except OSError:
            return False

    def log_tail(self):
        return "\n".join((self.base / "log").read_text(errors="replace").splitlines()[-20:])

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def kill(self):
        """kill -9, as a crash would; the containers' processes live on until the next start."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.process = None
        # Its containerd dies with it, a moment later; a new dockerd that still sees the old one waits for it in vain.
        pidfile = self.base / "exec/containerd/containerd.pid"
        pid = int(pidfile.read_text())
        wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), 20, "containerd does not end")
        pidfile.unlink()

    def restart(self, kill=False):
        """Every container ends with it; those with a restart policy come back."""
        if self.process:
            (self.kill if kill else self.stop)()
        self.restarts += 1
        self.start()

    def close(self):
        """What stop() and kill() leave, at the end of a run."""

    # ---- the API -------------------------------------------------------------------------------
    def call(self, method, path, body=None, headers=None, timeout=60):
        c = UnixConnection(self.socket, timeout)
        try:
            h = dict(headers or {})
            if isinstance(body, (dict, list)):
                body, h["Content-Type"] = json.dumps(body), "application/json"
            try:
                c.request(method, path, body=body, headers=h)
            except BrokenPipeError:
                pass  # refused before all of the body was sent: the answer says why
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def api(self, method, path, body=None, headers=None, missing_ok=False):
        status, data = self.call(method, path, body, headers)
        if status == 404 and missing_ok:
            return None
        if status >= 400:
            raise EngineError(f"{method} {path}: {status} {data.decode(errors='replace')}")
        if not data:
            return None
        try:
            return json.loads(data)
        except ValueError:
            return data

    # ---- containers ----------------------------------------------------------------------------
    def containers(self, project=None):
        labels = [f"com.docker.compose.project={project}"] if project else []
        q = urllib.parse.quote(json.dumps({"label": labels}))
        return sorted((Container(c) for c in self.api("GET", f"/containers/json?all=1&filters={q}")),
                      key=lambda c: (c.project, c.service, c.name))

    def ids(self, project):
        """service -> container id (for services of one container)."""
        return {c.service: c.id for c in self.containers(project)}

    def running(self, project):
        return sorted(c.service for c in self.containers(project) if c.state == "running")

    def one(self, project, service="app"):
        found = [c for c in self.containers(project) if c.service == service]
        assert len(found) == 1, f"{project}/{service}: {found}"
        return found[0]

    def inspect(self, cid):
        return self.api("GET", f"/containers/{cid}/json")

    def env(self, project, service="app"):
        env = self.inspect(self.one(project, service).id)["Config"]["Env"] or []
        return dict(e.split("=", 1) for e in env)

    def exec(self, cid, *argv):
        """Run a command in a container; its output, without trailing newline."""
        made = self.api("POST", f"/containers/{cid}/exec",
                        {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True})
        status, data = self.call("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
        assert status == 200, data
        out = b""
        while data:  # frames: kind, 3 zeros, length
            size = int.from_bytes(data[4:8], "big")
            out, data = out + data[8:8 + size], data[8 + size:]
        return out.decode(errors="replace").rstrip("\n")

    def commands(self, cid):
        """Command lines of the container's processes; not by `top`, which not every engine can without a `ps`."""
        found = []
        for pid in sandbox.processes():
            if cid.encode() in sandbox._read(f"/proc/{pid}/cgroup"):
                found.append(sandbox._read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip())
        return found

    def version(self, project, service="app"):
        """What /version says in the running container: which image really runs."""
        return self.exec(self.one(project, service).id, "cat", "/version")

    def runs(self, project, version, service="app"):
        """True if one container of the service is there, runs, and is of this version; never fails in mid-change."""
        found = [c for c in self.containers(project) if c.service == service]
        try:
            return len(found) == 1 and found[0].state == "running" and self.version(project, service) == str(version)
        except (AssertionError, EngineError):
            return False

    def read(self, project, path, service="app"):
        return self.exec(self.one(project, service).id, "cat", path)

    def remove(self, cid):
        status, data = self.call("DELETE", f"/containers/{cid}?force=1&v=0")
        if status >= 400 and status not in (404, 409):
            raise EngineError(data.decode(errors="replace"))

    def create(self, name, image, argv, labels=None, start=True, **host):
        body = {"Image": image, "Cmd": argv, "Labels": labels or {}, "HostConfig": host}
        cid = self.api("POST", f"/containers/create?name={name}", body)["Id"]
        if start:
            self.api("POST", f"/containers/{cid}/start")
        return cid

    # ---- the rest ------------------------------------------------------------------------------
    def volumes(self):
        return sorted(v["Name"] for v in self.api("GET", "/volumes")["Volumes"] or [])

    def networks(self):
        return sorted(n["Name"] for n in self.api("GET", "/networks"))

    def images(self):
        """tag -> image id."""
        found = {}
        for i in self.api("GET", "/images/json"):
            for t in i.get("RepoTags") or []:
                found[t] = i["Id"]
        return found

    @staticmethod
    def archive(name, version=None, cmd=None, **config):
        """What `docker save` would write of the image that image() makes."""
        version = name.rpartition(":")[2] if version is None else str(version)
        layers = [base_layer(), tar_of({"version": version, "www/index.html": version})]
        settings = {"Cmd": cmd or ["/bin/sh", "-c", "exec sleep 1000000"], "Env": ["PATH=/bin"],
                    "StopSignal": "SIGKILL", **config}  # stopping never costs a grace period
        described = json.dumps({
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "os": "linux", "config": settings,
            "history": [{"created_by": "a test"} for _ in layers], "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(d).hexdigest() for d in layers]}})
        manifest = [{"Config": "config.json", "RepoTags": [name],
                     "Layers": [f"{i}/layer.tar" for i in range(len(layers))]}]
        files = {"config.json": described, "manifest.json": json.dumps(manifest)}
        files.update({f"{i}/layer.tar": d for i, d in enumerate(layers)})
        return tar_of(files)

    def image(self, name, version=None, cmd=None, **config):
        """Make image `name` with /version; it idles unless cmd says else. config: more of an image's settings."""
        archive = self.archive(name, version, cmd, **config)
        status, out = self.call("POST", "/images/load", archive, {"Content-Type": "application/x-tar"})
        assert status == 200 and b'"error"' not in out, out
        return self.api("GET", f"/images/{name}/json")["Id"]

    def tag(self, name, new):
        repo, _, tag = new.rpartition(":")
        self.api("POST", f"/images/{name}/tag?" + urllib.parse.urlencode({"repo": repo, "tag": tag}))

    def untag(self, name):
        self.api("DELETE", f"/images/{urllib.parse.quote(name, safe='')}?force=1", missing_ok=True)

    def push(self, name):
        status, out = self.call("POST", f"/images/{name.rpartition(':')[0]}/push?tag={name.rpartition(':')[2]}",
                                headers={"X-Registry-Auth": "e30="})
        assert status == 200 and b'"error"' not in out, out

    def compose_run(self, *args, **kw):
        """Plain Compose, as a person would run it, for stacks that are not the agent's."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.base), "DOCKER_HOST": self.url}
        return subprocess.run([self.compose, *args], env=env, capture_output=True, text=True, timeout=120, **kw)

    def snapshot(self):
        """Everything the engine has, in a form that can be compared: for "changes nothing"."""
        return {
            "containers": {c.id: (c.name, c.state, self.inspect(c.id)["State"]["StartedAt"])
                           for c in self.containers()},
            "networks": self.networks(), "volumes": self.volumes(), "images": self.images(),
        }

    def wipe(self, keep_containers=(), keep_networks=(), keep_volumes=()):
        """Remove what a test left, but not what belongs to the unmanaged bystanders."""
        for c in self.containers():
            if c.id not in keep_containers:
                self.remove(c.id)
        for n in self.api("GET", "/networks"):
            if n["Name"] not in ("bridge", "host", "none", "podman") and n["Name"] not in keep_networks:
                self.call("DELETE", f"/networks/{n['Id']}")
        for v in self.volumes():
            if v not in keep_volumes:
                self.call("DELETE", f"/volumes/{v}?force=1")
