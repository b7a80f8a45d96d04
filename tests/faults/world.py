"""
One place for the enumeration: a repository, the agent's state, a fake engine with volumes; all below one directory that is
copied away and put back for each case. Depends on: tests/tools/fake_engine.py, fake_compose.c beside it, and nth_call.c (both compiled by run.sh).
"""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import fake_engine  # noqa: E402
from fake_engine import FILES, PROJECT, SERVICE  # noqa: E402

DONE, FAILED, DEGRADED, LATER = 0, 1, 3, 75
KILLED, LATE = 137, 124
LATE_S = "180"  # a run takes half a second, and fifty times that on a machine that is forty times too busy
CHANGING = ("state", "run", "engine")  # what a run changes below a world's root
FAULTS = {"kill": "kill", "ENOSPC": str(errno.ENOSPC), "EIO": str(errno.EIO)}
GIT_ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
           **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
              for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))}}


def compose(project, v, bad=False, data=True):
    """Two services of one version; one writes to the volume, if there is one."""
    def service(more):
        return {"image": f"app:{'bad' if bad else ''}{v}", "network_mode": "none", "environment": {"V": str(v)},
                "restart": "always", "healthcheck": {"test": ["CMD", "true"]},
                "volumes": [{"type": "bind", "source": "./conf", "target": "/conf", "read_only": True}, *more]}
    volume = [{"type": "volume", "source": "data", "target": "/data"}] if data else []
    return json.dumps({"name": project, "services": {"app": service(volume), "two": service([])},
                       **({"volumes": {"data": {"name": f"{project}_data"}}} if data else {})}, indent=1)


def files(project, v, **how):
    return {f"{project}/compose.yaml": compose(project, v, **how), f"{project}/conf/a": str(v), f"{project}/conf/b": str(v)}


class World:
    def __init__(self, base, programs, tools):
        self.base, self.tools = Path(base), Path(tools)
        self.root, self.saved = self.base / "world", self.base / "saved"
        self.agent = str(Path(programs) / "mdc-agent")
        self.root.mkdir(parents=True)
        self.state, self.config = self.root / "state", self.root / "agent.yaml"
        self.engine = fake_engine.Engine(self.root / "engine", self.base / "engine.sock")
        self.engine_saved = None
        self._git("init", "-q", "--bare", "-b", "main", str(self.root / "config.git"))
        self._git("init", "-q", "-b", "main", str(self.root / "work"))
        self.config.write_text(json.dumps({
            "source": {"url": f"file://{self.root}/config.git"}, "host": "server1", "engine": "docker", "parallel": 1,
            "socket": self.engine.socket, "compose": str(self.tools / "docker-compose"), "state_dir": str(self.state),
            "runtime_dir": str(self.root / "run"), "snapshots": {"min_free": "0%"},
            "defaults": {"health": {"timeout": "20s", "settle": "0s"}}}))
        self.config.chmod(0o600)

    # ---- doing -----------------------------------------------------------------------------------
    def _git(self, *args):
        subprocess.run(["git", *args], cwd=self.root / "work" if (self.root / "work").exists() else self.root, env=GIT_ENV,
                       check=True, capture_output=True)

    def push(self, changed, remove=()):
        for name in remove:
            shutil.rmtree(self.root / "work" / name)
        for name, text in changed.items():
            path = self.root / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "change")
        self._git("push", "-q", str(self.root / "config.git"), "HEAD:main")

    def run(self, *verb, at=None, fault=None, log=None):
        """A verb, under the tracer; its exit code and what it said."""
        argv = [str(self.tools / "nth_call"), "-s", LATE_S]
        argv += ["-n", str(at), "-f", FAULTS[fault]] if at else []
        argv += ["-o", str(log)] if log else []
        r = subprocess.run([*argv, "--", self.agent, "--config", str(self.config), *verb], stdin=subprocess.DEVNULL,
                           env={"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"}, cwd="/",
                           capture_output=True, text=True, errors="replace", check=False)
        return r.returncode, r.stdout + r.stderr

    def save(self):
        shutil.rmtree(self.saved, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.root), str(self.saved)], check=True)
        self.engine_saved = self.engine.save()

    def put_back(self):
        for name in CHANGING:  # the repository is only read
            shutil.rmtree(self.root / name, ignore_errors=True)
            if (self.saved / name).exists():
                subprocess.run(["cp", "-a", str(self.saved / name), str(self.root / name)], check=True)
        self.engine.put_back(self.engine_saved)

    # ---- looking ---------------------------------------------------------------------------------
    def open_work(self):
        return [str(p.relative_to(self.state)) for p in (*self.state.glob("projects/*/intent.json"),
                                                         *self.state.glob("sync.json"))]

    def current(self):
        link = self.state / "current"
        return int(os.path.basename(os.readlink(link))) if link.is_symlink() else 0

    def history(self):
        path = self.state / "history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def shapes(self):
        """Names of all there is below the state directory and the engine's, without what is random in them."""
        found = set()
        for top in (self.state, self.root / "engine"):
            for at, dirs, names in os.walk(top):
                if "/live/" in at or at.endswith("/_data"):
                    continue
                for name in dirs + names:
                    path = os.path.relpath(os.path.join(at, name), self.root)
                    if re.search(r"repo\.git/objects/(?!pack/)", path):
                        continue
                    # What could not be set aside stays in the snapshot that it was exchanged with; its record says so.
                    path = re.sub(r"[0-9a-f]{8,}", "H", path.replace("_PRE-", "-"))
                    found.add(re.sub(r"\d+", "N", path))
        return found

    def volume_version(self, name):
        """What all files of a volume say; a set."""
        return {(self.engine.data(name) / f"f{i + 1}").read_text() for i in range(FILES)}

    def ids(self):
        return {c["name"]: c["id"] for c in self.engine.containers() if PROJECT in c["labels"]}

    def project(self, name):
        """Every sign of a version of a project: containers, files they mount; {} where there is none."""
        signs = {}
        for c in self.engine.containers(name):
            signs[f"container {c['name']}"] = c["env"]["V"]
            signs[f"image of {c['name']}"] = re.sub(r".*:(?:bad)?(\d+)(?:@.*)?$", r"\1", c["image"])
        if signs:
            for f in ("a", "b"):
                signs[f"live/{f}"] = (self.state / "live" / name / "conf" / f).read_text()
        return signs

    def unhealthy(self, name):
        got = {c["labels"][SERVICE]: c for c in self.engine.containers(name)}
        return [f"{c['name']} is {c['state']}, {c['image']}" for c in got.values() if c["state"] != "running" or
                "bad" in c["image"]] + [f"no {s}" for s in ("app", "two") if s not in got]

    def untouched(self):
        """What is not ours: containers, volumes and their data."""
        foreign = [c for c in self.engine.containers() if PROJECT not in c["labels"]]
        text = json.dumps(foreign, sort_keys=True)
        for path in sorted((self.root / "engine" / "volumes" / "foreign_data").rglob("*")):
            text += f"{path} {path.read_text() if path.is_file() else ''}\n"
        return hashlib.sha256(text.encode()).hexdigest()
