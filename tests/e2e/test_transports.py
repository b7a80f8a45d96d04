"""What can go wrong on the way to the repository, and that secrets stay secret."""

import pytest

from agent import DONE, LATER, USAGE
from composes import app
from gitservers import HttpsServer, make_ca
from transports import TOKEN, make_source
from waiting import wait_until



def test_https_wrong_token(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        s.server.token = "another"
        agent = make_agent(s.url, **s.keys)
        r = agent.sync(USAGE, LATER)
        assert "401" in r.text or "token" in r.text
        assert TOKEN not in r.text
        s.server.token = TOKEN
        agent.sync(DONE)


def test_https_unknown_ca(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        agent = make_agent(s.url, token_file=s.keys["token_file"])
        r = agent.sync(USAGE, LATER)
        assert "certificate" in r.text.lower()
        assert s.server.requests == [], "nothing is sent to a server that is not trusted"


def test_https_redirect_takes_no_token_along(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        s.server.redirect_to = "http://127.0.0.1:9/elsewhere.git/info/refs?service=git-upload-pack"
        agent = make_agent(s.url, **s.keys)
        agent.sync(USAGE, LATER)


def refused(agent, engine, *words):
    """A sync that fails for this reason, by hand and by the daemon, while what runs goes on."""
    r = agent.sync(USAGE, LATER)
    assert any(w in r.text.lower() for w in words) and TOKEN not in r.text, r
    agent.run_daemon()
    wait_until(lambda: any(w in agent.daemon_log().lower() for w in words), 30, agent.daemon_log)
    agent.stop_daemon()
    assert TOKEN not in agent.daemon_log() and engine.version("web") == "1" and agent.current() == 1


def running(repo, agent):
    """Version 1 runs, version 2 is pushed."""
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2)})


@pytest.mark.parametrize("case", ["expired", "wrong name", "other CA"])
def test_https_certificate_that_is_not_good_any_more(case, repo, place, make_agent, engine):
    """The certificate is judged before anything is sent: the server sees no request."""
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        running(repo, agent)
        port = s.server.port
    bad = make_ca(place / "bad", names="DNS:elsewhere.example" if case == "wrong name" else "DNS:localhost,IP:127.0.0.1",
                  days=-1 if case == "expired" else 3)
    with HttpsServer(repo.bare.parent, token=TOKEN, ca=bad, port=port) as server:
        if case != "other CA":
            agent.source(ca_file=str(bad[0]))
        refused(agent, engine, "certificate", "host name", "hostname", "subject name", "ssl")
        assert server.requests == [] and server.connections > 0


def test_https_redirect_to_another_host_gets_no_token(repo, place, make_agent, engine):
    with make_source("https", repo, place) as s, \
            HttpsServer(repo.bare.parent, token=TOKEN, ca=(s.server.ca_file, s.server.ca_file.with_name("server.pem"),
                                                           s.server.ca_file.with_name("server.key"))) as thief:
        agent = make_agent(s.url, **s.keys)
        running(repo, agent)
        s.server.redirect_to = thief.url(f"{repo.bare.name}/info/refs?service=git-upload-pack", host="127.0.0.1")
        refused(agent, engine, "redirect", "301")
        assert not any(thief.given), thief.given
        # Only what libgit2 asks for, after the agent's own question was answered.
        s.server.redirect_when = lambda h: "version=2" not in (h.headers.get("Git-Protocol") or "")
        refused(agent, engine, "redirect", "301")
        assert not any(thief.given), thief.given


def test_https_downgrade_to_http_is_refused(repo, place, make_agent, engine):
    with make_source("https", repo, place) as s, HttpsServer(repo.bare.parent, token=TOKEN, tls=False) as plain:
        agent = make_agent(s.url, **s.keys)
        running(repo, agent)
        s.server.redirect_to = plain.url(f"{repo.bare.name}/info/refs?service=git-upload-pack")
        refused(agent, engine, "redirect", "301")
        assert plain.requests == [] and plain.connections == 0, "not even asked"


def test_http_to_another_host_is_refused(repo, place, make_agent):
    token = place / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    r = make_agent("http://git.example.org/config.git", token_file=str(token)).sync(USAGE)
    assert "http" in r.text and TOKEN not in r.text


def test_ssh_with_another_host_key_is_not_logged_in_to(repo, place, make_agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("ssh", repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        running(repo, agent)
        s.server.change_host_key()
        before = s.server.log.read_text().count("Accepted publickey")
        refused(agent, engine, "host key", "known_hosts")
        log = s.server.log.read_text()
        assert before > 0 and log.count("Accepted publickey") == before, log[-2000:]


def test_what_talks_to_the_source_can_do_nothing_else(repo, place, make_agent):
    """No capability, none to come, a filter of system calls; what the filter does is tried by confine_test.c."""
    def status(pid):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        except OSError:
            return {}

    def confined():
        return [s for s in map(status, agent.processes())
                if (s.get("Seccomp"), s.get("NoNewPrivs"), int(s.get("CapEff", "1"), 16)) == ("2", "1", 0)]
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        s.server.hang.set()
        process = agent.start("sync")
        wait_until(lambda: s.server.requests, 15, "nobody asks the server")
        assert confined(), [status(p) for p in agent.processes()]  # it waits for an answer that does not come
        process.terminate()
        agent.finish(process)


def test_https_server_of_an_old_protocol(repo, place, make_agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        s.server.protocol_v2 = False
        agent = make_agent(s.url, **s.keys)
        agent.sync(DONE)
        repo.deploy({"web/compose.yaml": app(2)})
        agent.sync(DONE)
        assert engine.version("web") == "2"


def test_ssh_host_key_must_be_the_known_one(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("ssh", repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        agent.sync(DONE)
        s.server.change_host_key()
        repo.deploy({"web/compose.yaml": app(2)})
        r = agent.sync(USAGE, LATER)
        assert "host key" in r.text.lower() or "known_hosts" in r.text
        s.server.trust_host()
        agent.sync(DONE)


def test_ssh_hashed_known_hosts(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("ssh", repo, place) as s:
        s.server.trust_host(hashed=True)
        make_agent(s.url, **s.keys).sync(DONE)


def test_ssh_key_missing_is_said(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("ssh", repo, place) as s:
        r = make_agent(s.url, **{**s.keys, "ssh_key_file": "/nonexistent/key"}).sync(USAGE, LATER)
        assert "/nonexistent/key" in r.text


@pytest.mark.parametrize("transport", ["https", "ssh"])
def test_secrets_are_in_no_output_and_no_command_line(transport, repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source(transport, repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        seen = []
        agent.run_daemon()
        wait_until(lambda: agent.current() == 1, 30, agent.daemon_log)
        for pid in agent.processes():
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                seen.append(f.read().decode(errors="replace"))
        agent.stop_daemon()
        texts = [agent.daemon_log(), *seen, agent.run("status", "--json").text, agent.run("sync", "--verbose").text,
                 agent.run("show", "1", "--json").text]
        assert not [t for t in texts if TOKEN in t]
        for p in agent.state.rglob("*"):
            if p.is_file() and not p.is_symlink():
                assert TOKEN.encode() not in p.read_bytes(), p


def test_url_with_a_password_is_not_shown(repo, place, make_agent):
    repo.deploy({"web/compose.yaml": app()})
    with make_source("https", repo, place) as s:
        url = s.url.replace("https://", "https://git:hidden-word@")
        agent = make_agent(url, ca_file=s.keys["ca_file"])
        assert "hidden-word" not in agent.sync().text
        assert "hidden-word" not in agent.run("status").text


@pytest.mark.parametrize("transport", ["file", "https", "ssh"])
def test_daemon_polls(transport, repo, place, make_agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    with make_source(transport, repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        agent.run_daemon()
        wait_until(lambda: agent.current() == 1, 30, agent.daemon_log)
        repo.deploy({"web/compose.yaml": app(2)})
        wait_until(lambda: agent.current() == 2, 30, agent.daemon_log)
        assert engine.version("web") == "2"
        assert agent.stop_daemon() == 0
