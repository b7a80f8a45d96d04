"""
Recovery of an atomic sync that nobody decided, and of a sync that had made its generation: tests/model found both.
"""

import signal

from agent import DONE, LATER
from composes import healthy
from waiting import wait_until


def at_one(repo, agent, atomic):
    agent.health(settle="300ms", timeout="10s")
    repo.deploy({"mdc.yaml": f"version: 1\natomic: {atomic}\n", "a/compose.yaml": healthy(1), "b/compose.yaml": healthy(1)})
    agent.sync(DONE)


def test_atomic_recovered_and_then_nothing_new(repo, agent, engine):
    """Killed before the decision; at the next start it is suspended: all is as before, nothing is open."""
    at_one(repo, agent, "true")
    agent.configure(parallel=1)
    repo.deploy({"a/compose.yaml": healthy(2), "b/compose.yaml": healthy(2)})
    agent.sync(fault="apply_done:kill:*")
    agent.kill_all()
    agent.run("suspend").expect(DONE)
    agent.sync()
    assert agent.open_work() == []
    assert engine.version("a") == engine.version("b"), "all or none"
    entries = {p["name"]: p["status"] for p in agent.show(agent.current())["projects"]}
    assert set(entries.values()) == {"good"}, entries


def test_stop_after_another_was_committed(repo, agent, engine):
    """One is good and in a generation, the other one was stopped: what recovery finishes is in `current` too."""
    at_one(repo, agent, "false")
    agent.configure(parallel=2)
    slow = healthy(2) + 'x-mdc: {health: {settle: 6s, timeout: 20s}}\n'
    repo.deploy({"a/compose.yaml": healthy(2), "b/compose.yaml": slow})
    process = agent.start("sync")
    wait_until(lambda: process.poll() is not None or not (agent.state / "projects/a/intent.json").exists()
               and engine.runs("a", 2) and engine.runs("b", 2), 30, every=0.05)
    process.send_signal(signal.SIGTERM)
    r = agent.finish(process)
    assert r.code == LATER, r
    agent.run("suspend").expect(DONE)
    agent.sync()
    assert engine.version("b") == "2" and agent.open_work() == []
    entries = {p["name"]: p for p in agent.show(agent.current())["projects"]}
    assert entries["b"]["status"] == "good", entries


def test_source_away_after_the_death(repo, agent, engine):
    """The new files' objects are in a source that is gone: what ran comes back. It was the second try: a person decides."""
    agent.health(settle="300ms", timeout="10s")
    repo.deploy({"web/compose.yaml": healthy(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": healthy(2)})
    agent.sync(fault="intent_written:kill")
    agent.kill_all()
    away = repo.bare.with_name("away.git")
    repo.bare.rename(away)
    agent.sync(LATER)
    assert agent.open_work() == [] and engine.version("web") == "1" and engine.running("web") == ["app"]
    away.rename(repo.bare)
    agent.run("retry", "web").expect(DONE)
    assert engine.version("web") == "2" and agent.marks() == []
