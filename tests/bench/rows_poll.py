"""Asking the source: instructions of one poll, and processor time of a day of polls."""

import os
from types import SimpleNamespace

import measure
from gitservers import GIT_ENV
from waiting import wait_until
from world import BIN, idle, say, start_daemon

TRANSPORTS = ("file", "https", "ssh")


def asked(transport, d):
    """How many questions the server has seen: requests for refs, or logins."""
    if transport == "https":
        return sum("git-upload-pack" in r and r.startswith("POST") for r in d.server.requests)
    return d.server.log.read_text(errors="replace").count("Accepted publickey")


def poll(transport, d, pid, times):
    """So many polls of a running daemon, each waited for. Returns how many there were."""
    before = asked(transport, d) if d.server else 0
    for _ in range(times):
        if transport == "file":  # asked within the loop, before the next word is read
            say(d.agent, "poke")
            continue
        seen = asked(transport, d)
        say(d.agent, "poke")
        wait_until(lambda: asked(transport, d) > seen, 30, "the daemon does not ask")
        wait_until(lambda: '"ok' in say(d.agent, "status") or True, 5)
        if transport == "ssh":
            wait_until(lambda: not measure.children(pid), 30, "poll-ssh does not end")
    return asked(transport, d) - before if d.server else times


def small(world, transport):
    d = world.deployed(10, transport)
    d.agent.source(poll="4m")  # hardly any but those asked for; longer ones do not keep the connection
    return d


def daemon_instructions(world, transport, extra):
    """Instructions of the daemon for one poll: a run with `extra` polls more, less one without."""
    totals, polls = [], []
    for times in (2, 2 + extra):
        d = small(world, transport)
        c = measure.Callgrind()

        def wrap(argv):
            return [w for w in c.argv(argv) if w != "--trace-children=yes"]
        pid = start_daemon(d.agent, wrap)
        polls.append(poll(transport, d, pid, times))
        d.agent.stop_daemon()
        totals.append(c.total())
    return (totals[1] - totals[0]) / (polls[1] - polls[0])


def poll_program(world, transport, extra):
    """Instructions of poll-http for one question on its kept connection, or of a whole poll-ssh."""
    d = small(world, transport)
    s = d.agent.settings["source"]
    argv = [BIN / ("poll-http" if transport == "https" else "poll-ssh"), "--url", s["url"], "--branch", "main"]
    for key, option in (("token_file", "--token-file"), ("ca_file", "--ca-file"), ("ssh_key_file", "--key-file"),
                        ("known_hosts_file", "--known-hosts-file")):
        if key in s:
            argv += [option, s[key]]
    if transport == "ssh":
        return measure.instructions(argv)
    few = measure.instructions(argv, stdin="poll\n" * 2)
    many = measure.instructions(argv, stdin="poll\n" * (2 + extra))
    return (many - few) / extra


def ls_remote(world, transport):
    d = small(world, transport)
    s = d.agent.settings["source"]
    env = {**GIT_ENV, "HOME": str(d.agent.base), "GIT_TERMINAL_PROMPT": "0"}
    url = s["url"]
    if transport == "https":
        env["GIT_SSL_CAINFO"] = s["ca_file"]
        token = open(s["token_file"], encoding="utf-8").read().strip()
        url = url.replace("https://", f"https://git:{token}@")
    elif transport == "ssh":
        env["GIT_SSH_COMMAND"] = (f"ssh -F none -i {s['ssh_key_file']} -o IdentitiesOnly=yes "
                                  f"-o UserKnownHostsFile={s['known_hosts_file']} -o StrictHostKeyChecking=yes")
    else:
        env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
    return measure.instructions(["git", "ls-remote", url], env=env)


def row_poll(world):
    """Idle poll / git ls-remote, instructions."""
    extra = 5 if world.quick else 20
    for transport, target in zip(TRANSPORTS, (0.25, 0.06, 0.02)):
        ours = daemon_instructions(world, transport, extra)
        helper = 0 if transport == "file" else poll_program(world, transport, extra)
        git = ls_remote(world, transport)
        yield SimpleNamespace(
            measure=f"idle poll / git ls-remote, instructions, {transport}", target=target,
            figure=(ours + helper) / git,
            raw=f"{(ours + helper) / 1e6:.3f} M (daemon {ours / 1e6:.3f}, poll program {helper / 1e6:.3f}) / "
                f"{git / 1e6:.2f} M")


def row_cpu_day(world):
    """Processor seconds a day, idle at 60 s."""
    times = 20 if world.quick else 200
    for transport, target in zip(TRANSPORTS, (1, 5, 10)):
        d = small(world, transport)
        pid = start_daemon(d.agent)
        poll(transport, d, pid, 3)

        def spent():
            return measure.cpu_seconds(pid) + sum(measure.cpu_seconds(c) for c in measure.children(pid))
        before = spent()
        n = poll(transport, d, pid, times)
        wait_until(idle(d.agent, pid), 10)
        each = (spent() - before) / n
        d.agent.stop_daemon()
        yield SimpleNamespace(
            measure=f"processor seconds a day, idle at 60 s, {transport}", target=target, figure=each * 1440,
            raw=f"{each * 1000:.3f} ms a poll x 1440 ({n} polls by poke, {os.cpu_count()} cores)")
