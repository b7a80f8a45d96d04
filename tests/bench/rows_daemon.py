"""Memory of the idle daemon after many syncs of many projects."""

from types import SimpleNamespace

import measure
from waiting import wait_until
from world import idle, say, start_daemon


class Idle:
    """A daemon on its own; syncs on demand."""

    def __init__(self, world, n, transport="file"):
        self.d, self.done = world.deployed(n, transport), 0
        self.d.agent.source(poll="4m")
        self.pid = start_daemon(self.d.agent)

    def sync_until(self, count):
        agent = self.d.agent
        while self.done < count:
            before = agent.current()
            self.d.repo.change(self.done % self.d.repo.n)
            say(agent, "poke")
            wait_until(lambda: agent.current() > before, 120, "the push is not deployed")
            wait_until(idle(agent, self.pid), 30, "the sync does not end")
            self.done += 1
        say(agent, "poke")  # one idle poll more, as in real life
        wait_until(idle(agent, self.pid), 30)

    def pss(self, with_program=False):
        """kB; pages that other processes share count less, so figures to be compared are taken at one moment."""
        programs = measure.children(self.pid) if with_program else []
        return measure.pss_kb(self.pid) + sum(measure.pss_kb(c) for c in programs)


def stop(*daemons):
    for x in daemons:
        x.d.agent.stop_daemon()


def row_memory(world):
    """Idle daemon, PSS after 100 syncs of 1000 projects; 5000 / 10 projects; sync 100 / sync 10."""
    few, many, most = (10, 100, 300) if world.quick else (10, 1000, 5000)
    last = 12 if world.quick else 100
    first = 4 if world.quick else 10
    old = Idle(world, many)
    old.sync_until(last)
    alone = old.pss()
    yield SimpleNamespace(measure=f"idle daemon, PSS after {last} syncs of {many} projects, MB", target=4,
                          figure=alone / 1024, raw=f"{alone} kB, file")
    young = Idle(world, many)
    young.sync_until(first)
    a, b = young.pss(), old.pss()
    yield SimpleNamespace(measure=f"idle daemon, PSS, sync {last} / sync {first}", target=1.02, figure=b / a,
                          raw=f"{b} kB / {a} kB (two daemons at one moment)")
    stop(young, old)
    small, large = Idle(world, few), Idle(world, most)
    small.sync_until(first)
    large.sync_until(first)
    a, b = small.pss(), large.pss()
    yield SimpleNamespace(measure=f"idle daemon, PSS, {most} / {few} projects", target=1.05, figure=b / a,
                          raw=f"{b} kB / {a} kB (two daemons at one moment)")
    stop(small, large)
    https = Idle(world, few, "https")
    https.sync_until(first)
    alone, both = https.pss(), https.pss(with_program=True)
    yield SimpleNamespace(measure=f"idle daemon with its poll program, PSS, https, {few} projects, MB", target=4,
                          figure=both / 1024, raw=f"{both} kB, of it {alone} kB the daemon")
    stop(https)
