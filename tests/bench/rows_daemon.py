"""Memory of the idle daemon after many syncs of many projects."""

from types import SimpleNamespace

import measure
from waiting import wait_until
from world import idle, say, start_daemon


def after_syncs(world, n, marks, transport="file"):
    """PSS in kB of the daemon (with its poll program) after each of the given numbers of syncs."""
    d = world.deployed(n, transport)
    d.agent.source(poll="4m")
    pid = start_daemon(d.agent)
    found, done = {}, 0

    def generation():
        return d.agent.current()
    for want in sorted(marks):
        while done < want:
            before = generation()
            d.repo.change(done % n)
            say(d.agent, "poke")
            wait_until(lambda: generation() > before, 120, "the push is not deployed")
            wait_until(idle(d.agent, pid), 30, "the sync does not end")
            done += 1
        say(d.agent, "poke")  # one idle poll more, as in real life
        wait_until(idle(d.agent, pid), 30)
        found[want] = measure.pss_kb(pid) + sum(measure.pss_kb(c) for c in measure.children(pid))
    d.agent.stop_daemon()
    return found


def row_memory(world):
    """Idle daemon, PSS after 100 syncs of 1000 projects; 5000 / 10 projects; sync 100 / sync 10."""
    few, many, most = (10, 100, 300) if world.quick else (10, 1000, 5000)
    last = 12 if world.quick else 100
    first = 4 if world.quick else 10
    big = after_syncs(world, many, (first, last))
    yield SimpleNamespace(measure=f"idle daemon, PSS after {last} syncs of {many} projects, MB", target=4,
                          figure=big[last] / 1024, raw=f"{big[last]} kB, file")
    yield SimpleNamespace(measure=f"idle daemon, PSS, sync {last} / sync {first}", target=1.02,
                          figure=big[last] / big[first], raw=f"{big[last]} kB / {big[first]} kB")
    a, b = after_syncs(world, few, (first,)), after_syncs(world, most, (first,))
    yield SimpleNamespace(measure=f"idle daemon, PSS, {most} / {few} projects", target=1.05,
                          figure=b[first] / a[first], raw=f"{b[first]} kB / {a[first]} kB")
    https = after_syncs(world, few, (first,), "https")
    yield SimpleNamespace(measure=f"idle daemon with its poll program, PSS, https, {few} projects, MB", target=4,
                          figure=https[first] / 1024, raw=f"{https[first]} kB")
