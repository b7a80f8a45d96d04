"""Statements S0.1 to S0.7: what nix-managed-docker-compose did, without its faults. docs/nixos.md lists them."""

import json
import os

import pytest

from agent import DONE, FAILED, USAGE
from classic import Classic
from composes import app

DATA = 'volumes: ["data:/data"]'
NASTY = 'pa$$w"o:rd'


def with_data(tag=1, extra=""):
    return app(tag, extra=DATA + ("\n    " + extra if extra else "")) + "volumes: {data: {}}\n"


def no_secret(agent, engine, secret):
    """In nothing that is told: output, history, journal-like records; only in the root-only models."""
    for path in agent.state.rglob("*"):
        if path.is_file() and "models" not in path.parts and path.name != "model.json":
            assert secret.encode() not in path.read_bytes(), path
    for verb in (["status"], ["status", "--json"], ["generations"], ["show", str(agent.current())], ["events"],
                 ["show", str(agent.current()), "--json"]):
        assert secret not in agent.run(*verb).text, verb


def test_s0_1_projects_of_the_host_come_up_under_their_own_names(classic, engine):
    classic.declare("My.Web", app())
    classic.declare("mail", app(), project_name="post")
    classic.sync(DONE)
    assert engine.running("myweb") == ["app"] and engine.running("post") == ["app"]
    assert engine.containers("mail") == [] and engine.containers("store") == []
    ups = classic.calls("up")
    assert sorted(c[c.index("-p") + 1] for c in ups) == ["myweb", "post"]
    status = classic.status()["projects"]
    assert {n: p["state"] for n, p in status.items()} == {"myweb": "running", "mail": "running"}


def test_s0_1_nothing_but_compose_and_the_engine_is_needed(classic, engine, place):
    """No git, no nix and no network: PATH leads nowhere, and there is no repository."""
    empty = place / "empty"
    empty.mkdir()
    classic.declare("web", app())
    r = classic.run("sync", PATH=str(empty)).expect(DONE)
    assert engine.running("web") == ["app"], r


def test_s0_1_names_must_differ_for_compose(classic, engine):
    classic.declare("Web", app())
    classic.declare("web", app())
    r = classic.sync(USAGE)
    assert "rename one of them" in r.text
    classic.forget("Web")
    classic.declare("other", app(), project_name="web")
    r = classic.sync(FAILED)
    assert "project_name 'web'" in r.text and engine.containers() is not None


def test_s0_2_the_same_again_does_nothing(classic, engine):
    classic.declare("web", with_data())
    classic.sync(DONE)
    before, number = engine.snapshot(), classic.current()
    classic.compose_calls(clear=True)
    classic.sync(DONE)
    assert classic.compose_calls() == [] and classic.current() == number == 1
    assert engine.snapshot() == before


def test_s0_3_a_removed_project_goes_down_exactly_once(classic, engine):
    """Several containers, one of them stopped, several files, the files gone: one `down`, volumes stay."""
    services = "services:\n" + "".join(f"  s{i}: {{image: 'app:1'}}\n" for i in range(4))
    one = classic.file("a.yaml", services)
    two = classic.file("b.yaml", "services:\n  s0: {volumes: ['data:/data']}\nvolumes: {data: {}}\n")
    classic.declare("web", compose_files=[one, two])
    classic.declare("stays", app())
    classic.sync(DONE)
    engine.api("POST", f"/containers/{engine.one('web', 's1').id}/stop?t=0")
    os.unlink(one)
    os.unlink(two)
    classic.forget("web")
    classic.compose_calls(clear=True)
    classic.sync(DONE)
    downs = classic.calls("down")
    assert len(downs) == 1 and downs[0][downs[0].index("--timeout") + 1] == "120", downs
    assert engine.containers("web") == [] and "web_default" not in engine.networks()
    assert "web_data" in engine.volumes() and engine.running("stays") == ["app"]


def test_s0_3_the_last_project_too(classic, engine):
    classic.declare("web", with_data(), down_timeout="7s")
    classic.sync(DONE)
    classic.forget("web")
    classic.compose_calls(clear=True)
    classic.sync(DONE)
    assert engine.containers("web") == [] and "web_data" in engine.volumes()
    assert [c[c.index("--timeout") + 1] for c in classic.calls("down")] == ["7"]
    classic.compose_calls(clear=True)
    classic.sync(DONE)
    assert classic.compose_calls() == []


def test_s0_3_a_file_without_the_key_takes_nothing_down(classic, engine):
    """`projects: {}` is a word; a file that lost the key may be half written."""
    classic.declare("web", app())
    classic.sync(DONE)
    classic.configure(projects=None)
    r = classic.sync(USAGE)
    assert "projects: {}" in r.text and engine.running("web") == ["app"]


def test_s0_5_another_value_recreates_only_what_uses_it(classic, engine):
    secret = classic.file("pw", "first-secret\n")
    text = ("services:\n  db: {image: 'app:1', environment: {PW: '${pw}'}, volumes: ['data:/data']}\n"
            "  web: {image: 'app:${tag}'}\nvolumes: {data: {}}\n")
    classic.declare("web", text, substitutions={"tag": "1"}, substitutions_from_files={"pw": secret})
    classic.sync(DONE)
    before = engine.ids("web")
    engine.exec(before["db"], "touch", "/data/kept")
    classic.file("pw", "second-secret\n")
    classic.sync(DONE)
    now = engine.ids("web")
    assert now["web"] == before["web"] and now["db"] != before["db"]
    assert engine.env("web", "db")["PW"] == "second-secret"
    assert engine.exec(now["db"], "ls", "/data") == "kept"
    classic.declare("web", text, substitutions={"tag": "2"})
    classic.sync(DONE)
    assert engine.ids("web")["db"] == now["db"] and engine.version("web", "web") == "2"
    assert [n for n in engine.networks() if n.startswith("web")] == ["web_default"]


def test_s0_6_one_failure_stops_nobody_else(classic, engine):
    classic.declare("a", app())
    classic.declare("b", app())
    classic.sync(DONE)
    classic.declare("a", app(2, command='["sh", "-c", "exit 3"]'))
    classic.declare("b", app(2))
    r = classic.sync(FAILED)
    assert engine.version("b") == "2" and engine.version("a") == "1"
    assert "a was not deployed" in r.text
    said = {e["project"]: e["event"] for e in classic.history() if e["event"].startswith("project.")}
    assert said == {"a": "project.rolled-back", "b": "project.deployed"}, said


VALUES = {"plain": "value-1", "nasty": NASTY, "yaml": "a: b # c, {x} [y] &z *w ! | > % @ `", "lines": "one\ntwo\n\nfour",
          "number": "0123", "truth": "yes", "words": "Ünïcode ‘q’ \t\\n", "quote": "it's \"so\"", "hash": "#1", "dash": "- x",
          "ref": "${HOME} $HOME $$ ${nothing:-x}"}


def test_s0_7_values_arrive_unchanged(classic, engine):
    """From texts and from files, in every style of YAML that a scalar may have."""
    files = {f"f_{k}": classic.file(f"v/{k}", v + "\n") for k, v in VALUES.items()}
    keys = [*VALUES, *files]
    lines = "".join(f"      P_{k}: ${{{k}}}\n      D_{k}: \"<${{{k}}}>\"\n      S_{k}: '${{{k}}}'\n"
                    f"      B_{k}: |-\n        ${{{k}}}\n" for k in keys)
    text = ("services:\n  app:\n    image: ${image}\n    labels: ['${plain}=${nasty}', \"x=${f_lines}\"]\n"
            "    environment:\n      ANSWER: ${UNKNOWN:-${ALSO-42}}\n" + lines)
    classic.declare("web", text, substitutions={**VALUES, "image": "app:1"}, substitutions_from_files=files)
    classic.sync(DONE)
    env = engine.env("web")
    assert env["ANSWER"] == "42"
    for key in keys:
        want = VALUES[key.removeprefix("f_")]
        assert [env[s + key] for s in ("P_", "S_", "B_")] == [want] * 3 and env["D_" + key] == f"<{want}>", key
    labels = engine.one("web").labels
    assert labels["value-1"] == NASTY and labels["x"] == VALUES["lines"]


def test_s0_7_rendered_files_are_roots_alone_and_go_with_the_project(classic, engine):
    classic.declare("web", app(extra="environment: {PW: '${pw}'}"),
                    substitutions_from_files={"pw": classic.file("pw", "very-secret\n")})
    classic.sync(DONE)
    assert engine.env("web")["PW"] == "very-secret"

    def holders():
        return [p for p in classic.state.rglob("*") if p.is_file() and b"very-secret" in p.read_bytes()]
    assert holders() and all(p.stat().st_mode & 0o077 == 0 for p in holders())
    assert classic.state.stat().st_mode & 0o077 == 0
    assert not [p for p in holders() if "stage" in p.parts], "what Compose read is gone once it was read"
    no_secret(classic, engine, "very-secret")
    classic.forget("web")
    classic.configure(retention={"generations": 1})
    classic.sync(DONE)
    classic.declare("x", app())
    classic.sync(DONE)
    classic.declare("x", app(2))
    classic.sync(DONE)
    classic.run("gc").expect(DONE)
    assert holders() == []


def test_s0_7_secrets_are_never_told(classic, engine):
    """Not by Compose's own words about a file it refuses, and not by the log of a container that prints them."""
    secret = classic.file("pw", "so-very-secret\n")
    classic.declare("web", app(), substitutions_from_files={"pw": secret})
    classic.sync(DONE)
    classic.declare("web", app(extra="mem_limit: '${pw}'"))
    r = classic.sync(FAILED)
    assert "so-very-secret" not in r.text and "***" in r.text, r
    classic.declare("web", app(command='["sh", "-c", "echo ${pw}; exit 3"]'))
    r = classic.sync(FAILED)
    assert "so-very-secret" not in r.text and "***" in r.text, r
    classic.declare("web", app(2, extra="environment: {A: '${pw}'}"))
    r = classic.run("plan")
    assert "so-very-secret" not in r.text and "environment A" in r.text, r
    no_secret(classic, engine, "so-very-secret")


def test_s0_7_a_secret_that_is_not_there_stops_nothing(classic, engine):
    path = classic.file("pw", "x-secret\n")
    text = app(extra="environment: {PW: '${pw}'}")
    classic.declare("web", text, substitutions_from_files={"pw": path})
    classic.sync(DONE)
    os.unlink(path)
    r = classic.sync(FAILED)
    assert path in r.text and engine.running("web") == ["app"]
    classic.file("pw", "y-secret\n")
    classic.sync(DONE)
    assert engine.env("web")["PW"] == "y-secret"


def test_s0_8_store_takes_over_what_was_left(classic, engine, place):
    """Everything that 0.6 started without substitutions is Compose's project `store`."""
    old = place / "old"
    old.mkdir()
    (old / "docker-compose.yml").write_text(with_data())
    r = engine.compose_run("-p", "store", "-f", str(old / "docker-compose.yml"), "up", "-d")
    assert r.returncode == 0, r.stderr
    engine.exec(engine.one("store").id, "touch", "/data/kept")
    classic.declare("web", with_data(2), project_name="store")
    r = classic.sync(FAILED)
    assert "adopt" in r.text and engine.version("store") == "1"
    classic.declare("web", adopt=True)
    classic.sync(DONE)
    assert engine.version("store") == "2"
    assert engine.exec(engine.one("store").id, "ls", "/data") == "kept"
    classic.declare("web", project_name="web")
    r = classic.sync(FAILED)
    assert "project_name: store" in r.text and engine.version("store") == "2"
