"""`run`: polling, pokes, signals, the service manager, drift."""

import os
import signal
import time

import pytest

from agent import DONE, LATER, USAGE, run_plain
from composes import app, unhealthy
from repo import Repo
from waiting import stays_true, wait_until


def deployed(agent, engine, version, project="web"):
    """True once this version runs and nothing is under way."""
    return not agent.open_work() and engine.runs(project, version)


def test_polls_and_deploys(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: deployed(agent, engine, 2), 30, agent.daemon_log)
    repo.deploy({"web/compose.yaml": unhealthy(3)})
    wait_until(lambda: agent.marks() and deployed(agent, engine, 2), 30, agent.daemon_log)
    ids = engine.ids("web")
    assert stays_true(lambda: engine.ids("web") == ids, 7), "it is not tried again"
    assert agent.stop_daemon() == 0
    log = agent.daemon_log()
    assert "web" in log and "unhealthy" in log


def test_idle_polling_does_no_work(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    wait_until(lambda: len(agent.processes()) <= 2, 10)
    agent.compose_calls(clear=True)
    tree = {k: v for k, v in agent.tree().items() if k != "history.jsonl"}
    assert stays_true(lambda: agent.compose_calls() == [], 7)
    assert {k: v for k, v in agent.tree().items() if k != "history.jsonl"} == tree
    assert agent.stop_daemon() == 0


def test_service_manager_is_told(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon(WATCHDOG_USEC="600000")
    wait_until(lambda: agent.notify.last("STATUS"), 10)
    wait_until(lambda: agent.notify.count("WATCHDOG=1") >= 3, 10, lambda: agent.notify.messages)
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    wait_until(lambda: "1" in (agent.notify.last("STATUS") or ""), 10, lambda: agent.notify.messages)
    assert agent.stop_daemon() == 0
    assert agent.notify.has("STOPPING=1")


def test_watchdog_goes_on_during_a_deployment(repo, agent, engine):
    agent.health(settle="3s")
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon(WATCHDOG_USEC="600000")
    wait_until(lambda: engine.running("web") == ["app"], 30, agent.daemon_log)
    before = agent.notify.count("WATCHDOG=1")
    wait_until(lambda: agent.notify.count("WATCHDOG=1") >= before + 3, 5)
    assert agent.stop_daemon() == 0


def test_sighup_reads_the_settings_again(repo, agent, engine):
    repo.deploy({"mdc.yaml": "version: 1\nprojects:\n  web: {hosts: [server1]}\n  mail: {hosts: [server2]}\n",
                 "web/compose.yaml": app(), "mail/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    agent.configure(host="server2")
    ready = agent.notify.count("READY=1")
    agent.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: deployed(agent, engine, 1, "mail") and not engine.containers("web"), 30, agent.daemon_log)
    assert agent.notify.has("RELOADING=1") and agent.notify.count("READY=1") > ready
    assert agent.stop_daemon() == 0


def test_sighup_with_broken_settings_keeps_the_old_ones(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    good = agent.config.read_text()
    agent.config.write_text("hots: x\n")
    agent.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: "agent.yaml:1" in agent.daemon_log(), 10, agent.daemon_log)
    agent.config.write_text(good)
    agent.daemon.send_signal(signal.SIGHUP)
    repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: deployed(agent, engine, 2), 30, agent.daemon_log)
    assert agent.stop_daemon() == 0


def test_sigterm_when_idle_is_quick(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    wait_until(lambda: len(agent.processes()) <= 2, 10)
    start = time.monotonic()
    assert agent.stop_daemon() == 0
    assert time.monotonic() - start < 3
    assert engine.running("web") == ["app"], "stopping the agent stops nothing else"
    assert agent.processes() == []


def test_sigterm_during_a_deployment_goes_on_at_the_next_start(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    agent.health(settle="5s")
    repo.deploy({"web/compose.yaml": app(2)})
    agent.run_daemon()
    wait_until(lambda: engine.runs("web", 2), 30, agent.daemon_log)
    assert agent.stop_daemon() == 0
    assert engine.version("web") == "2", "no rollback"
    agent.health(settle="300ms")
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 2) and agent.current() == 2, 30, agent.daemon_log)
    assert agent.stop_daemon() == 0


def test_killed_daemon_starts_again(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    agent.stop_daemon(signal.SIGKILL)
    agent.kill_all()
    repo.deploy({"web/compose.yaml": app(2)})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 2), 30, agent.daemon_log)
    assert agent.stop_daemon() == 0


def test_sync_dies_under_the_daemon(repo, agent, engine):
    """The daemon's child is killed in mid-deployment: the daemon starts another one, which recovers."""
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    agent.health(settle="3s")
    repo.deploy({"web/compose.yaml": app(2)})
    agent.run_daemon()
    wait_until(agent.open_work, 30, agent.daemon_log, every=0.01)
    for pid in agent.processes():
        if pid != agent.daemon.pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    wait_until(lambda: deployed(agent, engine, 2), 60, agent.daemon_log)
    assert agent.daemon_alive()
    assert agent.stop_daemon() == 0


def test_one_daemon_per_state_directory(repo, agent):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    second = agent.run("run", timeout=30)
    assert second.code in (LATER, USAGE) and second.text.strip(), second
    assert agent.daemon_alive()
    assert agent.stop_daemon() == 0


def test_sync_by_hand_beside_the_daemon(repo, agent, engine):
    agent.source(poll="1h")
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert deployed(agent, engine, 2)
    assert agent.daemon_alive()
    assert agent.stop_daemon() == 0


@pytest.mark.slow
def test_suspended_daemon_applies_nothing(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    agent.run("suspend").expect(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    assert stays_true(lambda: engine.runs("web", 1), 7)
    agent.run("resume").expect(DONE)
    wait_until(lambda: deployed(agent, engine, 2), 30, agent.daemon_log)
    assert agent.stop_daemon() == 0


def test_push_to_deploy_without_a_server(make_agent, place, engine):
    """`init --bare`: a push pokes the agent, which would otherwise look once an hour."""
    bare = place / "pushed.git"
    agent = make_agent(f"file://{bare}", poll="1h")
    run_plain(place, "--config", str(agent.config), "init", "--bare", str(bare), "--force").expect(DONE)
    assert (bare / "hooks/post-receive").exists()
    agent.configure()
    repo = Repo(place / "git")
    repo.git("remote", "set-url", "origin", str(bare))
    agent.run_daemon()
    repo.deploy({"web/compose.yaml": app()})
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: deployed(agent, engine, 2), 30, agent.daemon_log)
    assert agent.stop_daemon() == 0


DAMAGES = ["removed", "stopped", "changed"]


@pytest.mark.parametrize("policy", ["report", "repair"])
def test_drift(policy, repo, agent, engine):
    """Somebody removes, stops and changes containers by hand, each of another project."""
    agent.configure(drift=policy)
    repo.deploy({f"{name}/compose.yaml": app() for name in [*DAMAGES, "calm"]})
    agent.sync(DONE)
    agent.run_daemon()
    # Right after a sync of its own the daemon takes what the engine tells for its own doing.
    wait_until(lambda: len(agent.processes()) <= 2, 20)
    assert stays_true(agent.daemon_alive, 6)
    calm = engine.ids("calm")
    engine.remove(engine.one("removed").id)
    engine.api("POST", f"/containers/{engine.one('stopped').id}/kill")
    (agent.base / "other.yaml").write_text(app(2))
    r = engine.compose_run("-p", "changed", "-f", str(agent.base / "other.yaml"), "up", "-d")
    assert r.returncode == 0, r.stderr

    def told(event):
        return {e.get("project") for e in agent.history() if e["event"] == event} >= set(DAMAGES)
    if policy == "repair":
        wait_until(lambda: told("drift.repaired"), 60, agent.daemon_log)
        for name in DAMAGES:
            wait_until(lambda name=name: deployed(agent, engine, 1, name), 10, agent.daemon_log)
    else:
        wait_until(lambda: told("drift.found"), 60, agent.daemon_log)
        assert not any(deployed(agent, engine, 1, name) for name in DAMAGES), "only reported"
        status = agent.status()["projects"]
        assert status["removed"]["state"] == "missing" and status["stopped"]["state"] == "stopped"
    assert engine.ids("calm") == calm
    assert agent.stop_daemon() == 0


@pytest.mark.slow
def test_own_changes_are_no_drift(repo, agent, engine):
    agent.configure(drift="repair")
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    for v in (2, 3, 1):
        repo.deploy({"web/compose.yaml": app(v)})
        wait_until(lambda v=v: deployed(agent, engine, v), 30, agent.daemon_log)
    assert stays_true(lambda: "drift" not in str(agent.history()), 2), agent.history()
    assert agent.stop_daemon() == 0


def test_engine_restart_under_the_daemon(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(extra="restart: always")})
    agent.run_daemon()
    wait_until(lambda: deployed(agent, engine, 1), 30, agent.daemon_log)
    engine.restart()
    repo.deploy({"web/compose.yaml": app(2, extra="restart: always")})
    wait_until(lambda: deployed(agent, engine, 2), 60, agent.daemon_log)
    assert agent.daemon_alive()
    assert agent.stop_daemon() == 0


@pytest.mark.slow
def test_starts_before_the_engine_and_the_repository_are_there(repo, agent, engine):
    real = agent.settings["socket"]
    away = repo.bare.with_suffix(".away")
    repo.deploy({"web/compose.yaml": app()})
    repo.bare.rename(away)
    agent.configure(socket=str(agent.base / "later.sock"))
    agent.run_daemon()
    assert stays_true(agent.daemon_alive, 1)
    away.rename(repo.bare)
    os.symlink(real, agent.base / "later.sock")
    wait_until(lambda: deployed(agent, engine, 1), 60, agent.daemon_log)
    assert agent.stop_daemon() == 0


def test_broken_settings_are_said_at_once(repo, agent):
    agent.config.write_text("source: {url: 7, brunch: main}\n")
    r = agent.run("run", timeout=30).expect(USAGE)
    assert "agent.yaml:1" in r.text and "branch" in r.text
