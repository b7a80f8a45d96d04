"""
Shown by 1 of trust: what is not signed as agent.yaml wants, or does not come after the last accepted commit, is refused;
what runs stays as it is, to the container's id, and it is told once. Keys and signatures are made by the real
ssh-keygen, gpg and git.
"""

import pytest

from agent import DEGRADED, DONE, REJECTED, USAGE
from composes import app
from signing import GpgKey, SignedRepo, SshKey, run, with_signature
from waiting import wait_until


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


# ---- refused -------------------------------------------------------------------------------------------------------------
def test_unsigned(trusting, keys):
    trusting.repo.push_signed(None, {"web/compose.yaml": app(2)})
    trusting.refused("is not signed")
    assert "is not signed" in trusting.agent.status()["source"]["refused_why"]
    assert trusting.agent.run("status", "--check").expect(1).out.startswith("WARNING")
    trusting.repo.push_signed(keys["bob"])
    trusting.accepted()
    assert len(trusting.told("source.accepted")) == 1
    assert "refused" not in trusting.agent.status()["source"]


def by_hand(repo, key, change=lambda raw, sign: with_signature(raw, sign(raw))):
    """A commit on HEAD with web at version 2, signed by `change(object, sign)`; pushed."""
    repo.write("web/compose.yaml", app(2))
    raw = repo.unsigned()
    return repo.publish(repo.store(change(raw, key.sign)))


FORGED = {
    "tampered": (lambda raw, sign: with_signature(raw.replace(b"by hand", b"by Hand"), sign(raw)), "does not hold"),
    "namespace": (lambda raw, sign: with_signature(raw, sign(raw, "file")), "does not hold"),
    "two signatures": (lambda raw, sign: with_signature(raw, sign(raw), sign(raw)), "more than one signature"),
    "two in one": (lambda raw, sign: with_signature(raw, sign(raw) + sign(raw)), "not whole"),
    "of another commit": (lambda raw, sign: with_signature(raw, sign(b"tree 0\n")), "does not hold"),
    "x509": (lambda raw, sign: with_signature(raw, sign(raw).replace(b"SSH SIGNATURE", b"SIGNED MESSAGE")), "X.509"),
    "cut": (lambda raw, sign: with_signature(raw, sign(raw)[:120]), "not whole"),
    "no armor": (lambda raw, sign: with_signature(raw, b"Good"), "unknown kind"),
    "long": (lambda raw, sign: with_signature(raw, sign(raw)) + b"x" * 70000, "longer than 64 KiB"),
}


@pytest.mark.parametrize("how", FORGED)
def test_wrongly_signed(trusting, keys, how):
    change, words = FORGED[how]
    by_hand(trusting.repo, keys["alice"], change)
    trusting.refused(words)


def test_signed_by_hand(trusting, keys):
    """That the forgeries are refused for what is wrong with them, and not for how they are made."""
    by_hand(trusting.repo, keys["alice"])
    trusting.accepted()


def test_unknown_key(trusting, keys):
    trusting.repo.push_signed(keys["mallory"], {"web/compose.yaml": app(2)})
    trusting.refused("does not name")
    # Once the key is listed on the host the same commit is good, and nothing else need happen.
    trusting.allow(*(k.line() for k in keys.values()))
    trusting.accepted()


def test_revoked(trusting, keys):
    """A key that is still listed, and revoked by a list or by a KRL."""
    signers = trusting.allow(keys["alice"].line(), keys["bob"].line())
    revoked = trusting.allow(keys["bob"].public + "\n", name="revoked")
    trusting.verify(mode="head", allowed_signers=signers, revoked=revoked)
    trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(2)})
    trusting.refused("does not hold")
    krl = str(trusting.place / "krl")
    run("ssh-keygen", "-q", "-k", "-f", krl, keys["bob"].file.with_suffix(".pub"))
    trusting.verify(mode="head", allowed_signers=signers, revoked=krl)
    trusting.agent.sync(REJECTED)
    trusting.repo.push_signed(keys["alice"])
    trusting.accepted()


def test_expired_and_dated_back(trusting, keys):
    """Git believes the date that stands in the commit; we have a clock."""
    line = keys["bob"].line('valid-before="20240101"')
    trusting.allow(keys["alice"].line(), line)
    trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(2)}, when="2023-06-01T12:00:00Z")
    trusting.refused("or not any more")


def test_principals(trusting, keys):
    signers = trusting.allow(keys["alice"].line(), keys["bob"].line())
    trusting.verify(mode="head", allowed_signers=signers, principals=["alice@example.org"])
    trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(2)})
    trusting.refused("bob@example.org", "verify.principals")
    trusting.repo.push_signed(keys["alice"])
    trusting.accepted()


def test_old_head_again(trusting, keys):
    """A signed commit of yesterday is signed today as well."""
    old = trusting.repo.head()
    new = trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.accepted()
    trusting.repo.set_ref("refs/heads/main", old)
    trusting.refused("does not descend from", new[:12])
    trusting.agent.rollback("1").expect(DONE)
    trusting.agent.run("resume").expect(REJECTED)
    trusting.repo.set_ref("refs/heads/main", new)
    trusting.agent.sync(DONE)
    assert (trusting.agent.live("web") / "compose.yaml").read_text() == app(2)
    assert "refused" not in trusting.agent.status()["source"]


def test_side_branch(trusting, keys):
    """Signed, and beside the accepted line."""
    first = trusting.repo.head()
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.accepted()
    trusting.repo.git("checkout", "-q", "-B", "side", first)
    side = trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(3)}, push=False)
    trusting.repo.git("push", "-q", "origin", "HEAD:side")
    trusting.repo.set_ref("refs/heads/main", side)
    trusting.refused("does not descend from")


def test_strict(trusting, keys):
    """An unsigned commit below a signed head, on the line and on a merged branch."""
    signers = str(trusting.place / "allowed_signers")
    repo = trusting.repo
    trusting.verify(mode="strict", allowed_signers=signers)
    base = repo.head()
    repo.push_signed(None, {"web/compose.yaml": app(2)}, push=False)
    middle = repo.head()
    repo.push_signed(keys["alice"])
    trusting.refused(f"commit {middle[:10]} is not signed")
    repo.git("checkout", "-q", "-B", "branch", base)
    unsigned = repo.push_signed(None, {"web/compose.yaml": app(2)}, "on a branch", push=False)
    repo.git("checkout", "-q", "-B", "main", base)
    repo.push_signed(keys["bob"], push=False)
    repo.signed(keys["alice"], "merge", "-q", "-S", "--no-ff", "-m", "merge", "branch")
    repo.push("--force")
    trusting.refused(f"commit {unsigned[:10]} is not signed")
    repo.git("reset", "-q", "--hard", base)
    for version in (3, 2, 3):
        repo.push_signed(keys["alice"], {"web/compose.yaml": app(version)}, push=False)
    repo.push("--force")
    trusting.verify(mode="strict", allowed_signers=signers, max_commits=2)
    trusting.agent.sync(REJECTED)
    trusting.verify(mode="strict", allowed_signers=signers, max_commits=3)
    trusting.accepted()


# ---- the anchor ----------------------------------------------------------------------------------------------------------
def test_first_start(host, keys):
    """Without a first word nothing is trusted; a first word does not make up for a signature."""
    signers = host.allow(keys["alice"].line())
    host.verify(mode="head", allowed_signers=signers)
    first = host.repo.push_signed(None, {"web/compose.yaml": app(1)})
    host.refused("--trust-first", "verify.initial_commit")
    host.agent.sync(REJECTED, args=["--trust-first"])
    host.verify(mode="strict", allowed_signers=signers, initial_commit=first)
    host.accepted()
    host.repo.push_signed(None)
    host.refused("is not signed")


def test_initial_commit(host, keys):
    signers = host.allow(keys["alice"].line())
    first = host.repo.push_signed(None, {"web/compose.yaml": app(1)})
    other = host.repo.signed(None, "commit-tree", "HEAD^{tree}", "-m", "another history")
    host.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    host.verify(mode="strict", allowed_signers=signers, initial_commit=other)
    host.refused("does not descend from")
    host.verify(mode="strict", allowed_signers=signers, initial_commit=first)
    host.accepted()


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_anchor_lost(trusting, keys, how):
    anchor = trusting.agent.state / "anchor"
    head = trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    if how == "lost":
        anchor.unlink()
        trusting.refused("is not known", f"mdc-agent accept {head}")
        trusting.agent.sync(REJECTED, args=["--trust-first"])
    else:
        anchor.write_bytes(anchor.read_bytes()[:-3] + b"xx\n")
        before = trusting.state()
        assert "mdc-agent accept" in trusting.agent.sync(DEGRADED).text
        assert trusting.state() == before
    trusting.agent.run("accept", head, "--yes").expect(DONE)
    trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(3)})
    trusting.accepted()


def test_rejected_content_moves_no_anchor(trusting, keys):
    before = trusting.state()
    trusting.repo.push_signed(keys["alice"], {"mdc.yaml": "version: 99\n"})
    trusting.agent.sync(REJECTED)
    assert trusting.state() == before


def test_killed_before_the_anchor(trusting, keys):
    """Checked and staged, and dead before it was written down: checked again."""
    before = trusting.state()
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.agent.sync(fault="stage_done:kill")
    assert trusting.state() == before
    trusting.accepted()
    assert trusting.state()[2] != before[2]


def test_accept(trusting, keys):
    """A rewritten history is refused until a person says that it is right."""
    first = trusting.repo.head()
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.accepted()
    trusting.repo.git("reset", "-q", "--hard", first)
    head = trusting.repo.push_signed(keys["bob"], {"web/compose.yaml": app(3)}, push=False)
    trusting.repo.push("--force")
    trusting.refused("does not descend from", f"mdc-agent accept {head}")
    r = trusting.agent.run("accept", head).expect(USAGE)
    assert "does NOT descend" in r.out and "bob@example.org" in r.out and "--yes" in r.err, r
    trusting.agent.run("accept", head[:12], "--yes").expect(USAGE)
    trusting.agent.run("accept", "0" * 40, "--yes").expect(USAGE)
    trusting.agent.run("accept", head, "--yes").expect(DONE)
    assert (trusting.agent.live("web") / "compose.yaml").read_text() == app(3)
    assert [e["commit"] for e in trusting.told("source.accepted")][-1] == head
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(1)})
    trusting.accepted()


def test_plan_is_refused_too(trusting):
    trusting.repo.push_signed(None, {"web/compose.yaml": app(2)})
    before = trusting.agent.tree()
    assert "is not signed" in trusting.agent.run("plan").expect(REJECTED).err
    assert trusting.agent.tree() == before


def test_keys_that_others_may_write(trusting, keys):
    (trusting.place / "allowed_signers").chmod(0o666)
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.refused("others may write", code=USAGE)
    (trusting.place / "allowed_signers").chmod(0o644)
    trusting.accepted()


# ---- kinds of keys -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_ssh_kinds(host, place, kind):
    key = SshKey(place, kind, kind)
    host.verify(mode="strict", allowed_signers=host.allow(key.line('namespaces="git"')))
    host.repo.push_signed(key, {"web/compose.yaml": app(1)})
    host.accepted("--trust-first")


def test_wrong_namespace_allowed(trusting, keys):
    """A key that may sign files may not sign commits."""
    trusting.allow(keys["alice"].line('namespaces="file"'))
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.refused("SSH")


@pytest.fixture
def gpg(place):
    made = []

    def make(*args, **keys):
        made.append(GpgKey(place, *args, **keys))
        return made[-1]
    yield make
    for k in made:
        k.close()


def test_openpgp(host, place, gpg):
    alice, mallory = gpg("alice"), gpg("mallory", "rsa2048")
    keys = [alice.export(place / "alice.asc")]
    host.verify(mode="strict", openpgp_keys=keys)
    host.repo.push_signed(alice, {"web/compose.yaml": app(1)})
    host.accepted("--trust-first")
    host.repo.push_signed(mallory, {"web/compose.yaml": app(2)})
    host.refused("OpenPGP signature that does not hold")
    host.repo.reset("HEAD~1")
    by_hand(host.repo, alice, lambda raw, sign: with_signature(raw.replace(b"by hand", b"by Hand"), sign(raw)))
    host.refused("does not hold")
    host.repo.reset("HEAD~1")
    both = [*keys, mallory.export(place / "mallory.asc")]
    host.verify(mode="strict", openpgp_keys=both, fingerprints=[alice.fingerprint])
    host.repo.push_signed(mallory, {"web/compose.yaml": app(2)}, push=False)
    host.repo.push("--force")
    host.refused("verify.fingerprints")
    host.verify(mode="strict", openpgp_keys=both, fingerprints=[alice.fingerprint, mallory.fingerprint])
    host.accepted()
    assert not (host.agent.state / "stage" / ".gnupg").exists()


def test_openpgp_expired_and_dated_back(host, place, gpg):
    """Signed in 2020 by its own words, with a key that expired in 2021."""
    alice, old = gpg("alice"), gpg("old", expire="1y", at="20200101T000000")
    host.verify(mode="head", openpgp_keys=[alice.export(place / "alice.asc"), old.export(place / "old.asc")])
    host.repo.push_signed(alice, {"web/compose.yaml": app(1)})
    host.accepted("--trust-first")
    by_hand(host.repo, old, lambda raw, sign: with_signature(raw, sign(raw, "20200601T000000")))
    host.refused("does not hold")


def test_openpgp_revoked(host, place, gpg):
    alice = gpg("alice")
    path = alice.export(place / "alice.asc")
    host.verify(mode="head", openpgp_keys=[path])
    host.repo.push_signed(alice, {"web/compose.yaml": app(1)})
    host.accepted("--trust-first")
    host.repo.push_signed(alice, {"web/compose.yaml": app(2)})
    alice.revoke()
    alice.export(path)
    host.refused("does not hold")


# ---- tags ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def tagged(host, keys):
    host.agent.source(tag="deploy/*", branch=None)
    host.agent.settings["source"].pop("branch")
    host.verify(mode="tag", allowed_signers=host.allow(keys["alice"].line(), keys["bob"].line()))
    host.repo.push_signed(None, {"web/compose.yaml": app(1)})
    host.first = host.repo.tag(keys["alice"], "deploy/1")
    host.accepted("--trust-first")
    return host


def test_tags(tagged, keys):
    """The branch and its commits do not matter; a tag that is signed does."""
    tagged.repo.push_signed(keys["mallory"], {"web/compose.yaml": app(2)})
    tagged.agent.sync(DONE)
    assert tagged.agent.current() == 1
    tagged.repo.tag(keys["bob"], "deploy/2")
    tagged.accepted()


FORGED_TAGS = {
    "unsigned": (lambda t, keys: t.repo.tag(None, "deploy/2"), "is not signed"),
    "unknown key": (lambda t, keys: t.repo.tag(keys["mallory"], "deploy/2"), "does not name"),
    "lightweight": (lambda t, keys: t.repo.set_ref("refs/tags/deploy/2", t.repo.head()), "no annotated tag"),
    "another name": (lambda t, keys: t.repo.set_ref("refs/tags/deploy/2", t.repo.tag(keys["alice"], "never/1")),
                     "was made as tag never/1"),
    "an old one": (lambda t, keys: t.repo.set_ref("refs/tags/deploy/2", t.repo.tag(keys["alice"], "never/1", "side")),
                   "does not descend from"),
}


@pytest.mark.parametrize("how", FORGED_TAGS)
def test_forged_tags(tagged, keys, how):
    """Only a tag of that very name, signed for this very commit."""
    repo = tagged.repo
    side = repo.signed(None, "commit-tree", "HEAD^{tree}", "-m", "another history")
    repo.git("branch", "side", side)
    repo.push_signed(None, {"web/compose.yaml": app(2)})
    forge, words = FORGED_TAGS[how]
    forge(tagged, keys)
    tagged.refused(words)
    repo.tag(keys["alice"], "deploy/10")
    tagged.accepted()


def test_tag_of_a_side_branch(tagged, keys):
    """The branch and a tag are pointed at a signed side branch; its signature says nothing of deploying it."""
    repo = tagged.repo
    repo.git("checkout", "-q", "-b", "side")
    side = repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)}, push=False)
    repo.git("push", "-q", "origin", "HEAD:side")
    repo.set_ref("refs/heads/main", side)
    tagged.agent.sync(DONE)
    assert tagged.agent.current() == 1
    repo.set_ref("refs/tags/deploy/2", side)
    tagged.refused("no annotated tag")


def test_tags_only_go_up(tagged, keys):
    repo = tagged.repo
    repo.push_signed(None, {"web/compose.yaml": app(2)})
    repo.tag(keys["alice"], "deploy/3")
    tagged.accepted()
    repo.push_signed(None, {"web/compose.yaml": app(3)})
    repo.tag(keys["alice"], "deploy/2")
    run("git", "update-ref", "-d", "refs/tags/deploy/3", cwd=repo.bare)
    tagged.refused("deploy/2 is older than deploy/3")
    run("git", "update-ref", "-d", "refs/tags/deploy/2", cwd=repo.bare)
    assert "deploy/1 is older than deploy/3" in tagged.agent.sync(REJECTED).text


# ---- freeze --------------------------------------------------------------------------------------------------------------
def test_freeze(trusting, keys):
    """Too long without a commit: told once, warned of, and over with the next commit."""
    trusting.agent.source(max_age="1s")
    wait_until(lambda: trusting.agent.run("status", "--check").code == 1, 20)
    for _ in range(3):
        trusting.agent.sync(DONE)
    assert len(trusting.told("source.stale")) == 1
    assert "max_age" in trusting.agent.run("status", "--check").expect(1).out
    assert trusting.agent.status()["source"]["moved"]
    trusting.agent.source(max_age="1d")
    trusting.repo.push_signed(keys["alice"], {"web/compose.yaml": app(2)})
    trusting.accepted()
    trusting.agent.run("status", "--check").expect(DONE)
    assert len(trusting.told("source.moves")) == 1


def test_daemon(trusting, keys):
    """It notices keys that change, a refused commit that goes away, and a freeze."""
    agent = trusting.agent
    trusting.repo.push_signed(keys["mallory"], {"web/compose.yaml": app(2)})
    agent.run_daemon()
    wait_until(lambda: trusting.told(), 30, agent.daemon_log)
    trusting.allow(*(k.line() for k in keys.values()))
    wait_until(lambda: agent.current() == 2, 40, agent.daemon_log)
    assert agent.stop_daemon() == 0
    agent.source(max_age="1s")
    agent.run_daemon()
    wait_until(lambda: trusting.told("source.stale"), 40, agent.daemon_log)
    assert agent.stop_daemon() == 0
    assert len(trusting.told("source.stale")) == 1
