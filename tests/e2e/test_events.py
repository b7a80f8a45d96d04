"""
Reports. One long run makes every event of the table that a sync or a daemon makes, with a real systemd-journald; what
`journalctl -o json` gives is compared with history.jsonl, field by field, and with the table. Then: text of strangers,
secrets, repeats. Events of receivers and of verification are made by the tests of those: ELSEWHERE.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from agent import DEGRADED, DONE, FAILED, LATER, REJECTED, run_plain
from composes import app, healthy, unhealthy
from journal import Journal, JournalAgent
from repo import ENV, Repo
from waiting import wait_until

ELSEWHERE = {"webhook.undeliverable", "webhook.deliverable", "webhook.dropped", "source.accepted", "source.stale",
             "source.moves"}
PRIORITIES = {"critical": "2", "error": "3", "warning": "4", "notice": "5", "info": "6", "debug": "7"}
NOT_IN_JOURNAL = {"id", "seq", "time", "time_ms", "event", "severity", "message", "details"}


def tables(place):
    """What the program says of its events: {name: (severity, fields, MESSAGE_ID)}, {JSON name: journal name}."""
    events, fields = {}, {}
    for line in run_plain(place, "help", "--events").expect(DONE).out.splitlines():
        cells = [c.strip() for c in line.split("|")[1:-1]]
        if len(cells) == 6 and re.fullmatch(r"`[0-9a-f]{32}`", cells[5]):
            events[cells[0].strip("`")] = (cells[1], set(re.findall(r"`(\w+)`", cells[4])), cells[5].strip("`"))
        elif len(cells) == 4 and "`MDC_" in cells[1]:
            fields[cells[0].strip("`")] = cells[1].strip("`")
    return events, fields


@pytest.fixture(scope="module")
def journal(base):
    j = Journal(base / "journal", run_plain(base, "help", "--catalog").out)
    j.start()
    yield j
    j.stop()


@pytest.fixture
def heard(make_agent, repo, journal):
    """An agent on this test's repository whose journal is ours."""
    return hear(make_agent(repo), journal)


def hear(agent, journal):
    agent.__class__ = JournalAgent
    agent.journal = journal
    return agent


def printable(text):
    return text.replace("\n", "\\n")


def compare(entry, line, events, fields):
    """An entry of the journal against its line of the history and the table."""
    severity, allowed, message_id = events[line["event"]]
    assert line["severity"] == severity and entry["PRIORITY"] == PRIORITIES[severity], (entry, line)
    assert entry["MESSAGE_ID"] == message_id
    assert entry["MESSAGE"] == line["message"]
    assert set(line) - NOT_IN_JOURNAL - {"host"} <= allowed, (line, allowed)
    assert line["host"] == "server1"
    for name, value in line.items():
        if name not in NOT_IN_JOURNAL:
            assert entry[fields[name]] == printable(str(value))[:len(entry[fields[name]])], (name, entry, line)
    assert {k for k in entry if k.startswith("MDC_")} == \
        {"MDC_EVENT", *(fields[n] for n in line if n not in NOT_IN_JOURNAL)}


def make_source_events(repo, agent):
    moved = repo.bare.with_suffix(".away")
    repo.bare.rename(moved)
    agent.sync(LATER)
    moved.rename(repo.bare)
    agent.sync(DONE)
    good = repo.head()
    repo.deploy({"mdc.yaml": "version: 99\n"})
    agent.sync(REJECTED)
    repo.reset(good)
    repo.commit("other history")
    repo.force_push()
    agent.sync(DONE)


def make_project_events(repo, agent, engine):
    agent.sync(DONE, args=["--verbose"])
    repo.deploy({"web/compose.yaml": unhealthy(2), "new/compose.yaml": unhealthy(2)})
    agent.sync(FAILED)
    repo.deploy({"web/compose.yaml": app(2), "idle/compose.yaml": app(1) + "x-mdc: {suspend: true}\n"},
                remove=["new"])
    agent.sync(DONE)
    repo.deploy(remove=["idle"])
    agent.sync(DONE)
    engine.api("POST", f"/containers/{engine.one('web').id}/stop?t=0")
    agent.sync(DONE, args=["--drift"])
    agent.configure(drift="repair")
    agent.sync(DONE, args=["--drift"])
    agent.run("suspend", "over the weekend").expect(DONE)
    agent.run("resume").expect(DONE)
    repo.deploy({"web/compose.yaml": app(3)})
    agent.sync(fault="apply_done:kill")
    agent.sync(DONE)
    repo.deploy(remove=["web"])
    agent.sync(DONE)


def make_snapshot_events(repo, agent):
    """An upgrade that fails: copied, and put back; a copy that fails; and old ones that go."""
    def push(v, good=True):
        repo.deploy({"data/compose.yaml": (healthy if good else unhealthy)(v) + """
    volumes: ["rows:/data"]
volumes: {rows: {}}
"""})
    push(1)
    agent.sync(DONE)
    push(2, good=False)
    agent.sync(FAILED)
    push(2)
    agent.sync(LATER, fault="snapshot_half:28")
    agent.sync(DONE)
    agent.configure(retention={"generations": 2, "snapshots": 1, "failed_data": "0s"})
    for v in (3, 1, 2):
        push(v)
        agent.sync(DONE)


def make_degraded(repo, agent, engine):
    """The old image is gone when it is needed."""
    repo.deploy({"worse/compose.yaml": healthy(1)})
    agent.sync(DONE)
    agent.before("up", """n=$(cat "$0.n" 2>/dev/null || echo 0); echo $((n + 1)) >"$0.n"
echo "the engine says no" >&2; exit 1""")
    repo.deploy({"worse/compose.yaml": healthy(2)})
    agent.sync(DEGRADED)
    agent.before("up", None)
    agent.run("retry", "worse").expect(DONE)


def make_safe_mode(repo, agent):
    """Going back is cut off, and so is each recovery."""
    repo.deploy({"worse/compose.yaml": unhealthy(3)})
    for _ in range(4):
        agent.sync(fault="undo_applied:kill")
    agent.sync(DEGRADED)
    agent.run("retry", "worse").expect(FAILED)


def make_disk_events(make_agent, repo, journal, place):
    """A state directory on a small file system that fills up; it is mounted where the journal is."""
    small = place / "small"
    small.mkdir()
    agent = hear(make_agent(repo, name="small-a"), journal)
    agent.configure(state_dir=str(small))
    journal.inside("mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(small)).check_returncode()
    agent.sync()
    journal.inside("dd", "if=/dev/zero", f"of={small}/fill", "bs=1M", "count=54").check_returncode()
    agent.sync()
    agent.sync()
    journal.inside("rm", f"{small}/fill")
    agent.sync()
    lines = journal.inside("cat", f"{small}/history.jsonl").stdout.decode().splitlines()
    journal.inside("umount", "-l", str(small))
    found = [json.loads(line) for line in lines]
    assert [line["event"] for line in found if line["event"].startswith("disk")] == ["disk.short", "disk.enough"]
    return found


def test_every_event_in_the_journal(repo, heard, engine, journal, make_agent, place):
    events, fields = tables(place)
    repo.deploy({"web/compose.yaml": app(1)}, message="First\n\nwith a body")
    heard.run_daemon()
    wait_until(lambda: heard.current() == 1 and not heard.open_work(), 30, heard.daemon_log)
    assert heard.stop_daemon() == 0
    make_source_events(repo, heard)
    make_project_events(repo, heard, engine)
    make_degraded(repo, heard, engine)
    make_safe_mode(repo, heard)
    make_snapshot_events(repo, heard)
    lines = heard.history() + make_disk_events(make_agent, Repo(place / "empty"), journal, place)

    wanted = set(events) - ELSEWHERE
    assert wanted <= {line["event"] for line in lines}, wanted - {line["event"] for line in lines}
    entries = journal.read()
    assert len(entries) == len(lines)
    by_message = {}
    for e in entries:
        by_message.setdefault((e["MDC_EVENT"], e["MESSAGE"]), []).append(e)
    for line in lines:
        compare(by_message[line["event"], line["message"]].pop(0), line, events, fields)
    seqs = [line["seq"] for line in heard.history()]
    assert seqs == sorted(set(seqs))
    deployed = next(line for line in lines if line["event"] == "project.deployed")
    assert deployed["subject"] == "First" and deployed["author"].startswith("Someone")
    schema = json.loads(run_plain(place, "help", "--schema").expect(DONE).out)
    assert schema["properties"]["event"]["enum"] == list(events)
    for line in lines:
        conforms(line, schema)
    text = journal.journalctl("-x", "SYSLOG_IDENTIFIER=mdc-agent")
    for name in wanted:
        assert f"Subject: mdc-agent: {name}" in text, name
    assert text.count("What to do: ") == len(lines)


def conforms(value, schema, where="event"):
    """The few words of JSON Schema that ours uses."""
    types = {"object": dict, "array": list, "string": str, "integer": int}
    assert set(schema) <= {"$schema", "title", "description", "type", "properties", "required", "enum", "pattern",
                           "maxLength", "items"}, schema
    if "type" in schema:
        assert isinstance(value, types[schema["type"]]) and not isinstance(value, bool), (where, value)
    assert value in schema.get("enum", [value]), (where, value)
    if isinstance(value, str):
        assert len(value) <= schema.get("maxLength", 1 << 20) and re.search(schema.get("pattern", ""), value), where
    for name in schema.get("required", []):
        assert name in value, (where, name)
    for i, item in enumerate(value if isinstance(value, list) else []):
        conforms(item, schema.get("items", {}), f"{where}[{i}]")
    for name, item in value.items() if isinstance(value, dict) and "properties" in schema else []:
        conforms(item, schema["properties"][name], f"{where}.{name}")


# ---- text of strangers ------------------------------------------------------------------------------------------------
BIG = "y" * (1 << 20)
SUBJECTS = [
    b"<0>kernel panic\n\n<1>second\n<0>third",
    b"esc \x1b[31mred\x1b[0m \x1b]0;title\x07 \xe2\x80\xaegnol",
    b"\xff\xfe\xc0\xaf not UTF-8 \xed\xa0\x80",
    BIG.encode(),
    b"MESSAGE=x\nPRIORITY=0\nMESSAGE_ID=00000000000000000000000000000000\n",
    b"\r\nMDC_EVENT=project.degraded\r\n",
]


def commit_raw(repo, message):
    """A commit whose message is exactly these bytes."""
    repo.git("add", "-A")
    tree = repo.git("write-tree")
    text = f"tree {tree}\nparent {repo.head()}\nauthor A\x1b[2J <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n".encode()
    r = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"], cwd=repo.work, env=ENV,
                       input=text + message, capture_output=True, check=True)
    commit = r.stdout.decode().strip()
    repo.reset(commit)
    repo.push()
    return commit


@pytest.mark.parametrize("n", range(len(SUBJECTS)))
def test_hostile_commit_message(n, repo, heard, journal):
    """One harmless record for each event: in the journal, the history, and on standard error under journald."""
    repo.deploy({"web/compose.yaml": app(1)})
    heard.sync(DONE)
    before = len(journal.read())
    repo.write("web/compose.yaml", app(2))
    commit = commit_raw(repo, SUBJECTS[n])
    r = heard.run("sync", "--daemon", JOURNAL_STREAM="1:2").expect(DONE)
    lines = [line for line in heard.history() if line.get("commit") == commit]
    assert [line["event"] for line in lines] == ["sync.started", "project.deployed", "sync.finished"]
    entries = journal.read()[before:]
    assert [e["MDC_EVENT"] for e in entries] == [line["event"] for line in lines]
    for e in entries:
        assert e["PRIORITY"] in ("5", "6") and e["MESSAGE_ID"] != "0" * 32
        assert all(isinstance(v, str) for v in e.values()), e
        assert all(re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e]*", v) for k, v in e.items() if k.startswith("MDC_"))
        assert len(e["MDC_SUBJECT"]) <= 512 * 4 and len(json.dumps(e)) < 32 * 1024
    for text in (r.out, r.err):
        assert "\x1b" not in text
        assert all(re.match(r"<[3-7]>", line) for line in text.splitlines() if line.startswith("<")), text
    assert all(len(line) < 64 * 1024 for line in (heard.state / "history.jsonl").read_text().splitlines())


# ---- secrets ------------------------------------------------------------------------------------------------------------
def test_no_secret_anywhere(repo, heard, journal, place):
    """Values of the environment and of files are in no report, whatever happens to them."""
    marks = [f"S3CRET{i}x{os.urandom(6).hex()}" for i in range(4)]

    def files(v, secret, test):
        return {"web/compose.yaml": app(v, f"""
environment: {{PASSWORD: "{secret}", OTHER: "${{FROM_ENV}}"}}
volumes: ["./conf:/conf:ro"]
healthcheck: {{test: ["CMD", "{test}"], interval: 300ms, timeout: 2s, retries: 2}}
"""), "web/.env": f"FROM_ENV={secret}2\n", "web/conf/token": secret + "3\n"}
    said = ""
    for v, secret, test in ((1, marks[0], "true"), (2, marks[1], "true"), (3, marks[2], "false"),
                            (2, marks[3], "nothing")):
        repo.deploy(files(v, secret, test))
        r = heard.sync()
        said += r.text + heard.run("status").text + heard.run("show").text + heard.run("plan").text
    seen = said + json.dumps(journal.read()) + (heard.state / "history.jsonl").read_text()
    for kept in heard.state.glob("marks/*"):
        seen += kept.read_text()
    for secret in marks:
        assert secret not in seen


# ---- repeats ------------------------------------------------------------------------------------------------------------
def told(agent, *events):
    return [line["event"] for line in agent.history() if line["event"] in events]


def test_failing_source_is_told_once(repo, heard):
    """200 questions to a source that is away: at most 3 reports, and one when it is back."""
    repo.deploy({"web/compose.yaml": app(1)})
    heard.sync(DONE)
    moved = repo.bare.with_suffix(".away")
    repo.bare.rename(moved)
    for _ in range(200):
        heard.sync(LATER)
    heard.run_daemon()
    for _ in range(20):
        heard.run("sync", "--poke").expect(DONE)
    moved.rename(repo.bare)
    names = ("source.unreachable", "source.reachable")
    assert 1 <= len(told(heard, names[0])) <= 3, heard.history()

    def back():
        heard.run("sync", "--poke")
        return told(heard, names[1])
    wait_until(back, 30, heard.daemon_log, every=0.5)
    heard.sync(DONE)
    assert heard.stop_daemon() == 0
    assert told(heard, *names)[-1] == names[1] and len(told(heard, names[1])) == 1
    end = next(line for line in heard.history() if line["event"] == names[1])
    assert int(re.search(r"failed (\d+) times", end["message"]).group(1)) >= 200, end
    assert not (heard.state / "repeats.json").exists() or \
        '"open":true' not in (heard.state / "repeats.json").read_text()


def test_failing_registry_is_told_once(repo, heard, registry, engine):
    """A registry that is away holds the project back; once it is there the deployment says how long that was."""
    image = registry.push("app:1", "web:1")
    engine.untag(image)
    registry.stop()
    repo.deploy({"web/compose.yaml": app(1).replace("app:1", image)})
    for _ in range(12):
        heard.sync(LATER)
    assert told(heard, "project.held") == ["project.held"], heard.history()
    registry.start()
    heard.sync(DONE)
    assert told(heard, "project.held", "project.deployed") == ["project.held", "project.deployed"]
    assert "it had been held 12 times" in heard.history()[-2]["reason"]


# ---- durability, and a journal that hangs -----------------------------------------------------------------------------
def fill(path):
    """Datagrams until the queue of a socket that nobody reads is full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
        for _ in range(100000):
            try:
                s.sendto(b"MESSAGE=x\n", path)
            except BlockingIOError:
                return
    raise AssertionError("its queue does not get full")


def test_stopped_journald_holds_nothing_up(repo, heard, journal):
    repo.deploy({"web/compose.yaml": app(1)})
    heard.sync(DONE)
    os.kill(journal.process.pid, signal.SIGSTOP)
    try:
        fill(f"/proc/{journal.process.pid}/root/run/systemd/journal/socket")
        repo.deploy({"web/compose.yaml": app(2)})
        begun = time.monotonic()
        heard.sync(DONE, timeout=60)
        assert time.monotonic() - begun < 15
    finally:
        os.kill(journal.process.pid, signal.SIGCONT)
    assert told(heard, "project.deployed") == ["project.deployed"] * 2


@pytest.mark.parametrize("point", ["project_committed", "projects_done", "generation_written"])
def test_killed_before_the_report(point, repo, heard):
    """What was done is told, once, by whoever finds it."""
    repo.deploy({"web/compose.yaml": app(1)})
    heard.sync(DONE)
    commit = repo.deploy({"web/compose.yaml": app(2)})
    heard.sync(fault=f"{point}:kill")
    heard.sync(DONE)
    lines = [line["event"] for line in heard.history() if line.get("commit") == commit]
    assert lines.count("project.deployed") == 1, lines
    assert "agent.recovered" in lines
