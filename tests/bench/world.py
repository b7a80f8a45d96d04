"""
What the measurements are made on: a network namespace and a directory of their own, a real engine, or the fake one with
any number of deployed projects. State with a thousand projects is made by the agent itself, deploying them on the fake
engine, once for each size; each row gets a copy.
Depends on: tests/e2e.
"""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / "tools"
sys.path.insert(0, str(HERE.parent / "e2e"))

import sandbox  # noqa: E402
sandbox.NAME = os.environ.get("MDC_BENCH_NAME", "mdct-bench")
sandbox.BASE = Path(os.environ.get("MDC_BENCH_DIR", f"/var/tmp/{sandbox.NAME}"))

from agent import BIN, Agent, base_env  # noqa: E402
from engine import Engine  # noqa: E402
from gitservers import HttpsServer, SshServer  # noqa: E402
from repos import BulkRepo  # noqa: E402
from waiting import wait_until  # noqa: E402
import measure  # noqa: E402

TOKEN = "bench-token"
SEED_PARALLEL = 8


class World:
    def __init__(self, quick):
        self.quick = quick
        self.base = sandbox.BASE
        self.cleanups = []
        self.seeds, self.fakes, self.real, self.count = {}, None, None, 0

    # ---- begin and end ---------------------------------------------------------------------------
    def __enter__(self):
        sandbox.clean()
        self.base.mkdir(parents=True)
        sandbox.enter()
        return self

    def __exit__(self, *exc):
        for f in reversed(self.cleanups):
            f()
        if not os.environ.get("MDC_BENCH_KEEP"):
            sandbox.clean()

    def place(self):
        self.count += 1
        p = self.base / f"r{self.count}"
        p.mkdir(parents=True)
        return p

    # ---- engines ---------------------------------------------------------------------------------
    def fake_engine(self):
        """A fake engine of its own, for one agent; and the fake Compose, compiled once."""
        if not self.fakes:
            self.fakes = self.base / "fakes"
            self.fakes.mkdir()
            subprocess.run(["cc", "-O2", "-DTIMES", "-o", str(self.fakes / "docker-compose"),
                            str(TOOLS / "fake_compose.c")], check=True)
        path = self.place() / "engine.sock"
        process = subprocess.Popen([sys.executable, str(TOOLS / "fake_engine.py"), str(path)],
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        self.cleanups.append(lambda: (process.kill(), process.wait()))
        wait_until(path.exists, 20, "the fake engine does not start")
        return SimpleNamespace(kind="docker", socket=str(path), compose=str(self.fakes / "docker-compose"), process=process)

    def fake_compose_seconds(self):
        """Processor time that the fake Compose took since the last call."""
        path = Path(str(self.fakes / "docker-compose") + ".times")
        if not path.exists():
            return 0.0
        total = sum(int(line) for line in path.read_text().split()) / 1e6
        path.unlink()
        return total

    def real_engine(self):
        if not self.real:
            self.real = Engine(self.base / "engine")
            self.real.start()
            self.cleanups.append(self.real.stop)
            for v in (1, 2, 3):
                self.real.image(f"app:{v}")
        return self.real

    # ---- agents ----------------------------------------------------------------------------------
    def agent(self, engine, url, base=None, **source):
        a = Agent(base or self.place(), engine, url, **source)
        # Not through the script that the tests put in front of Compose: only the agent's own cost counts.
        a.configure(compose=engine.compose, defaults={"health": {"timeout": "60s", "settle": "0s"}})
        self.cleanups.append(a.close)
        return a

    def deployed(self, n, transport="file"):
        """(repo, agent) with n projects deployed on a fake engine."""
        if n not in self.seeds:
            self.seeds[n] = self._seed(n)
        seed = self.seeds[n]
        place = self.place()
        shutil.copytree(seed.repo.bare, place / "git" / "config.git")
        repo = BulkRepo.__new__(BulkRepo)
        repo.bare, repo.n, repo.versions = place / "git" / "config.git", n, dict(seed.repo.versions)
        source = self.source(transport, repo.bare, place)
        shutil.copytree(seed.agent.state, place / "agent" / "state", symlinks=True)
        a = self.agent(seed.engine, source.url, base=place / "agent", **source.keys)
        a.sync(0, timeout=3600)  # another URL and agent.yaml: a full sync that finds nothing to deploy
        return SimpleNamespace(repo=repo, agent=a, server=source.server, engine=seed.engine)

    def _seed(self, n):
        place = self.place()
        engine = self.fake_engine()
        repo = BulkRepo(place / "git" / "config.git", n)
        a = self.agent(engine, repo.url, base=place / "agent")
        a.configure(parallel=SEED_PARALLEL)
        print(f"    (deploying {n} projects on the fake engine)", file=sys.stderr, flush=True)
        a.sync(0, timeout=7200)
        assert a.current() == 1
        return SimpleNamespace(repo=repo, agent=a, engine=engine)

    # ---- sources ---------------------------------------------------------------------------------
    def source(self, transport, bare, place):
        """url and the other keys of `source`, and the server; it ends with the run."""
        if transport == "file":
            return SimpleNamespace(url=f"file://{bare}", keys={}, server=None)
        if transport == "https":
            token = place / "token"
            token.write_text(TOKEN + "\n")
            token.chmod(0o600)
            server = HttpsServer(bare.parent, token=TOKEN)
            self.cleanups.append(server.close)
            return SimpleNamespace(url=server.url(bare.name), server=server,
                                   keys={"token_file": str(token), "ca_file": str(server.ca_file)})
        server = SshServer(place / "ssh")
        self.cleanups.append(server.close)
        return SimpleNamespace(url=server.url(bare), server=server,
                               keys={"ssh_key_file": str(server.key_file),
                                     "known_hosts_file": str(server.known_hosts_file)})


# ---- the daemon ------------------------------------------------------------------------------------
def say(agent, word):
    """One word on the control socket; the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(agent.runtime / "control.sock"))
        s.sendall(word.encode() + b"\n")
        return s.recv(65536).decode()


def idle(agent, pid):
    """No sync under way."""
    return lambda: not [c for c in measure.children(pid) if "mdc-agent" in _name(c)]


def _name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def start_daemon(agent, wrap=None):
    """mdc-agentd itself (not through `mdc-agent run`, whose exec a wrapper would not follow); waits for its first sync."""
    argv = [str(BIN / "mdc-agentd"), "--config", str(agent.config)]
    agent.runtime.mkdir(exist_ok=True)
    before = len(agent.history())
    log = open(agent.base / "daemon.log", "ab")
    agent.daemon = subprocess.Popen(wrap(argv) if wrap else argv, env=base_env(agent.base), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, start_new_session=True, cwd="/")
    log.close()
    sock = agent.runtime / "control.sock"
    wait_until(lambda: agent.daemon_alive() and sock.exists(), 60, "the daemon does not start")
    wait_until(lambda: len(agent.history()) > before or idle(agent, agent.daemon.pid)(), 60, "no first sync")
    wait_until(lambda: '"sync"' not in say(agent, "status") and idle(agent, agent.daemon.pid)(), 120,
               "the first sync does not end", every=0.2)
    return agent.daemon.pid
