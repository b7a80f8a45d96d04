"""
Shown by 1 of trust: what is not signed as agent.yaml wants, or does not come after the last accepted commit, is refused;
what runs stays as it is, to the container's id, and it is told once. Keys and signatures are made by the real
ssh-keygen, gpg and git.
"""

import pytest

from agent import DONE, REJECTED, USAGE
from composes import app
from signing import GpgKey, SignedRepo, SshKey, with_signature


@pytest.fixture(scope="module")
def keys(base):
    """Alice and Bob may sign; Mallory has a key that nobody named."""
    place = base / "keys"
    place.mkdir()
    return {name: SshKey(place, name) for name in ("alice", "bob", "mallory")}


@pytest.fixture
def repo(base, request, place):
    return SignedRepo(place / "git")


class Host:
    """An agent that verifies, and what must stay as it is."""

    def __init__(self, agent, repo, place, engine):
        self.agent, self.repo, self.place, self.engine = agent, repo, place, engine

    def allow(self, *lines, name="allowed_signers"):
        path = self.place / name
        path.write_text("".join(lines))
        return str(path)

    def verify(self, **keys):
        self.agent.configure(verify=keys)

    def state(self):
        return (sorted(c.id for c in self.engine.containers()), self.agent.current(),
                (self.agent.state / "anchor").read_bytes() if (self.agent.state / "anchor").exists() else None)

    def refused(self, *words, code=REJECTED):
        """Three polls: each refuses, nothing moves, and one event tells it."""
        before, told = self.state(), self.told()
        for _ in range(3):
            r = self.agent.sync(code)
            assert all(w in r.text for w in words), (words, r)
        assert self.state() == before
        assert len(self.told()) == len(told) + 1, self.told()[len(told):]
        assert all(w in self.told()[-1]["reason"] for w in words)
        assert not self.agent.open_work()

    def accepted(self, *args):
        before = self.agent.current()
        self.agent.sync(DONE, args=args)
        assert self.agent.current() == before + 1
        return self

    def told(self, kind="source.rejected"):
        return [e for e in self.agent.history() if e["event"] == kind]


@pytest.fixture
def host(make_agent, repo, place, engine):
    return Host(make_agent(repo), repo, place, engine)


@pytest.fixture
def trusting(host, keys):
    """One good commit of Alice's runs."""
    host.verify(mode="head", allowed_signers=host.allow(keys["alice"].line(), keys["bob"].line()))
    host.repo.push_signed(keys["alice"], {"web/compose.yaml": app(1)})
    return host.accepted("--trust-first")


def test_unsigned(trusting, keys):
    trusting.repo.push_signed(None, {"web/compose.yaml": app(2)})
    trusting.refused("is not signed")
    trusting.repo.push_signed(keys["bob"])
    trusting.accepted()

def test_accept(trusting, keys):
    """A rewritten history is refused until a person says that it is right."""
    first = trusting.repo.git("rev-parse", "HEAD")
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.accepted()
    trusting.repo.git("reset", "-q", "--hard", first)
    head = trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(3)}, push=False)
    trusting.repo.push("--force")
    trusting.refused("does not descend from", f"mdc-agent accept {head}")
    r = trusting.agent.run("accept", head).expect(USAGE)
    assert "does NOT descend" in r.out and "bob@example.org" in r.out and "--yes" in r.err, r
    trusting.agent.run("accept", head[:12], "--yes").expect(USAGE)
    trusting.agent.run("accept", head, "--yes").expect(DONE)
    assert (trusting.agent.live("web") / "compose.yaml").read_text() == app(3)
    assert [e["commit"] for e in trusting.told("source.accepted")][-1] == head
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(1)})
    trusting.accepted()
