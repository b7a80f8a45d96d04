"""
Small inputs that are made to cost much: each ends in a clear error, within 1 s of work and 64 MB, and what runs is
untouched. Work is the processor time of the agent and of all it started, so a busy machine changes nothing.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading

import pytest

from agent import BIN, DONE, FAILED, LATER, REJECTED, USAGE, Result
from composes import app
from transports import make_source

SANITIZED = b"__asan_init" in (BIN / "mdc-agent").read_bytes() if (BIN / "mdc-agent").exists() else False
CPU_S = 8 if SANITIZED else 1  # sanitizers cost several times the work, and their shadow is memory too
RSS_KB = None if SANITIZED else 64 * 1024


# A process of its own, because a child's largest size begins with its parent's.
LAUNCH = """
import json, os, subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=2)
_, status, used = os.wait4(p.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def limited(agent, *args, limits=()):
    """Run a verb; its result, and that it stayed within the limits."""
    p = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCH, *limits, *agent.argv(*args)], env=agent.env(), cwd="/",
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    code, cpu_s, rss_kb = json.loads(p.stdout)
    r = Result(args, code, "", p.stderr)
    agent.check_sanitizers()
    assert cpu_s < CPU_S, (cpu_s, r)
    assert RSS_KB is None or rss_kb < RSS_KB, (rss_kb, r)
    return r


def nine(levels, first="x"):
    """Each name is nine times the one before."""
    lines = [f"x-bomb:\n  a0: &a0 [{','.join([first] * 9)}]"]
    lines += [f"  a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


GOOD = 'services: {app: {image: "app:2", network_mode: none}}\n'


def labels(*values):
    return 'services: {app: {image: "app:2", network_mode: none, labels: [' + ",".join(values) + "]}}\n"


DOTENV = "A0=xxxxxxxxxx\n" + "".join(f"A{i}={f'${{A{i - 1}}}' * 10}\n" for i in range(1, 9))
BOMBS = {  # name: files of the project, words of the error
    "alias": ({"compose.yaml": GOOD + nine(9)}, "aliases make this file too large"),
    "fat-alias": ({"compose.yaml": GOOD + f"x-a: &a '{'x' * 100000}'\nx-b: [{'*a,' * 30000}]\n"}, "aliases make"),
    "cycle": ({"compose.yaml": GOOD + "x-a: &a\n  b: *a\n"}, "alias contains itself"),
    "depth": ({"compose.yaml": GOOD + "x-a: " + "[" * 40000 + "]" * 40000 + "\n"}, "nested too deeply"),
    "block-depth": ({"compose.yaml": GOOD + "x-a:\n" + "- " * 50000 + "\n"}, "nested too deeply"),
    "anchors": ({"compose.yaml": GOOD + "x-a:\n" + "".join(f"- &a{i} x\n" for i in range(15000))}, "too many anchors"),
    "large": ({"compose.yaml": GOOD + "#" * 3000000 + "\n"}, "at most 256 KiB"),
    "events": ({"compose.yaml": GOOD + "x-a: [" + "a," * 110000 + "]\n"}, "too many values"),
    "merge": ({"compose.yaml": "x-a: &a {" + ",".join(f"k{i}: 1" for i in range(400)) + "}\nservices:\n" + "".join(
        f" s{i}: {{<<: *a, image: x}}\n" for i in range(400))}, "aliases make"),
    "dotenv": ({"compose.yaml": labels('"a=${A8}"'), ".env": DOTENV}, "grows beyond"),
    "env-file": ({"compose.yaml": GOOD.replace("}}", ", env_file: x.env}}"), "x.env": DOTENV}, "grows beyond"),
    "variable": ({"compose.yaml": labels('"a=' + "${A}" * 4000 + '"'), ".env": "A=" + "x" * 60000 + "\n"},
                 "values of variables make"),
    "nested-variables": ({"compose.yaml": labels('"' + "${A:-" * 4000 + "x" + "}" * 4000 + '"')}, "nested too deeply"),
    "ports": ({"compose.yaml": GOOD.replace("}}", ', ports: ["1-65535:1-65535"]}}')}, "more than 20000 ports"),
    "includes": ({"compose.yaml": "include: [a.yaml]\n" + GOOD,
                  **{f"{a}.yaml": f"include: [{b}.yaml]\n" for a, b in zip("abcdefghijkl", "bcdefghijkla")}},
                 "nested deeper than"),
    "json": ({"compose.yaml": "{" + '"x-a": {' * 20000 + "}" * 20001}, "nested too deeply"),
}


@pytest.fixture
def running(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    return engine.snapshot()


def refused(agent, engine, before, words, codes=(FAILED, REJECTED)):
    agent.compose_calls(clear=True)
    r = limited(agent, "sync").expect(*codes)
    assert words in r.text, r
    assert agent.compose_calls() == [], "Compose must not see it"
    assert engine.snapshot() == before
    return r


@pytest.mark.parametrize("name", BOMBS)
def test_files(name, repo, agent, engine, running):
    files, words = BOMBS[name]
    repo.deploy({f"web/{path}": text for path, text in files.items()})
    refused(agent, engine, running, words)


def test_manifest(repo, agent, engine, running):
    repo.deploy({"mdc.yaml": nine(9), "web/compose.yaml": app(2)})
    refused(agent, engine, running, "aliases make")


def push_tree(repo, *above):
    """Twelve objects that look like 10^10 files; entries of the root beside it."""
    def git(lines, *args):
        return subprocess.run(["git", *args], cwd=repo.work, input=lines, capture_output=True, text=True,
                              check=True).stdout.strip()

    def mktree(lines):
        return git(lines, "mktree")
    blob = git(app(2), "hash-object", "-w", "--stdin")
    tree = mktree("".join(f"100644 blob {blob}\tf{i}\n" for i in range(10)))
    for _ in range(9):
        tree = mktree("".join(f"040000 tree {tree}\td{i}\n" for i in range(10)))
    web = mktree(f"100644 blob {blob}\tcompose.yaml\n040000 tree {tree}\tdata\n")
    root = mktree(f"040000 tree {web}\tweb\n" + "".join(f"040000 tree {tree}\t{name}\n" for name in above))
    commit = repo.git("commit-tree", root, "-p", "HEAD", "-m", "bomb")
    repo.git("push", "-q", "origin", f"{commit}:main")


def test_tree_below_a_project(repo, agent, engine, running):
    push_tree(repo)
    refused(agent, engine, running, "more than 20000 files")


def test_tree_while_looking_for_projects(repo, agent, engine, running):
    push_tree(repo, "a", "b")
    agent.compose_calls(clear=True)
    r = limited(agent, "sync").expect(FAILED, REJECTED)
    assert "20000" in r.text, r
    assert engine.snapshot() == running


def test_huge_file(repo, agent, engine, running):
    """300 MB of nothing: a few hundred KB in the repository."""
    (repo.work / "web" / "data").write_bytes(b"")
    os.truncate(repo.work / "web" / "data", 300 * 1024 * 1024)
    repo.deploy({"web/compose.yaml": app(2)})
    r = limited(agent, "sync").expect(FAILED, REJECTED)
    assert "data" in r.text and "1 MiB" in r.text or "1048576" in r.text, r
    assert engine.snapshot() == running


@pytest.mark.parametrize("transport", ["https", "ssh"])
def test_huge_repository(transport, repo, place, make_agent, engine):
    """A pack that is larger than may be written; the limit is lowered here, not reached."""
    repo.deploy({"web/compose.yaml": app(1)})
    with make_source(transport, repo, place) as s:
        agent = make_agent(s.url, **s.keys)
        agent.sync(DONE)
        before = engine.snapshot()
        (repo.work / "data").write_bytes(os.urandom(6 * 1024 * 1024))
        repo.deploy({"web/compose.yaml": app(2)})
        r = limited(agent, "sync", limits=["prlimit", f"--fsize={4 * 1024 * 1024}"]).expect(FAILED, REJECTED)
        assert "large" in r.text, r
        assert engine.snapshot() == before
        assert not list((agent.state / "repo.git" / "objects" / "pack").glob("pack_git2_*")), "half a pack stays"
        agent.sync(DONE)  # with the usual limit
        assert engine.version("web") == "2"


def closed_within(connection, seconds):
    return bool(select.select([connection], [], [], seconds)[0])


class Talker:
    """
    A server on a port or a socket of its own that says what it is given, again and again, to whoever connects; `before`
    is what the first connections are told, once each.
    """

    def __init__(self, first, more=b"", path=None, before=()):
        self.first, self.more, self.before = first, more, list(before)
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = None if path else self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            try:
                if self.before:
                    connection.recv(65536)
                    connection.sendall(self.before.pop(0))
                    return
                if not self.first:
                    connection.settimeout(30)
                    while connection.recv(4096):  # says nothing
                        pass
                    return
                connection.recv(65536)
                connection.sendall(self.first)
                while self.more:
                    connection.sendall(self.more)
                while self.more is None and not closed_within(connection, 0.3):
                    connection.sendall(b"0")  # a byte at a time
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
SERVERS = {  # name: what it says first, what it says then for ever, words of the error beside its address
    "silent": (b"", b"", "no answer from"),
    "slow": (OK + b"\r\n001e# service=git-upload-pack\n0000", None, "no answer from"),
    "endless-header": (OK, b"X-A: " + b"a" * 8000 + b"\r\n", "headers without end; is that the right server?"),
    "one-endless-header": (OK + b"X-A: ", b"a" * 8000, "begins with a line without end; is that the right server?"),
    "endless-status": (b"HTTP/1.1 200 ", b"a" * 8000, "begins with a line without end; is that the right server?"),
    "endless-refs": (OK + b"\r\n001e# service=git-upload-pack\n0000",
                     b"003d" + b"a" * 40 + b" refs/heads/aaaaaa\n", "does not answer like a Git server"),
    "endless-nothing": (OK + b"\r\n", b"0004" * 2000, "does not answer like a Git server"),
    "no-http": (b"\0" * 100, b"\0" * 8000, "does not speak HTTP"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_server(name, repo, agent, engine, running):
    first, more, words = SERVERS[name]
    repo.deploy({"web/compose.yaml": app(2)})
    with Talker(first, more) as t:
        agent.source(url=f"http://127.0.0.1:{t.port}/x.git", timeout="2s")
        r = limited(agent, "sync").expect(LATER, FAILED, USAGE, REJECTED)
        assert f"127.0.0.1:{t.port}" in r.text and words in r.text, r
    assert engine.snapshot() == running


def packet(text):
    return f"{len(text) + 4:04x}{text}".encode()


ADVERTISED = (OK + b"Connection: close\r\n\r\n" + packet("# service=git-upload-pack\n") + b"0000" +
              packet(f"{'a' * 40} HEAD\0symref=HEAD:refs/heads/main\n") + packet(f"{'a' * 40} refs/heads/main\n") + b"0000")
FETCHES = {"endless-header": "headers without end", "one-endless-header": "headers without end", "silent": "no answer from"}


@pytest.mark.parametrize("name", FETCHES)
def test_server_while_fetching(name, repo, agent, engine, running):
    """It says that there is something new, and goes mad when that is fetched."""
    first, more, _ = SERVERS[name]
    with Talker(first, more, before=[ADVERTISED]) as t:
        agent.source(url=f"http://127.0.0.1:{t.port}/x.git", timeout="2s")
        r = limited(agent, "sync").expect(LATER, FAILED, REJECTED)
        assert not t.before
        assert f"127.0.0.1:{t.port}" in r.text and FETCHES[name] in r.text, r
    assert engine.snapshot() == running


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
ANSWERS = {
    "depth": (JSON + b"[" * 2000000, b""),
    "endless": (JSON + b"[", b'{"Id": "a"},' * 500),
    "endless-header": (JSON[:17], b"X-A: " + b"a" * 8000 + b"\r\n"),
    "no-json": (JSON + b"\0" * 1000, b""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_engine_answers(name, repo, agent, engine, running, place):
    """An engine that has gone mad is an engine that does not answer: nothing is concluded from it."""
    first, more = ANSWERS[name]
    repo.deploy({"web/compose.yaml": app(2), "mail/compose.yaml": app(1)})
    with Talker(first, more, path=place / "mad.sock"):
        agent.configure(socket=str(place / "mad.sock"))
        limited(agent, "sync").expect(LATER, FAILED)
    agent.configure(socket=engine.socket)
    assert engine.snapshot() == running
    agent.sync(DONE)
    assert engine.version("web") == "2"


COMPOSE = """#!/bin/sh
case "$*" in
*config*) {config} ;;
esac
exec {real} "$@"
"""
MEMORY = """exec python3 -c '
import sys
x = []
try:
    while True: x.append(bytearray(1 << 20))
except MemoryError:
    sys.exit("fatal error: runtime: out of memory")
'"""


@pytest.mark.parametrize("what", ["memory", pytest.param("cpu", marks=pytest.mark.slow)])
def test_compose_has_limits_of_its_own(what, repo, agent, engine, running):
    """What the check before Compose does not know: then Compose's own limits end it, and it is not asked again."""
    script = agent.base / "greedy-compose"
    script.write_text(COMPOSE.format(config=MEMORY if what == "memory" else "while :; do :; done",
                                     real=engine.compose))
    script.chmod(0o755)
    agent.configure(compose=str(script))
    repo.deploy({"web/compose.yaml": app(2)})
    r = agent.sync(FAILED, REJECTED, LATER)
    # With nothing but a share of a processor, its 30 s of wall clock end before the 20 s of work do.
    assert ("MiB of memory" if what == "memory" else "processor time") in r.text or "took longer" in r.text, r
    assert engine.snapshot() == running
