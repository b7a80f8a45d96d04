"""What receivers of reports cost a deployment: one that hangs against none at all."""

import socket
import threading
import time
from types import SimpleNamespace

import measure
from rows_deploy import Stack


class Hanging:
    """Takes every connection and never answers."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/hook"
        self.taken = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                self.taken.append(self.socket.accept())
        except OSError:
            pass

    def close(self):
        self.socket.close()


def one(d, stack, webhooks):
    """Seconds of a sync that deploys a new version. The settings are new each time, in both cases."""
    d.agent.configure(webhooks=webhooks)
    stack.version += 1
    d.repo.put(stack.files(), f"version {stack.version}")
    begin = time.monotonic()
    d.agent.sync(0)
    return time.monotonic() - begin


def row_deliver(world):
    """Deployment with a receiver that hangs / without receivers."""
    rounds = 5 if world.quick else 21
    d = world.deployed(10)
    stack = Stack(world, d.repo, ["web"])
    d.agent.configure(socket=stack.engine.socket, compose=stack.engine.compose)
    d.repo.put(stack.files())
    d.agent.sync(0)
    hanging = Hanging()
    hook = [{"url": hanging.url, "name": "hanging"}]
    one(d, stack, hook)
    with_it, without = [], []
    for _ in range(rounds):  # in turns
        with_it.append(one(d, stack, hook))
        without.append(one(d, stack, None))
    assert hanging.taken, "nobody asked the receiver"
    hanging.close()
    a, b = measure.median(with_it), measure.median(without)
    yield SimpleNamespace(measure="deployment with a receiver that hangs / without receivers", target=1.05, figure=a / b,
                          raw=f"{a * 1000:.0f} ms / {b * 1000:.0f} ms (medians of {rounds}, in turns)")
