"""How long writers stand still, on btrfs with a real engine: an update with its copy, a copy while they are paused."""

import json
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import measure
from dbimages import load
from engine import Engine
from filesystems import FileSystem, engine_on_class
from repo import Repo
from rows_deploy import DOCKER, Stack
from waiting import wait_until

STAMPS = """
import os, time
f = os.open("/data/stamps", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    os.write(f, b"%d\\n" % time.monotonic_ns())
    time.sleep(0.001)
"""
DIRT = """
import os, time
f, block, at, begin = os.open("/data/dirt", os.O_RDWR | os.O_CREAT), os.urandom(1 << 20), 0, time.monotonic()
while True:
    os.pwrite(f, block, (at % 512) << 20)
    at += 1
    time.sleep(max(0, begin + at / 100 - time.monotonic()))
"""


def start(world, kind="btrfs"):
    """(engine on such a file system, repository, agent that makes volumes subvolumes)"""
    engine = engine_on_class(Engine)(FileSystem(kind, name=f"bench-{world.place().name}", size=16 << 30))
    engine.start()
    world.cleanups.append(engine.close)
    engine.image("app:1")
    repo = Repo(world.place() / "git")
    agent = world.agent(engine, repo.url)
    agent.configure(snapshots={"subvolumes": True}, compose=engine.compose)  # itself, not the tests' script around it
    return engine, repo, agent


def row_downtime(world):
    """Down time of an update: the agent with a copy of a btrfs volume, less docker compose up -d."""
    engine, repo, agent = start(world)
    rounds, plain = 3 if world.quick else 15, world.place() / "plain"
    plain.mkdir()
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(plain), "DOCKER_HOST": engine.url}
    stack = SimpleNamespace(engine=engine)  # all that Stack.events() needs
    ours, theirs = [], []
    for n in range(rounds + 1):
        text = json.dumps({"services": {"app": {"image": "app:1", "network_mode": "none", "volumes": ["data:/data"],
                                                "environment": {"N": str(n)}, "stop_grace_period": "1s"}},
                           "volumes": {"data": {}}})
        (plain / "compose.yaml").write_text(text)
        begin = time.time()
        subprocess.run([DOCKER, "compose", "up", "-d"], cwd=plain, env=env, check=True, capture_output=True)
        theirs.append(Stack.events(stack, begin, time.time() + 0.01, "plain"))
        repo.deploy({"web/compose.yaml": text})
        begin = time.time()
        agent.sync(0)
        ours.append(Stack.events(stack, begin, time.time() + 0.01, "web"))
        if n == 0:  # the first makes the volumes: something to copy
            for v in ("web_data", "plain_data"):
                for i in range(1000):
                    (engine.volume_path(v) / str(i)).write_bytes(b"x" * 4096)
    a, b = (measure.median((began - died) * 1000 for died, began in each[1:]) for each in (ours, theirs))
    yield SimpleNamespace(measure="down time of an update with a btrfs volume - docker compose up -d, ms", target=100,
                          figure=a - b, raw=f"{a:.0f} ms - {b:.0f} ms (medians of {rounds}, in turns, die to start)")


def gaps(engine, agent, rounds):
    """The longest time between two stamps of the writer, for each of so many copies; ms."""
    path, found = Path(engine.volume_path("writer_data")) / "stamps", []
    for _ in range(rounds):
        size, begin = path.stat().st_size, time.monotonic_ns()
        agent.run("snapshot", "writer").expect(0)
        end = time.monotonic_ns()
        wait_until(lambda: int(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]) > end + 20_000_000, 20)
        with open(path, "rb") as f:
            f.seek(max(size - 200, 0))
            stamps = [int(x) for x in f.read().splitlines()[1:-1]]
        stamps = [t for t in stamps if t > begin - 20_000_000]
        found.append(max(b - a for a, b in zip(stamps, stamps[1:])) / 1e6)
    return found


def row_pause(world):
    """The gap that a 1 ms writer sees while its volume is copied with `quiesce: pause`, alone and beside 100 MB/s."""
    rounds = 5 if world.quick else 15
    engine, repo, agent = start(world)
    load(engine, "python")
    for beside in (False, True):
        services = {n: {"image": "lite:1", "network_mode": "none", "volumes": [f"{n}:/data"], "user": "70:70",
                        "healthcheck": {"disable": True}, "command": ["/usr/bin/python3", "-S", "-c", script]}
                    for n, script in (("data", STAMPS), ("dirt", DIRT))}
        if not beside:
            del services["dirt"]
        text = json.dumps({"services": services, "volumes": {n: {} for n in services}})
        repo.deploy({"writer/compose.yaml": text,
                     "mdc.yaml": "version: 1\nprojects: {writer: {snapshot: {quiesce: pause}}}\n"})
        agent.sync(0)
        stamps = engine.volume_path("writer_data") / "stamps"
        wait_until(lambda: stamps.exists() and stamps.stat().st_size > 1000, 20)
        if beside:
            dirt = engine.volume_path("writer_dirt") / "dirt"
            wait_until(lambda: dirt.exists() and dirt.stat().st_size > 256 << 20, 60)
        g = gaps(engine, agent, rounds)
        yield SimpleNamespace(
            measure=f"gap of a 1 ms writer, quiesce: pause{', beside 100 MB/s' if beside else ''}, ms", target=60,
            figure=measure.median(g), raw=f"{min(g):.0f} / {measure.median(g):.0f} / {max(g):.0f} ms (of {rounds})")
