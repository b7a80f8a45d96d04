"""Against a real engine and the real Compose: from push to running, down time, projects side by side, looking."""

import json
import re
import subprocess
import time
import urllib.parse
from types import SimpleNamespace

import measure
from waiting import wait_until
from world import BIN, HERE, idle, say, start_daemon

DOCKER = "docker"


def compose_text(version, stamp):
    return (f'services:\n  app:\n    image: "app:1"\n    network_mode: none\n    stop_grace_period: 1s\n'
            f"    environment: {{VERSION: \"{version}\", STAMP: \"{stamp}\"}}\n"
            "    volumes: [\"./app.conf:/etc/app.conf:ro\"]\n")


class Stack:
    """The same projects, once for plain Compose and once in the repository."""

    def __init__(self, world, repo, names):
        self.engine, self.repo, self.names, self.version = world.real_engine(), repo, names, 1
        self.dir = world.place()
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.dir), "DOCKER_HOST": self.engine.url}
        for n in names:
            (self.dir / f"plain-{n}").mkdir()
        self.write_plain()
        self.up_plain()

    def write_plain(self):
        for n in self.names:
            (self.dir / f"plain-{n}" / "compose.yaml").write_text(compose_text(self.version, "plain"))
            (self.dir / f"plain-{n}" / "app.conf").write_text("key = value\n")

    def up_plain(self):
        """`docker compose up -d` as a person types it, one project after the other."""
        for n in self.names:
            subprocess.run([DOCKER, "compose", "up", "-d"], cwd=self.dir / f"plain-{n}", env=self.env, check=True,
                           capture_output=True)

    def files(self):
        out = {}
        for n in self.names:
            out[f"{n}/compose.yaml"] = compose_text(self.version, "agent")
            out[f"{n}/app.conf"] = "key = value\n"
        return out

    def events(self, since, until, project):
        """Times (of the wall clock, seconds) of `die` of the old and `start` of the new container."""
        f = urllib.parse.quote(json.dumps({"type": ["container"], "event": ["die", "start"],
                                           "label": [f"com.docker.compose.project={project}"]}))
        _, body = self.engine.call("GET", f"/events?since={since:.6f}&until={until:.6f}&filters={f}")
        found = [json.loads(line) for line in body.decode().splitlines() if line]
        died = [x["timeNano"] / 1e9 for x in found if x["Action"] == "die"]
        began = [x["timeNano"] / 1e9 for x in found if x["Action"] == "start"]
        assert began, f"{project}: nothing started between {since} and {until}"
        return (died[0] if died else None), began[-1]


def plain_round(stack):
    """(seconds to the last start, down time of the first project)"""
    stack.version += 1
    stack.write_plain()
    begin = time.time()
    stack.up_plain()
    end = time.time() + 0.01
    return _result(stack, "plain-", begin, end)


def agent_round(stack, d, pid):
    """The same by a push; the daemon is told of it as a post-receive hook would tell it."""
    stack.version += 1
    stack.repo.put(stack.files(), f"version {stack.version}")
    before = d.agent.current()
    begin = time.time()
    say(d.agent, "poke")
    wait_until(lambda: d.agent.current() > before, 120, lambda: "not deployed: " + d.agent.daemon_log()[-2000:])
    wait_until(idle(d.agent, pid), 30)
    return _result(stack, "", begin, time.time() + 0.01)


def _result(stack, prefix, begin, end):
    starts, downs = [], []
    for n in stack.names:
        died, began = stack.events(begin, end, prefix + n)
        starts.append(began - begin)
        downs.append(began - died if died else None)
    return max(starts), downs[0]


def on_real_engine(world, projects, transport, names, **settings):
    """An agent with so many projects deployed (on the fake engine), now with the real one and these projects besides."""
    d = world.deployed(projects, transport)
    stack = Stack(world, d.repo, names)
    d.agent.configure(socket=stack.engine.socket, compose=stack.engine.compose, **settings)
    d.agent.source(poll="4m")
    d.repo.put(stack.files())
    d.agent.sync(0)
    return d, stack, start_daemon(d.agent)


def row_push(world):
    """Push to applied / plain `docker compose up -d`, 1000 projects, file and https; and how long it is down."""
    rounds, projects = (3, 100) if world.quick else (15, 1000)
    downs = []
    for transport, target in (("file", 1.05), ("https", 1.15)):
        d, stack, pid = on_real_engine(world, projects, transport, ["web"])
        ours, plain = [], []
        for _ in range(rounds):  # in turns
            plain.append(plain_round(stack))
            ours.append(agent_round(stack, d, pid))
        d.agent.stop_daemon()
        a, b = measure.median(x[0] for x in ours), measure.median(x[0] for x in plain)
        downs.append((measure.median(x[1] for x in ours), measure.median(x[1] for x in plain)))
        yield SimpleNamespace(
            measure=f"push to running / docker compose up -d to running, {projects} projects, {transport}",
            target=target, figure=a / b, raw=f"{a * 1000:.0f} ms / {b * 1000:.0f} ms (medians of {rounds}, in turns)")
    a, b = downs[0]
    yield SimpleNamespace(measure="down time of an update / with docker compose up -d", target=1.1, figure=a / b,
                          raw=f"{a * 1000:.0f} ms / {b * 1000:.0f} ms (medians of {rounds}, die to start)")


def row_parallel(world):
    """8 changed projects at `parallel: 4` / the same by docker compose up -d one after the other."""
    rounds = 3 if world.quick else 11
    d, stack, pid = on_real_engine(world, 10, "file", [f"w{i}" for i in range(8)], parallel=4)
    ours, plain = [], []
    for _ in range(rounds):
        plain.append(plain_round(stack)[0])
        ours.append(agent_round(stack, d, pid)[0])
    d.agent.stop_daemon()
    a, b = measure.median(ours), measure.median(plain)
    yield SimpleNamespace(measure="8 changed projects, parallel 4 / docker compose one after the other", target=0.65,
                          figure=a / b, raw=f"{a:.2f} s / {b:.2f} s to the last start (medians of {rounds})")


def compile_state_bench(world):
    """With the flags that the build's own files had."""
    database = json.loads((BIN / "compile_commands.json").read_text())
    command = next(c["command"] for c in database if c["file"].endswith("agent/engine/engine.c"))
    flags = [w.replace("\\", "") for w in command.split() if re.match(r"-(D|I|isystem|fsanitize|std|f)", w)]
    out = world.base / "state_bench"
    libs = subprocess.run(["pkg-config", "--libs", "libgit2", "yaml-0.1", "libcurl", "libcjson", "libsystemd",
                           "libcrypto", "libssh2"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-O2", *flags, "-I", str(HERE.parents[1]), "-I", "/usr/include/cjson", "-o", str(out),
                    str(HERE / "state_bench.c"), str(BIN / "libcore.a"), "-Wl,--gc-sections", *libs], check=True)
    return out


def row_state(world):
    """State of all projects / one `docker compose ps`, CPU."""
    names = [f"w{i}" for i in range(8)]
    d, stack, _ = on_real_engine(world, 10, "file", names)
    d.agent.stop_daemon()
    program = compile_state_bench(world)
    _, out = measure.run([program, d.agent.config, 300], env=d.agent.env())
    micro, seen = out.split()
    ps = []
    for _ in range(3 if world.quick else 11):
        _, cpu = measure.timed(["env", "-C", str(stack.dir / "plain-w0"), DOCKER, "compose", "ps"], env=stack.env)
        ps.append(cpu)
    ours, theirs = float(micro) / 1e6, measure.median(ps)
    yield SimpleNamespace(measure="state of all projects / one docker compose ps, CPU", target=0.02,
                          figure=ours / theirs, raw=f"{ours * 1000:.3f} ms ({seen} containers, kept connection) / "
                                                    f"{theirs * 1000:.1f} ms")
