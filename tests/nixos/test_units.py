"""The units as systemd sees them: the same sandbox as data/mdc-agent.service.in, nothing that `verify` complains of."""

import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT

WORLD = "with import ./world.nix; "
# The mini packages are empty directories: their programs are replaced by real ones.
PROGRAMS = [(r"/\S+-mdc-agent-[\d.]+/bin/mdc-agent", str(BUILD / "mdc-agent")), (r"/\S+-coreutils/bin/kill", "/bin/kill")]


def lines_of(key, value):
    values = value if isinstance(value, list) else [value]
    return [f"{key}={str(v).lower() if isinstance(v, bool) else v}" for v in values]


def render(unit):
    """A unit file, as NixOS writes one from the attributes."""
    names = {"description": "Description", "documentation": "Documentation", "startLimitBurst": "StartLimitBurst",
             "startLimitIntervalSec": "StartLimitIntervalSec"}
    text = ["[Unit]"]
    for attribute, key in names.items():
        if attribute in unit:
            value = unit[attribute]
            text.append(f"{key}={' '.join(value) if isinstance(value, list) else value}")
    for attribute, key in (("wants", "Wants"), ("after", "After"), ("requires", "Requires"), ("before", "Before")):
        if unit.get(attribute):
            text.append(f"{key}={' '.join(unit[attribute])}")
    for key, value in unit.get("unitConfig", {}).items():
        text += lines_of(key, value)
    text.append("[Service]")
    text += [f'Environment="{k}={v}"' for k, v in unit.get("environment", {}).items()]
    for key, value in unit["serviceConfig"].items():
        text += lines_of(key, value)
    text.append("[Install]")
    if unit.get("wantedBy"):
        text.append("WantedBy=" + " ".join(unit["wantedBy"]))
    text += [f"Alias={a}" for a in unit.get("aliases", [])]
    whole = "\n".join(text) + "\n"
    for pattern, program in PROGRAMS:
        whole = re.sub(pattern, program, whole)
    return whole


@pytest.fixture(scope="module")
def units(nix):
    config = ("(eval { backend = \"docker\"; rootless.enable = true; apply.onSwitch = true; git = { url = "
              "\"https://git.example.org/a\"; evaluator = \"flake\"; }; extraConfig = "
              "{ secrets.age_key_file = \"credential:age-key\"; verify = { allowed_signers = \"/etc/a\"; openpgp_keys = [ \"/etc/b\" ]; }; "
              "}; } [ ]).config.systemd")
    return nix.value(WORLD + "builtins.fromJSON (builtins.unsafeDiscardStringContext (builtins.toJSON "
                     f"{{ inherit ({config}) services; user = {config}.user.services; }}))")


@pytest.fixture(scope="module")
def analyze():
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here")

    def run(*args):
        return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=60, check=False)
    return run


def written(tmp_path, units):
    """The units of the host in a directory, with stand-ins for what they order themselves after."""
    for name, unit in units["services"].items():
        (tmp_path / f"{name}.service").write_text(render(unit))
    for name in ("docker.socket", "podman.socket"):
        (tmp_path / name).write_text("[Socket]\nListenStream=/run/x.sock\nAccept=yes\n")
        (tmp_path / name.replace(".socket", "@.service")).write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    return tmp_path


def section(text, name):
    """A section as key -> list of values."""
    found = {}
    for line in re.search(rf"\[{name}\]\n(.*?)(?=\n\[|\Z)", text, re.S).group(1).splitlines():
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def of_other_systems(name):
    return (ROOT / "data" / name).read_text().replace("@BINDIR@", str(BUILD))


@pytest.mark.parametrize("name,place,file", [("managed-docker-compose", "services", "mdc-agent.service.in"),
                                             ("mdc-agent-secrets", "services", "mdc-agent-secrets.service.in"),
                                             ("mdc-agent", "user", "mdc-agent-user.service.in")])
def test_the_unit_is_that_of_other_systems(name, place, file, units):
    ours, theirs = (section(text, "Service") for text in (render(units[place][name]), of_other_systems(file)))
    only_nix = {"Environment", "CacheDirectory", "CacheDirectoryMode"}
    assert {k: v for k, v in ours.items() if k not in only_nix} == theirs


@pytest.mark.parametrize("name,place,file", [("managed-docker-compose", "services", "mdc-agent.service.in"),
                                             ("mdc-agent", "user", "mdc-agent-user.service.in")])
def test_order_and_restarts_are_those_of_other_systems(name, place, file, units):
    ours, theirs = (section(text, "Unit") for text in (render(units[place][name]), of_other_systems(file)))
    # The host's unit knows its engine and names only that.
    assert set(theirs["After"][0].split()) - {"podman.socket"} <= set(ours["After"][0].split())
    for key in ("StartLimitIntervalSec", "StartLimitBurst", "Documentation", "Description"):
        assert ours[key] == theirs[key]


def test_programs_are_in_the_path_of_what_starts_them(units):
    def programs(name):
        return {p.split("-", 1)[1] for p in units["services"][name]["path"]}
    assert {"age", "sops", "openssh", "gnupg"} <= programs("managed-docker-compose") == programs("mdc-agent-apply")
    assert programs("mdc-agent-secrets") == {"age", "sops"}


def test_secrets_come_before_the_engine_and_only_where_there_are_any(nix, units):
    unit = units["services"]["mdc-agent-secrets"]
    assert {"docker.service", "docker.socket", "managed-docker-compose.service"} <= set(unit["before"])
    assert {"docker.service", "docker.socket"} <= set(unit["wantedBy"])
    names = nix.value(WORLD + "lib.attrNames (eval { } [ ]).config.systemd.services")
    assert "mdc-agent-secrets" not in names


def exec_config(nix, settings, modules=""):
    """[Service] of the host's unit for some settings."""
    return nix.value(WORLD + "builtins.fromJSON (builtins.unsafeDiscardStringContext (builtins.toJSON (eval "
                     f"{{ {settings} }} [ {modules} ]).config.systemd.services.managed-docker-compose.serviceConfig))")


def test_drop_ins_come_with_what_needs_them(nix):
    plain = exec_config(nix, "")
    assert plain["ProtectHome"] == "read-only" and "CAP_SYS_ADMIN" not in str(plain["CapabilityBoundingSet"])
    btrfs = "{ options.fileSystems = lib.mkOption { type = lib.types.anything; default = { }; }; " \
            "config.fileSystems.\"/\".fsType = \"btrfs\"; }"
    for settings, modules in (('snapshots.driver = "btrfs";', ""), ("snapshots.subvolumes = true;", ""), ("", btrfs),
                              ('projects.a = { composeFile = ./eval.nix; snapshot.driver = "btrfs"; };', "")):
        got = exec_config(nix, settings, modules)
        assert got["CapabilityBoundingSet"] == [plain["CapabilityBoundingSet"], "CAP_SYS_ADMIN"], settings
        assert {k: v for k, v in got.items() if k != "CapabilityBoundingSet"} == {
            k: v for k, v in plain.items() if k != "CapabilityBoundingSet"}
    assert exec_config(nix, 'projects.a = { composeFile = ./eval.nix; snapshot.paths = [ "/home" ]; };')["ProtectHome"] == "no"
    assert exec_config(nix, 'snapshots.driver = "zfs";')["PrivateDevices"] == "no"


def test_verify_is_content(units, analyze, tmp_path):
    place = written(tmp_path, units)
    for name in ("managed-docker-compose", "mdc-agent-apply", "mdc-agent-secrets"):
        r = analyze("verify", "--man=no", "--recursive-errors=no", place / f"{name}.service")
        assert r.returncode == 0, r.stderr
        ours = [line for line in r.stderr.splitlines() if name in line or str(place) in line]
        assert not ours, r.stderr


def test_verify_is_content_with_the_users_unit(units, analyze, tmp_path):
    for text in (render(units["user"]["mdc-agent"]), of_other_systems("mdc-agent-user.service.in")):
        (tmp_path / "mdc-agent.service").write_text(text)
        r = analyze("verify", "--user", "--man=no", "--recursive-errors=no", tmp_path / "mdc-agent.service")
        assert "mdc-agent.service:" not in r.stderr, r.stderr


def test_verify_would_complain(units, analyze, tmp_path):
    place = written(tmp_path, units)
    path = place / "managed-docker-compose.service"
    path.write_text(path.read_text().replace("KillMode=mixed", "KillMode=mixd"))
    assert "managed-docker-compose" in analyze("verify", "--man=no", "--recursive-errors=no", path).stderr


def test_how_much_the_sandbox_leaves_open(units, analyze, tmp_path, record_property):
    place = written(tmp_path, units)
    r = analyze("security", "--offline=true", place / "managed-docker-compose.service")
    score = re.search(r"Overall exposure level for \S+: ([\d.]+) (\w+)", r.stdout)
    assert score, r.stdout + r.stderr
    print(score.group(0))
    record_property("exposure", score.group(1))
    # docs/manual.md says what stays open, and why.
    assert float(score.group(1)) <= 2.5, r.stdout
