"""The flake, offline: its own checks, and what it gives out. A mini nixpkgs stands in for the input."""

import json
import shutil
import subprocess

import pytest

from conftest import HERE, ROOT

OFFLINE = ["--no-write-lock-file", "--override-input", "nixpkgs", f"path:{HERE}"]


@pytest.fixture(scope="module")
def flake(nix, tmp_path_factory):
    """What Git has of this repository, and what it would have after `git add`: not the build directory."""
    copy = tmp_path_factory.mktemp("flake")
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                                check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and "build" not in p.parts]
    for name in filter(None, listed):
        if name.startswith(("nixos/", "tests/nixos/", "data/", "flake", "CMakeLists")) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)

    def run(*args, **more):
        return nix.run("nix", *args, *OFFLINE, cwd=copy, **more)
    run.copy = copy
    return run


def test_flake_check_passes_offline(flake):
    flake("flake", "check", "path:.", timeout=300)


def test_flake_check_fails_when_a_case_does(flake):
    case = flake.copy / "tests/nixos/cases/broken.nix"
    case.write_text("{\n  test_broken = { expr = 1; expected = 2; };\n}\n")
    try:
        r = flake("flake", "check", "path:.", check=False, timeout=300)
    finally:
        case.unlink()
    assert r.returncode != 0
    assert "test_broken: expected 2, got 1" in r.stderr


def test_what_the_flake_gives_out(flake):
    out = json.loads(flake("flake", "show", "--json", "path:.").stdout)
    assert out["packages"]["x86_64-linux"].keys() == {"default", "mdc-agent"}
    assert out["devShells"]["x86_64-linux"].keys() == {"default"}
    assert out["overlays"].keys() == {"default"}
    names = {"x86_64-linux", "aarch64-linux", "default", "managedDockerCompose"}
    assert json.loads(flake("eval", "--json", "path:.#nixosModules", "--apply", "builtins.attrNames").stdout) == sorted(names)
    old = "m: builtins.mapAttrs (_: builtins.isFunction) m"
    for system in ("x86_64-linux", "aarch64-linux"):
        given = flake("eval", "--json", f"path:.#nixosModules.{system}", "--apply", old)
        assert json.loads(given.stdout) == {"default": True, "managedDockerCompose": True}


CONFIG_REPO = """{
  inputs.mdc-agent.url = "path:%s";
  inputs.mdc-agent.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixpkgs.url = "path:%s";
  outputs = { nixpkgs, mdc-agent, ... }: {
    mdcAgent.server1 = mdc-agent.lib.projects nixpkgs.legacyPackages.x86_64-linux [
      { services.managedDockerCompose.projects.web.composeFile = ./web/compose.yaml; }
      {
        services.managedDockerCompose.projects.api = {
          after = [ "web" ];
          settings.services.app = { image = "app:1"; environment.A = "b"; };
        };
      }
    ];
  };
}
"""


@pytest.fixture(scope="module")
def config_repo(flake, nix, tmp_path_factory):
    """A config repository as docs/nixos.md shows one, with a lock file, in Git."""
    place = tmp_path_factory.mktemp("config")
    (place / "web").mkdir()
    (place / "web/compose.yaml").write_text("services:\n  app:\n    image: app:1\n")
    (place / "flake.nix").write_text(CONFIG_REPO % (flake.copy, HERE))

    def git(*args):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *args], cwd=place, check=True,
                              capture_output=True, text=True).stdout.strip()
    git("init", "-q")
    git("add", ".")
    nix.run("nix", "flake", "lock", cwd=place)
    git("add", ".")
    git("commit", "-qm", "a")
    return f"git+file://{place}?rev={git('rev-parse', 'HEAD')}"


def test_s5_2_a_config_repository_gives_projects(config_repo, nix):
    """One schema: what agent.yaml has under `projects`; files are there without anything being built."""
    got = json.loads(nix.run("nix", "eval", "--json", f"{config_repo}#mdcAgent.server1").stdout)
    assert got["version"] == 1
    web, api = got["projects"]["web"], got["projects"]["api"]
    assert web["project_name"] == "web" and api["after"] == ["web"]
    assert open(web["compose_files"][0], encoding="utf-8").read().startswith("services:")
    rendered = json.loads(open(api["compose_files"][0], encoding="utf-8").read())
    assert rendered == {"name": "api", "services": {"app": {"image": "app:1", "environment": {"A": "b"}}}}


def test_s5_2_the_same_commit_gives_the_same_bytes(config_repo, nix):
    """Or every poll would find something new."""
    once, again = (nix.run("nix", "eval", "--json", f"{config_repo}#mdcAgent.server1").stdout for _ in range(2))
    assert once == again
