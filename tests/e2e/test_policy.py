"""What a project may ask of its host: every rule through real Compose, and what a refusal leaves alone."""

import json
import os
import re

import pytest

from agent import DONE, FAILED, LATER, USAGE, run_plain
from composes import app
from policycases import CASES, DENY, UNIT_ONLY, files_of, marked
from publicstacks import STACKS


def write(where, files):
    for name, text in files.items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check(base, where, policy):
    """Findings of `check` by that policy."""
    if isinstance(policy, dict):
        (base / "policy.yaml").write_text(json.dumps(policy))
        policy = str(base / "policy.yaml")
    r = run_plain(base, "check", "--json", "--policy", policy, str(where)).expect(DONE, USAGE)
    assert "not checked with Compose" not in r.out
    return r.json()["findings"]


# ---- the rules ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule, form", [(r, f) for r, forms in CASES.items() for f in forms])
def test_rule(rule, form, place, base):
    files = files_of(CASES[rule][form])
    file, line = marked(files)
    write(place / "repo/web", files)
    found = check(base, place / "repo", {"preset": "open", rule: DENY.get(rule, "deny")})
    errors = [f for f in found if f["level"] == "error"]
    assert errors and all(f"(rule {rule};" in f["text"] for f in errors), found
    assert {(f["file"], f["line"]) for f in errors} == {(f"web/{file}", line)}, errors
    assert all(f["project"] == "web" and "policy: {projects: {web:" in f["text"] for f in errors)


def test_every_rule_has_a_plain_and_a_disguised_file(base):
    text = run_plain(base, "help", "--policy").expect(DONE).out
    rules = set(re.findall(r"^\| `policy\.([a-z_]+)`", text, re.M))
    assert rules == set(CASES) | UNIT_ONLY
    for rule, forms in CASES.items():
        assert "plain" in forms and len(forms) > 1, rule


@pytest.mark.parametrize("rule", CASES)
def test_what_was_said_allows_it(rule, place, base):
    """The message names the words that allow exactly this."""
    write(place / "repo/web", files_of(CASES[rule]["plain"]))
    policy = {"preset": "open", rule: DENY.get(rule, "deny")}
    errors = [f for f in check(base, place / "repo", policy) if f["level"] == "error"]
    assert errors
    said = re.search(r"in agent.yaml: policy: (\{.*\})\)$", errors[0]["text"])[1]
    (base / "said.yaml").write_text(f"preset: open\n{rule}: {json.dumps(policy[rule])}\n{said[1:-1]}\n")
    left = check(base, place / "repo", str(base / "said.yaml"))
    assert errors[0] not in left


def test_symbolic_link_out_of_an_allowed_directory(place, base):
    (place / "srv").mkdir()
    (place / "srv/x").symlink_to("/etc")
    write(place / "repo/web", files_of(f"volumes: [\"{place}/srv/x/cron.d:/x\"]"))
    found = check(base, place / "repo", {"preset": "standard", "binds": [str(place)]})
    assert any(f["level"] == "error" and "leads to /etc/cron.d" in f["text"] and "rule sensitive_paths" in f["text"]
               for f in found), found


def test_policy_file_with_a_mistake(place, base):
    write(place / "repo/web", {"compose.yaml": app()})
    (base / "wrong.yaml").write_text("preset: standard\nbind: allow\n")
    r = run_plain(base, "check", "--policy", str(base / "wrong.yaml"), str(place / "repo")).expect(USAGE)
    assert "wrong.yaml:2:1: unknown key 'bind' in policy: did you mean 'binds'?" in r.text
    r = run_plain(base, "check", "--policy", "strickt", str(place / "repo")).expect(USAGE)
    assert "open, standard, strict" in r.text


# ---- public examples ----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def stacks(base):
    for name, files in STACKS.items():
        write(base / "stacks" / name, files)
    # A host each: they would not share ports.
    (base / "stacks/mdc.yaml").write_text(json.dumps({"projects": {n: {"hosts": [n]} for n in STACKS}}))
    return base / "stacks"


def test_public_stacks_pass_under_open(stacks, base):
    assert len(STACKS) >= 30
    found = check(base, stacks, "open")
    assert [f for f in found if f["level"] == "error"] == []


def test_what_standard_says_of_public_stacks(stacks, base):
    """Most pass; those that do not ask for the host itself, and for nothing less."""
    refused = {}
    for f in check(base, stacks, "standard"):
        if f["level"] == "error":
            refused.setdefault(f["project"], set()).update(re.findall(r"\(rule (\w+);", f["text"]))
    assert len(refused) <= len(STACKS) // 2, refused
    assert "engine_sockets" in refused["portainer"] and "engine_sockets" in refused["traefik"]
    assert "wordpress" not in refused and "gitea" not in refused


# ---- a sync -------------------------------------------------------------------------------------------------------
def events(agent, name, project):
    return [e for e in agent.history() if e["event"] == name and e.get("project") == project]


def test_refused_before_anything_is_touched(repo, agent, engine):
    agent.configure(policy={"preset": "standard"})
    repo.deploy({"web/compose.yaml": app(1), "other/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    agent.compose_calls(clear=True)
    repo.deploy({"web/compose.yaml": app(2, extra="labels: {mdc.x: \"1\"}\nvolumes: [\"/etc:/x\"]"), "other/compose.yaml": app(2)})
    r = agent.sync(FAILED)
    assert "web/compose.yaml:5:" in r.text and "rule labels" in r.text, r.text
    assert engine.ids("web") == ids and engine.version("other") == "2"
    assert [c for c in agent.compose_calls() if "-p web" in c and " config " not in f"{c} "] == []
    assert len(events(agent, "project.rolled-back", "web") + events(agent, "project.failed", "web")) == 1
    log = json.dumps(agent.history())
    assert "rule sensitive_paths" in log and "web/compose.yaml:6:" in log, "each violation is told"
    agent.sync()
    assert len(events(agent, "project.rolled-back", "web") + events(agent, "project.failed", "web")) == 1, "told once"
    assert engine.ids("web") == ids
    # Root changes the policy: looked at again, without a new commit.
    agent.configure(policy={"preset": "standard", "projects": {"web": {"labels": "allow", "sensitive_paths": ["/etc"],
                                                                       "binds": ["/etc"]}}})
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_plan_says_what_is_refused(repo, agent, engine):
    agent.configure(policy={"preset": "standard"})
    repo.deploy({"web/compose.yaml": app(1, extra="pid: host")})
    plan = agent.plan()
    assert plan.action("web") == "blocked" and "rule host_namespaces" in plan.reasons("web")


def test_open_warns_once(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1, extra="pid: host")})
    r = agent.sync(DONE)
    assert "rule host_namespaces" in r.text and engine.version("web") == "1"
    r = agent.sync(DONE)
    assert "rule host_namespaces" not in r.text
    repo.deploy({"web/compose.yaml": app(2, extra="pid: host")})
    r = agent.sync(DONE)
    assert engine.version("web") == "2" and "rule host_namespaces" not in r.text, "it asked for that before"


def test_link_that_a_container_made(repo, agent, engine):
    """A container may write to the project's directory: a link there must not become a way out."""
    agent.configure(policy={"preset": "standard"})
    repo.deploy({"web/compose.yaml": app(1, extra='volumes: ["./data:/data"]'), "web/data/keep": ""})
    agent.sync(DONE)
    (agent.live("web") / "data/way-out").symlink_to("/etc")
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(1, extra='volumes: ["./data:/data", "./data/way-out:/x"]')})
    r = agent.sync(FAILED)
    assert "leads to /etc" in r.text and "rule sensitive_paths" in r.text
    assert engine.ids("web") == ids


# ---- signed images ------------------------------------------------------------------------------------------------
@pytest.fixture
def cosign(place):
    """A stand-in that exits as cosign documents it: 0 verified, 10 to 13 no such signature, else something else."""
    where = place / "bin"
    where.mkdir()

    def install(code, words=""):
        path = where / "cosign"
        if code is None:
            path.unlink(missing_ok=True)
            return
        path.write_text(f'#!/bin/sh\necho "$*" >>{where}/calls\necho "{words}" >&2\nexit {code}\n')
        path.chmod(0o755)
    install.path = f"{where}:{os.environ['PATH']}"
    install.calls = lambda: (where / "calls").read_text() if (where / "calls").exists() else ""
    return install


def test_images_that_must_be_signed(repo, agent, engine, registry, cosign):
    name = registry.push("app:2", "signed:2")
    key = agent.base / "cosign.pub"
    key.write_text("key")
    agent.configure(policy={"cosign": {registry.host: {"key": str(key), "transparency_log": False}}})
    repo.deploy({"web/compose.yaml": app()})
    agent.run("sync", PATH=cosign.path).expect(DONE)
    assert cosign.calls() == "", "an image of another registry"
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app().replace("app:1", name)})
    r = agent.run("sync", PATH=cosign.path).expect(LATER)
    assert "install cosign" in r.text and engine.ids("web") == ids and agent.marks() == []
    cosign(1, "error: dial tcp: i/o timeout")
    r = agent.run("sync", PATH=cosign.path).expect(LATER)
    assert "i/o timeout" in r.text and engine.ids("web") == ids and agent.marks() == []
    cosign(12, "Error: no matching signatures")
    r = agent.run("sync", PATH=cosign.path).expect(FAILED)
    assert "no matching signatures" in r.text and engine.ids("web") == ids and len(agent.marks()) == 1
    cosign(0)
    agent.run("retry", PATH=cosign.path).expect(DONE)
    assert engine.version("web") == "2"
    assert re.search(rf"^verify --key {key} --insecure-ignore-tlog=true {re.escape(name)}@sha256:[0-9a-f]{{64}}$",
                     cosign.calls(), re.M), cosign.calls()
    engine.untag(name)
