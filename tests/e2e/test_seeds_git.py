"""Projects of NixOS beside those of a repository, and a repository that is a flake: statements S5.1 to S5.3."""

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
    """An agent whose Nix has a store of its own; `nix` says whether there is one."""
    nix = True

    def env(self, fault=None, **more):
        store = self.base.parent / "nix"
        env = super().env(fault, **more)
        env.update({"NIX_CONFIG": nixhost.CONFIG, "NIX_STORE_DIR": f"{store}/store", "NIX_STATE_DIR": f"{store}/var",
                    "NIX_LOG_DIR": f"{store}/log", "NIX_CONF_DIR": f"{store}/etc", "XDG_CACHE_HOME": f"{store}/cache"})
        if not self.nix:
            env["PATH"] = "/nonexistent"
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
