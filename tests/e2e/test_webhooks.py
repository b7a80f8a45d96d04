"""Reports to receivers: what is sent, to whom, in which order, and that a deployment never waits for it."""

import base64
import json
import subprocess
import sys
import time

import pytest

from agent import DONE, FAILED, LATER, ROOT, run_plain
from composes import app, unhealthy
from journal import Journal, JournalAgent
from receivers import Receiver
from waiting import wait_until

sys.path.append(str(ROOT / "build" / "python"))  # tests/install-python.sh

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
TOKEN = "t0ken-that-nobody-sees"


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.stop()


def secret_file(agent, name, text):
    path = agent.base / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def hook(agent, receiver, **more):
    return {"url": receiver.url, "name": "ops", **more}


def quiet(agent):
    """No process of the agent is left: what was started beside a verb has ended."""
    wait_until(lambda: not agent.processes(), 60, lambda: f"{agent.processes()} still run")


def cursor(agent, name="ops"):
    text = (agent.state / "outbox" / f"{name}.json").read_text()
    return json.loads(text.split("\n", 1)[1])


def history_ids(agent, *without):
    return [e["id"] for e in agent.history() if e["event"] not in without]


def test_signed_cloudevents(repo, agent, receiver):
    """Judged by libraries that nobody here wrote."""
    from cloudevents.core.bindings.http import HTTPMessage, from_http_event
    from standardwebhooks import Webhook, WebhookVerificationError

    agent.configure(webhooks=[hook(agent, receiver, secret_file=secret_file(agent, "secret", SECRET + "\n"),
                                   headers_file=secret_file(agent, "headers", f"X-Ops: {TOKEN}\n"))])
    repo.deploy({"web/compose.yaml": app()}, message="First\n\nwith \"more\" \x1b[31m lines")
    agent.sync(DONE)
    receiver.wait_for("sync.finished")
    quiet(agent)
    assert receiver.ids() == history_ids(agent), "everything, in order, once"
    for r in receiver.requests:
        assert Webhook(SECRET).verify(r.body, r.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(r.body + b" ", r.headers)
        event = from_http_event(HTTPMessage(headers=r.headers, body=r.body))
        assert event.get_id() == r.headers["webhook-id"]
        assert event.get_source() == "/mdc-agent/hosts/server1"
        assert event.get_type() == "dev.mdc-agent." + event.get_data()["event"]
        assert event.get_time() is not None and r.headers["x-ops"] == TOKEN
    deployed = next(r.json() for r in receiver.requests if r.json()["type"].endswith("project.deployed"))
    assert deployed["subject"] == "web" and deployed["data"]["generation"] == 1


def test_only_what_was_asked_for(repo, agent, receiver):
    agent.configure(webhooks=[hook(agent, receiver, events=["project.*", "sync.*", "!sync.started"])])
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    receiver.wait_for("sync.finished")
    quiet(agent)
    assert receiver.events() == ["project.deployed", "sync.finished"]
    assert cursor(agent)["acked"] == agent.history()[-1]["seq"]


def test_a_new_receiver_gets_what_happens_from_then_on(repo, agent, receiver):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    before = len(agent.history())
    agent.configure(webhooks=[hook(agent, receiver)])
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    receiver.wait_for("sync.finished")
    quiet(agent)
    assert receiver.ids() == history_ids(agent)[before:]


def test_down_for_three_deployments_and_killed_between(repo, agent, receiver):
    agent.configure(webhooks=[hook(agent, receiver)])
    receiver.stop()
    for version, fault in ((1, None), (2, "current_switched:kill"), (3, None)):
        repo.deploy({"web/compose.yaml": app(version)})
        agent.sync(fault=fault)
        agent.kill_all()
    agent.sync(DONE)
    agent.kill_all()
    receiver.start()
    # Takes each and dies before it says so, every fourth time: those come again.
    seen = []
    receiver.mode = lambda r: (seen.append(1), "close" if len(seen) % 4 == 0 else "ok")[1]
    for _ in range(20):
        if agent.run("deliver").expect(DONE, LATER).code == DONE:
            break
    assert receiver.ids() == history_ids(agent), "all arrive, in order"
    tries = [r.json()["id"] for r in receiver.seen]
    assert len(set(tries)) == len(receiver.ids()) < len(tries), "a second try has the first one's id"
    assert receiver.events().count("project.deployed") + receiver.events().count("agent.recovered") >= 3


def test_killed_while_it_delivers(repo, agent, receiver):
    agent.configure(webhooks=[hook(agent, receiver)])
    receiver.stop()
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    quiet(agent)
    receiver.start()
    for n in (1, 2):
        # The receiver has it, but its answer never comes: killed there.
        receiver.mode = lambda r: "hang" if r.json()["id"] not in receiver.ids() else "ok"
        process = agent.start("deliver")
        wait_until(lambda: len(receiver.seen) >= n, 10)
        agent.kill_all()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()
    receiver.mode = "ok"
    agent.run("deliver").expect(DONE)
    assert receiver.ids() == history_ids(agent)
    assert len(receiver.seen) > len(receiver.requests)
    assert {r.json()["id"] for r in receiver.seen} == set(receiver.ids())


BAD = ("hang", "500", "redirect", "endless", "close", "tls")


def test_receivers_that_do_not_take_it(repo, agent, place, receiver):
    """All at once: each is named as undeliverable, a good one beside them gets everything, no secret goes elsewhere."""
    elsewhere = Receiver()
    bad = {mode: Receiver(mode, tls=place / "tls" if mode == "tls" else None) for mode in BAD}
    bad["redirect"].target = elsewhere.url
    token = secret_file(agent, "headers", f"Authorization: Bearer {TOKEN}\n")
    agent.configure(webhooks=[hook(agent, receiver)] + [
        {"url": f"{r.url}/{TOKEN}", "name": mode, "headers_file": token} for mode, r in bad.items()])
    repo.deploy({"web/compose.yaml": app()})
    begin = time.monotonic()
    agent.sync(DONE)
    assert time.monotonic() - begin < 8, "a deployment waits for nobody"
    quiet(agent)
    for _ in range(2):  # with the one beside the sync: three tries
        r = agent.run("deliver").expect(LATER)
    told = {e["receiver"]: e["reason"] for e in agent.history() if e["event"] == "webhook.undeliverable"}
    assert set(told) == set(BAD)
    assert "HTTP status 500" in told["500"] and "redirects elsewhere" in told["redirect"]
    assert "larger than" in told["endless"] and "certificate" in told["tls"].lower()
    assert all("127.0.0.1" in reason for reason in told.values())
    assert elsewhere.seen == []
    assert receiver.ids() == history_ids(agent), "the reports of the others too"
    assert sum(e["event"] == "webhook.undeliverable" for e in agent.history()) == len(BAD), "once"
    nothing_secret(agent, r.text)
    for r in (elsewhere, *bad.values()):
        r.stop()


def nothing_secret(agent, *texts):
    """No secret in anything that is shown or kept."""
    kept = [p for p in agent.state.rglob("*") if p.is_file() and "repo.git" not in p.parts]
    for secret in (TOKEN, SECRET, SECRET[6:]):
        for p in kept:
            assert secret.encode() not in p.read_bytes(), p
        for text in (*texts, agent.run("status").text, agent.daemon_log()):
            assert secret not in text


def test_works_again(repo, agent, receiver):
    agent.configure(webhooks=[hook(agent, receiver)])
    receiver.mode = "503"
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    quiet(agent)
    for _ in range(3):
        agent.run("deliver").expect(LATER)
    receiver.mode = "ok"
    r = agent.run("deliver").expect(DONE)
    assert "0 waiting" in r.out
    assert receiver.events()[-2:] == ["webhook.undeliverable", "webhook.deliverable"]
    assert receiver.ids() == history_ids(agent)


@pytest.fixture
def journal(place):
    j = Journal(place / "journal", run_plain(place, "help", "--catalog").out)
    j.start()
    yield j
    j.stop()


def flood(agent, n):
    """As if so many deployments had gone well lately."""
    last = agent.history()[-1]
    with open(agent.state / "history.jsonl", "a", encoding="utf-8") as f:
        for i in range(1, n + 1):
            f.write(json.dumps({**last, "id": f"{i:032x}", "seq": last["seq"] + i, "event": "project.deployed",
                                "severity": "notice"}) + "\n")


def test_too_many_and_the_journal(repo, agent, receiver, journal):
    """All that happens to a receiver stands in the journal, with its name and without its secrets."""
    agent.__class__, agent.journal = JournalAgent, journal
    receiver.mode = "500"
    headers = secret_file(agent, "headers", f"Authorization: Bearer {TOKEN}\n")
    agent.configure(webhooks=[{"url": f"{receiver.url}/{TOKEN}", "name": "ops", "headers_file": headers}])
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    quiet(agent)
    for _ in range(3):
        agent.run("deliver").expect(LATER)
    flood(agent, 1100)
    for _ in range(2):
        agent.run("deliver").expect(LATER)
    receiver.mode = "ok"
    agent.run("deliver").expect(DONE)
    told = [e for e in agent.history() if e["event"].startswith("webhook.")]
    assert [e["event"] for e in told] == ["webhook.undeliverable", "webhook.dropped", "webhook.deliverable"], told
    assert len(receiver.requests) == 1001, "1000 that waited, and that it works again"
    assert receiver.ids()[-1] == told[-1]["id"] and "given up" in told[-1]["reason"]
    assert "webhook.undeliverable" in receiver.events() and "webhook.dropped" in receiver.events()
    for e in told:
        entry = journal.read(f"MDC_EVENT={e['event']}")[0]
        assert entry["MESSAGE"] == e["message"] and entry["MDC_RECEIVER"] == "ops"
        assert entry["MDC_REASON"] == e["reason"] and "HTTP" in entry["MESSAGE"] or e["event"] != "webhook.undeliverable"
    everything = journal.journalctl("-o", "export")
    nothing_secret(agent, everything)
    assert "A receiver of reports does not take them" in journal.journalctl("-x", "MDC_EVENT=webhook.undeliverable")


def test_the_daemon_delivers(repo, agent, receiver):
    agent.configure(webhooks=[hook(agent, receiver)])
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    receiver.wait_for("sync.finished", 30, agent.daemon_log())
    receiver.mode = "500"
    second = Receiver()
    agent.configure(webhooks=[hook(agent, receiver), {"url": second.url, "name": "second"}])
    agent.daemon.send_signal(1)  # SIGHUP
    wait_until(lambda: (agent.state / "outbox" / "second.json").exists(), 10, agent.daemon_log)
    repo.deploy({"web/compose.yaml": app(2)})
    second.wait_for("sync.finished", 30, agent.daemon_log())
    receiver.mode = "ok"
    wait_until(lambda: receiver.ids() == history_ids(agent), 40, lambda: f"{receiver.events()}\n{agent.daemon_log()}")
    agent.notify.read()  # its queue is short, and telling the service manager waits for room
    assert agent.stop_daemon() == 0
    second.stop()


def test_wrong_files_are_named(repo, agent, receiver):
    path = agent.base / "open"
    path.write_text(SECRET)
    path.chmod(0o644)
    agent.configure(webhooks=[hook(agent, receiver, secret_file=str(path))])
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    quiet(agent)
    r = agent.run("deliver").expect(LATER)
    assert "chmod 600" in r.out and receiver.seen == []
    nothing_secret(agent, r.text)


def test_formats(repo, agent, place):
    """Every format's request arrives at a server, with what that service asks for."""
    token = secret_file(agent, "token", TOKEN + "\n")
    servers = {f: Receiver(status=204 if f == "discord" else 200)
               for f in ("slack", "discord", "ntfy", "gotify", "matrix", "template")}
    more = {"ntfy": {"token_file": token}, "gotify": {"token_file": token},
            "matrix": {"token_file": token, "room": "!a:example.org"},
            "template": {"template": "{{host}} {{event}}: {{message}}", "content_type": "text/plain"}}
    agent.configure(webhooks=[{"url": s.url, "name": f, "format": f, "events": ["project.rolled-back"],
                               **more.get(f, {})} for f, s in servers.items()])
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(2)}, message="Bump <!channel> @everyone")
    agent.sync(FAILED)
    quiet(agent)
    got = {f: s.requests[0] for f, s in servers.items()}
    assert "&lt;!channel&gt;" in got["slack"].json()["text"] and "unhealthy" in got["slack"].json()["text"]
    assert "@everyone" in got["discord"].json()["content"] and got["discord"].json()["allowed_mentions"] == {"parse": []}
    assert got["ntfy"].path == "/" and got["ntfy"].json()["topic"] == "hook"
    assert got["ntfy"].headers["authorization"] == f"Bearer {TOKEN}" and got["ntfy"].json()["priority"] == 4
    assert got["gotify"].path == "/hook/message" and got["gotify"].headers["x-gotify-key"] == TOKEN
    assert got["matrix"].method == "PUT" and got["matrix"].json()["msgtype"] == "m.text"
    assert "/rooms/%21a%3Aexample.org/send/m.room.message/" in got["matrix"].path
    assert got["template"].body.decode().startswith("server1 project.rolled-back: web")
    nothing_secret(agent)
    for s in servers.values():
        s.stop()


@pytest.mark.parametrize("kind", ("github", "gitea", "gitlab"))
def test_commit_status(repo, agent, kind):
    """Success, failure, rollback: the calls that each forge documents."""
    forge = Receiver(status=201)
    base = f"http://127.0.0.1:{forge.port}" + {"github": "", "gitea": "/api/v1", "gitlab": "/api/v4"}[kind]
    agent.configure(forge={"kind": kind, "url": base, "repo": "me/lab",
                           "token_file": secret_file(agent, "token", TOKEN)})
    first = repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    second = repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    third = repo.deploy({"web/compose.yaml": unhealthy(3)})
    agent.sync(FAILED)
    agent.rollback().expect(DONE)
    quiet(agent)
    agent.run("deliver").expect(DONE)
    prefix = {"github": "/repos/me/lab/statuses/", "gitea": "/api/v1/repos/me/lab/statuses/",
              "gitlab": "/api/v4/projects/me%2Flab/statuses/"}[kind]
    name = "name" if kind == "gitlab" else "context"
    calls = []
    for r in forge.requests:
        assert r.method == "POST" and r.path.startswith(prefix), r.path
        assert r.json()[name] == "mdc-agent/server1" and len(r.json()["description"]) <= 140
        expected = {"github": ("authorization", f"Bearer {TOKEN}"), "gitea": ("authorization", f"token {TOKEN}"),
                    "gitlab": ("private-token", TOKEN)}[kind]
        assert r.headers[expected[0]] == expected[1]
        calls.append((r.path[len(prefix):], r.json()["state"], r.json()["description"]))
    pending = "running" if kind == "gitlab" else "pending"
    bad = "failed" if kind == "gitlab" else "failure"
    assert [c[:2] for c in calls] == [
        (first, pending), (first, "success"), (second, pending), (second, "success"), (third, pending), (third, bad),
        (first, pending), (first, "success"), (second, bad)], calls
    assert "unhealthy" in calls[5][2] and "web" in calls[5][2]
    assert "rolled back" in calls[7][2] and "rolled back" in calls[8][2]
    nothing_secret(agent)
    forge.stop()


def test_through_a_proxy_and_not_for_the_engine(repo, agent, receiver):
    """http_proxy of the environment counts for receivers, not for the engine's socket."""
    proxy = Receiver()
    agent.configure(webhooks=[{"url": "http://ops.example.org/hook", "name": "ops", "allow_http": True},
                              {"url": receiver.url, "name": "here"}])
    repo.deploy({"web/compose.yaml": app()})
    agent.run("sync", http_proxy=f"http://127.0.0.1:{proxy.port}", no_proxy="127.0.0.1").expect(DONE)
    proxy.wait_for("sync.finished")
    receiver.wait_for("sync.finished")
    quiet(agent)
    assert proxy.requests[0].path == "http://ops.example.org/hook"
    assert "docker" not in json.dumps([r.path for r in proxy.seen])
    proxy.stop()


def test_tls_with_a_ca_of_ones_own(repo, agent, place):
    r = Receiver(tls=place / "tls")
    agent.configure(webhooks=[hook(agent, r, ca_file=str(r.ca_file))])
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    r.wait_for("sync.finished")
    quiet(agent)
    r.stop()


def test_nothing_of_the_sync_is_held_open(repo, agent):
    """What is started beside a verb holds no lock and no pipe: the verb's caller does not wait for it."""
    slow = Receiver("hang")
    agent.configure(webhooks=[hook(agent, slow)])
    repo.deploy({"web/compose.yaml": app()})
    r = subprocess.run(["sh", "-c", '"$@" | cat', "sh", *agent.argv("sync")], env=agent.env(), capture_output=True,
                       text=True, timeout=60)
    assert r.returncode == 0
    wait_until(lambda: slow.seen, 10)
    assert agent.processes(), "it is still at it"
    repo.deploy({"web/compose.yaml": app(2)})
    begin = time.monotonic()
    agent.sync(DONE)
    assert time.monotonic() - begin < 8
    slow.stop()
    quiet(agent)
