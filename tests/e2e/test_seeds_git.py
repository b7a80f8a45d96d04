"""Projects of NixOS beside those of a repository, and a repository that is a flake: statements S5.1 to S5.3."""

import json
import os
import shutil

import pytest

import nixhost
from agent import DONE, LATER, REJECTED, ROOT, Agent
from composes import app

needs_nix = pytest.mark.skipif(not nixhost.have_nix(), reason="Nix is not here: sh tests/install.sh installs nix-bin")


def declare(agent, **texts):
    """Projects of the host, as NixOS writes them."""
    projects = {}
    for name, text in texts.items():
        path = agent.base / f"{name}.yaml"
        path.write_text(text)
        projects[name] = {"compose_files": [str(path)]}
    agent.configure(projects=projects)


def test_s5_1_projects_of_both_come_up(repo, agent, engine):
    declare(agent, ours=app())
    repo.deploy({"theirs/compose.yaml": app()})
    agent.sync(DONE)
    assert engine.running("ours") == ["app"] and engine.running("theirs") == ["app"]


def test_s5_1_one_name_in_both_is_an_error(repo, agent, engine):
    """Neither silently wins; what ran keeps running, and the other projects go on."""
    declare(agent, web=app())
    repo.deploy({"other/compose.yaml": app()})
    agent.sync(DONE)
    before = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(2), "other/compose.yaml": app(2)})
    r = agent.sync()
    assert r.code != DONE and "both declared here and in the repository" in r.text
    assert engine.ids("web") == before and engine.version("web") == "1"
    assert engine.version("other") == "2"


def test_s5_3_a_switch_and_a_push_leave_each_others_projects_alone(repo, agent, engine):
    declare(agent, ours=app())
    repo.deploy({"theirs/compose.yaml": app()})
    agent.sync(DONE)
    ours, theirs = engine.ids("ours"), engine.ids("theirs")
    declare(agent, ours=app(2))
    agent.sync(DONE)
    assert engine.ids("theirs") == theirs and engine.version("ours") == "2" and engine.ids("ours") != ours
    ours = engine.ids("ours")
    head = repo.deploy({"theirs/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.ids("ours") == ours and engine.version("theirs") == "2"
    shown = agent.show(agent.current())
    assert head is None or head in str(shown), "the generation says which commit it has"
    assert {p["name"] for p in shown["projects"]} == {"ours", "theirs"}


# ---- the evaluator `flake` ----

FLAKE = """{
  outputs = { self }:
    let
      lib = import ./agent/tests/nixos/lib.nix;
      pkgs = import ./agent/tests/nixos/pkgs.nix { inherit lib; };
    in {
      mdcAgent.server1 = (import ./agent/nixos/standalone.nix { inherit lib pkgs; } [ {
        services.managedDockerCompose.projects = {
          web.composeFile = ./web/compose.yaml;
          api.settings.services.app = { image = "app:%d"; network_mode = "none"; };
        };
      } ]).projects;
      mdcAgent.server2 = throw "this is somebody else's";
    };
}
"""


class FlakeAgent(Agent):
    """An agent whose Nix has a store of its own; `nix` says whether there is one, `path` what is looked at before."""
    nix = True
    path = None

    def env(self, fault=None, **more):
        store = self.base.parent / "nix"
        env = super().env(fault, **more)
        env.update({"NIX_CONFIG": nixhost.CONFIG, "NIX_STORE_DIR": f"{store}/store", "NIX_STATE_DIR": f"{store}/var",
                    "NIX_LOG_DIR": f"{store}/log", "NIX_CONF_DIR": f"{store}/etc", "XDG_CACHE_HOME": f"{store}/cache"})
        if not self.nix:
            env["PATH"] = "/nonexistent"
        if self.path:
            env["PATH"] = f"{self.path}:{env['PATH']}"
        return env


@pytest.fixture
def flake(place, repo, engine, clean_engine):
    a = FlakeAgent(place / "agent", engine, repo.url, evaluator="flake")
    yield a
    a.close()


def files(version):
    """The repository: a flake, a Compose file, and this repository's module beside them."""
    found = {"flake.nix": FLAKE % version, "web/compose.yaml": app()}
    for path in [*(ROOT / "nixos").glob("*.nix"), *(ROOT / "tests/nixos").glob("*.nix"), *(ROOT / "data").rglob("*.*")]:
        if path.is_file():
            found[f"agent/{path.relative_to(ROOT)}"] = path.read_text()
    return found


@needs_nix
def test_s5_2_a_flake_says_what_the_projects_are(flake, repo, engine):
    repo.deploy(files(1))
    flake.sync(DONE)
    assert engine.running("web") == ["app"] and engine.version("api") == "1"
    assert sorted(flake.status()["projects"]) == ["api", "web"], "directories with a Compose file are not looked for"
    web = engine.ids("web")
    flake.compose_calls(clear=True)
    flake.sync(DONE)
    assert flake.compose_calls() == []
    repo.deploy(files(2))
    flake.sync(DONE)
    assert engine.version("api") == "2" and engine.ids("web") == web
    flake.rollback().expect(DONE)
    assert engine.version("api") == "1" and engine.ids("web") == web


@needs_nix
def test_s5_2_a_flake_that_is_wrong_changes_nothing(flake, repo, engine):
    repo.deploy(files(1))
    flake.sync(DONE)
    before = engine.snapshot()["containers"]
    repo.deploy({"flake.nix": (FLAKE % 2).replace('image = "app:2"', 'imag = throw "no image yet"')})
    r = flake.sync(REJECTED)
    assert "no image yet" in r.text and "mdcAgent" in r.text
    repo.deploy({"flake.nix": (FLAKE % 2).replace("server1", "server3")})
    r = flake.sync(REJECTED)
    assert "does not provide attribute" in r.text
    repo.deploy({"flake.nix": '{ outputs = _: { mdcAgent.server1 = { version = 2; projects = { }; }; }; }\n'})
    assert "version 2" in flake.sync(REJECTED).text
    repo.deploy({"flake.nix": '{ outputs = _: { mdcAgent.server1 = { version = 1; projects.web.composefile = 1; }; }; }\n'})
    assert "unknown key" in flake.sync(REJECTED).text
    assert engine.snapshot()["containers"] == before
    repo.deploy({"flake.nix": FLAKE % 2})
    flake.sync(DONE)
    assert engine.version("api") == "2"


@needs_nix
def test_s5_2_another_attribute_and_a_directory(flake, repo, engine):
    tree = {f"hosts/{name}": text for name, text in files(1).items()}
    tree["hosts/flake.nix"] = tree["hosts/flake.nix"].replace("mdcAgent.server1", "fleet.here")
    repo.deploy(tree)
    flake.source(path="hosts", flake_attribute="fleet.here")
    flake.sync(DONE)
    assert sorted(flake.status()["projects"]) == ["api", "web"]


def test_s5_2_without_nix_it_says_what_to_install(flake, repo, engine):
    if any(os.access(f"{d}/nix", os.X_OK) for d in ("/run/current-system/sw/bin", "/nix/var/nix/profiles/default/bin")):
        pytest.skip("Nix is at a place where the agent looks by itself")
    flake.nix = False
    repo.deploy({"flake.nix": "{ outputs = _: { }; }\n"})
    r = flake.sync(LATER)
    assert "install Nix" in r.text
    assert shutil.which("nix") is None or engine.containers("web") == []


# What Nix says when it fails, as versions from 2.8 on word it; whether it is tried again; what is told.
FAILURES = {
    "a trace above the cause": (
        "error:\n       … while evaluating the attribute 'web'\n\n       error: undefined variable 'imge'\n"
        "       at /nix/store/x/flake.nix:3:1:\n            3| error: not this\n", REJECTED, "undefined variable 'imge'"),
    "an input's server": (
        "fatal: Could not read from remote repository.\nerror: program 'git' failed with exit code 128\n"
        "(use '--show-trace' to show detailed location information)\n", LATER, "fetch the flake's inputs"),
    "no lock file": (
        "error: cannot write modified lock file of flake 'git+file:///x' (use '--no-write-lock-file' to ignore)\n",
        REJECTED, "commit flake.lock"),
}


def program(flake, place, text):
    """A `nix` of the test's own."""
    path = place / "bin" / "nix"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    flake.path = str(path.parent)


@pytest.mark.parametrize("name", FAILURES)
def test_s5_2_why_nix_failed(name, flake, place, repo, engine):
    said, code, told = FAILURES[name]
    (place / "said").write_text(said)
    program(flake, place, f"cat '{place}/said' >&2; exit 1")
    repo.deploy({"flake.nix": "{ outputs = _: { }; }\n"})
    r = flake.sync(code)
    assert told in r.text and "not this" not in r.text
    program(flake, place, """echo '{"version": 1, "projects": {}}'""")
    assert flake.sync().code == (DONE if code == LATER else REJECTED), "rejected: not asked again"


def test_s5_2_a_flake_that_gives_too_much(flake, place, repo, engine):
    program(flake, place, "exec head -c 20000000 /dev/zero")
    repo.deploy({"flake.nix": "{ outputs = _: { }; }\n"})
    assert "wrote more than 16" in flake.sync(REJECTED).text


def test_s5_2_files_of_the_host_that_a_flake_names(flake, place, repo, engine):
    """They are no part of the commit: looking at everything finds the change."""
    (place / "compose.yaml").write_text(app().replace("app:1", "${image}"))
    (place / "image").write_text("app:1\n")
    project = {"compose_files": [f"{place}/compose.yaml"], "substitutions_from_files": {"image": f"{place}/image"}}
    program(flake, place, f"echo '{json.dumps({'version': 1, 'projects': {'web': project}})}'")
    repo.deploy({"flake.nix": "{ outputs = _: { }; }\n"})
    flake.sync(DONE)
    assert engine.version("web") == "1"
    (place / "image").write_text("app:2\n")
    flake.sync(DONE, args=("--drift",))
    assert engine.version("web") == "2"
