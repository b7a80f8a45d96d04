"""
A person who was asleep: what happened, why, and is there anything to do? One host with three projects is deployed,
changed and broken; then events, show, status and the metrics file are asked about it. No secret may be in any of it.
"""

import json
import re
import shutil
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest

from agent import DONE, FAILED, USAGE, run_plain
from composes import app, healthy, unhealthy, yaml
from waiting import wait_until

SECRET = "hunter2-never-shown"
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3


def web(version, value, check=True):
    text = yaml(f"""
        services:
          web:
            image: "app:{version}"
            network_mode: none
            volumes: ["./conf:/conf:ro"]
            environment: {{MODE: "{value}", STAYS: "x"}}
          db:
            image: "app:1"
            network_mode: none
        """)
    return text + ("""    healthcheck: {test: ["CMD", "true"], interval: 300ms, retries: 2}\n""" if check else "")


def speaks(version, line, code):
    return app(version, "restart: always", command=json.dumps(["sh", "-c", f"echo {line}; exit {code}"]))


@pytest.fixture(scope="module")
def night(world, tmp_path_factory):
    """What happened: three generations' worth of it, and what status said at each point."""
    agent, repo = world.agent, world.repo
    prom = tmp_path_factory.mktemp("textfile") / "mdc-agent.prom"
    agent.configure(metrics_file=str(prom))
    agent.health(settle="1500ms")  # long enough to see a crash loop
    n = SimpleNamespace(agent=agent, repo=repo, prom=prom, engine=world.engine)
    n.before = agent.run("status"), agent.run("status", "--json"), agent.run("status", "--check")
    repo.deploy({"web/compose.yaml": web(1, SECRET + "1"), "web/conf/a": SECRET, "web/conf/b": "1", "mail/compose.yaml":
                 healthy(1), "old/compose.yaml": app(1)}, "the first commit")
    n.first = agent.sync(DONE)
    n.well = agent.run("status"), agent.run("status", "--check")
    n.metrics_first = prom.read_text()
    repo.deploy({"web/compose.yaml": web(2, SECRET + "2"), "web/conf/a": SECRET + "changed", "web/NOTES": "x",
                 "mdc.yaml": "version: 1\nprojects:\n  mail: {health: {timeout: 19s}}\n  web: {}\n  old: {}\n"},
                "the second commit", remove=["web/conf/b"])
    n.plan = agent.plan()
    n.second = agent.sync(DONE)
    bad = {"mdc.yaml": "version: 1\nprojects:\n  mail: {health: {timeout: 19s}}\n  web: {}\n",
           "web/compose.yaml": speaks(3, "cannot bind", 7), "mail/compose.yaml": unhealthy(2)}
    n.bad = repo.deploy(bad, "the bad commit\n\nmore words", remove=["old/compose.yaml"])
    n.third = agent.sync(FAILED)
    n.metrics_bad = prom.read_text()
    n.ill = agent.run("status"), agent.run("status", "--check")
    n.events = [json.loads(line) for line in agent.run("events", "--json", "--since", "1h").out.splitlines()]
    return n


def of(night, project, event):
    found = [e for e in night.events if e.get("project") == project and e["event"] == event]
    assert found, [(e["event"], e.get("project")) for e in night.events]
    return found


# ---- before anything was done ------------------------------------------------------------------

def test_status_before_the_first_sync(night):
    text, as_json, check = night.before
    text.expect(DONE)
    assert "no sync yet" in text.out and night.repo.url in text.out and "mdc-agent sync" in text.out
    assert as_json.expect(DONE).json()["synced"] is False
    check.expect(UNKNOWN)
    assert check.out.startswith("UNKNOWN - no sync yet") and len(check.out.splitlines()) == 1


def test_check_with_settings_that_cannot_be_read(night, place):
    (place / "agent.yaml").write_text("sauce: {}\n")
    r = run_plain(place, "--config", str(place / "agent.yaml"), "status", "--check").expect(UNKNOWN)
    assert r.out.startswith("UNKNOWN - ") and "agent.yaml:1" in r.out and len(r.out.splitlines()) == 1


# ---- what changed ------------------------------------------------------------------------------

def test_changes_in_words(night):
    changes = of(night, "web", "project.deployed")[1]["details"]["changes"]
    text = "\n".join(changes)
    assert "service web: image app:1 → app:2" in changes
    assert "service web: environment MODE" in changes
    assert "service web: mounted file conf/a changed" in changes
    assert "service web: mounted file conf/b removed" in changes
    assert "file NOTES added" in changes and "file compose.yaml changed" in changes
    assert "STAYS" not in text and "service db" not in text, text


def test_settings_that_no_container_sees(night):
    e = of(night, "mail", "project.deployed")[1]
    assert "setting health.timeout of the project changed" in e["details"]["changes"]
    assert e["details"]["evidence"] == ["no container was touched"]


def test_plan_names_the_files(night):
    reasons = night.plan.reasons("web")
    assert "mounted file conf/a changed" in reasons and "a file it mounts" not in reasons
    assert "health.timeout" in night.plan.reasons("mail") and "no container is touched" in night.plan.reasons("mail")


def test_a_project_that_went(night):
    e = of(night, "old", "project.removed")[0]
    assert any("not wanted on this host" in c for c in e["details"]["changes"])


def test_steps_and_their_time(night):
    e = of(night, "web", "project.deployed")[0]
    steps = {s["step"]: s["ms"] for s in e["details"]["steps"]}
    assert {"render", "place", "apply", "health"} <= set(steps), steps
    assert steps["health"] >= 1400 and all(ms >= 0 for ms in steps.values())
    assert abs(sum(steps.values()) - e["duration_ms"]) < 0.2 * e["duration_ms"] + 300, e


def test_health_evidence(night):
    text = "\n".join(of(night, "web", "project.deployed")[0]["details"]["evidence"])
    assert re.search(r"^service db: healthy after ", text, re.M), text
    assert re.search(r"^service web: running for .*, no restart$", text, re.M), text


def test_who_and_which_commit(night):
    e = of(night, "web", "project.deployed")[1]
    assert e["subject"] == "the second commit" and e["author"] and e["generation"] == 2 and len(e["commit"]) == 40


# ---- what failed -------------------------------------------------------------------------------

def test_failure_has_a_short_reason_and_log_lines(night):
    e = of(night, "web", "project.rolled-back")[0]
    assert "\n" not in e["reason"] and "last lines" not in e["reason"] and "service app: " in e["reason"], e
    assert any("cannot bind" in line for line in e["details"]["log"]), e
    assert any(s["step"] == "undo" for s in e["details"]["steps"]), e
    assert any(x.startswith("after going back: service web: ") for x in e["details"]["evidence"]), e
    e = of(night, "mail", "project.rolled-back")[0]
    assert "unhealthy" in e["reason"] and "no database here" in e["reason"]


def test_terminal_and_mark_keep_the_log_lines(night):
    assert "cannot bind" in night.third.text
    assert "cannot bind" in night.ill[0].out


# ---- status ------------------------------------------------------------------------------------

def test_status_in_ten_lines(night):
    text = night.well[0].expect(DONE).out
    assert len(text.splitlines()) <= 10, text
    assert '"the first commit"' in text and night.repo.url in text
    assert re.search(r"^next +nothing$", text, re.M)
    for name in ("web", "mail", "old"):
        assert re.search(rf"^{name} +(healthy|running) .*[0-9a-f]{{7}} the first commit", text, re.M), text


def test_check_says_ok(night):
    r = night.well[1].expect(OK)
    assert re.fullmatch(r"OK - generation 1, 3 projects, source seen (just now|.* ago)\n", r.out), r.out


def test_check_warns_of_what_is_held(night):
    r = night.ill[1].expect(WARNING)
    assert r.out.startswith("WARNING - mail, web are held") and "retry" in r.out and len(r.out.splitlines()) == 1


def test_status_says_what_is_held_and_why(night):
    text = night.ill[0].expect(DONE).out
    assert re.search(r"^web held$", text, re.M) and "no database here" in text and "mdc-agent retry" in text, text


def test_check_is_critical_when_a_container_is_stopped(night):
    container = night.engine.one("mail")
    night.engine.api("POST", f"/containers/{container.id}/stop?t=0")
    try:
        r = night.agent.run("status", "--check").expect(CRITICAL)
        assert r.out.startswith("CRITICAL - mail is not running as deployed"), r.out
    finally:
        night.engine.api("POST", f"/containers/{container.id}/start")


# ---- show and events ---------------------------------------------------------------------------

def test_show_says_why(night):
    text = night.agent.run("show", "2").expect(DONE).out
    for needle in ("the second commit", "web: good, changed", "service web: image app:1 → app:2", "mounted file conf/a",
                   "took", "apply", "saw", "no restart"):
        assert needle in text, f"{needle} is not in\n{text}"
    assert text.index("web: good, changed") < text.index("old: good\n"), "what changed comes first"


def test_show_of_the_generation_with_failures(night):
    text = night.agent.run("show").expect(DONE).out
    assert "old: removed" in text and "web: held" in text and "cannot bind" in text, text


def test_show_when_the_history_is_gone(night, place):
    copy = place / "state"
    shutil.copytree(night.agent.state, copy, symlinks=True, ignore=lambda d, names: [n for n in names if "sock" in n])
    for part in copy.glob("history.jsonl*"):
        part.unlink()
    config = {**night.agent.settings, "state_dir": str(copy)}
    (place / "agent.yaml").write_text(json.dumps(config))
    (place / "agent.yaml").chmod(0o600)
    text = run_plain(place, "--config", str(place / "agent.yaml"), "show", "2").expect(DONE).out
    assert "rotated away" in text and "web: good, changed" in text


def test_events_for_people(night):
    text = night.agent.run("events").expect(DONE).out
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  project\.deployed +web \(1\): ", text, re.M), text
    assert re.search(r"project\.rolled-back +web .*: service app: ", text), text
    only = night.agent.run("events", "--project", "mail", "-n", "2").expect(DONE).out
    assert len(only.splitlines()) == 2 and all("mail" in line for line in only.splitlines())
    assert "saw" in night.agent.run("events", "--verbose").out
    assert night.agent.run("events", "--since", "2099-01-01").expect(DONE).out == ""
    r = night.agent.run("events", "--since", "half past").expect(USAGE)
    assert "2h" in r.err and "half past" in r.err


def test_events_follow_survives_rotation(night):
    p = night.agent.start("events", "-f", "-n", "3", "--json")
    lines = []
    try:
        reader = threading.Thread(target=lambda: lines.extend(iter(p.stdout.readline, "")), daemon=True)
        reader.start()
        wait_until(lambda: len(lines) == 3, 10, lambda: lines)
        night.agent.run("suspend", "one").expect(DONE)
        wait_until(lambda: any('"hold.set"' in line for line in lines), 10, lambda: lines)
        history = night.agent.state / "history.jsonl"
        history.rename(history.with_name("history.jsonl.1"))
        history.touch(mode=0o600)
        night.agent.run("resume").expect(DONE, FAILED)
        wait_until(lambda: any('"hold.lifted"' in line for line in lines), 10, lambda: lines)
    finally:
        p.kill()
        p.wait()
    names = [json.loads(line)["event"] for line in lines]
    assert names[3:5] == ["hold.set", "hold.lifted"], names
    assert len({json.loads(line)["seq"] for line in lines}) == len(lines), "none is shown twice"


# ---- metrics -----------------------------------------------------------------------------------

def value(text, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    assert found, f"{name} is not in\n{text}"
    return float(found.group(1))


def test_metrics(night):
    assert value(night.metrics_first, 'mdc_projects{state="good"}') == 3
    assert value(night.metrics_first, "mdc_last_sync_success") == 1
    text = night.prom.read_text()
    assert night.prom.stat().st_mode & 0o777 == 0o644
    assert value(text, "mdc_generation") == night.agent.current()
    assert value(text, 'mdc_projects{state="held"}') == 2
    assert value(text, 'mdc_project_good{project="web"}') == 0
    assert value(text, "mdc_source_up") == 1 and value(night.metrics_bad, "mdc_last_sync_success") == 0
    assert abs(value(text, "mdc_source_last_seen_timestamp_seconds") - time.time()) < 300
    assert [p.name for p in night.prom.parent.iterdir()] == [night.prom.name], "no half-written file stays"


def test_a_sync_with_nothing_new_leaves_the_metrics_alone(night):
    night.agent.run("sync")
    before = night.prom.stat()
    night.agent.run("sync")
    after = night.prom.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    night.prom.unlink()
    night.agent.run("sync")
    assert night.prom.exists(), "gone is written again"


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed: see tests/install.sh")
def test_metrics_are_what_prometheus_reads(night):
    r = subprocess.run(["promtool", "check", "metrics"], input=night.prom.read_bytes(), capture_output=True, check=False)
    assert r.returncode == 0 and not r.stderr and not r.stdout, r


def test_metrics_of_the_daemon(repo, make_agent, place):
    prom = place / "a.prom"
    agent = make_agent(repo)
    agent.configure(metrics_file=str(prom))
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: prom.exists() and "mdc_source_up 1" in prom.read_text(), 30, agent.daemon_log)
    wait_until(lambda: agent.status()["daemon"] and agent.status()["source"].get("seen"), 20, agent.daemon_log)
    assert "seen " in agent.run("status").out
    seen = "mdc_source_last_seen_timestamp_seconds"
    before = value(prom.read_text(), seen)
    wait_until(lambda: value(prom.read_text(), seen) > before, 30, prom.read_text)  # a poll, with nothing new
    assert value(prom.read_text(), "mdc_generation") == 1


# ---- secrets -----------------------------------------------------------------------------------

def test_no_secret_anywhere(night):
    outputs = [night.first, night.second, night.third, *night.ill, *night.well,
               *(night.agent.run(*args) for args in (("events", "--verbose"), ("events", "--json"), ("show", "1"),
                                                     ("show", "2"), ("status",), ("status", "--json"),
                                                     ("generations", "--json")))]
    for r in outputs:
        assert SECRET not in r.text, r
    for path in (night.prom, *night.agent.state.glob("history.jsonl*")):
        assert SECRET not in path.read_text(), path
