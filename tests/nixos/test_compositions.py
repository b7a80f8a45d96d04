"""What compositions render to is what Compose accepts: both forms of khepri's README and every key its table leaves out."""

import glob
import json
import os
import re
import subprocess

import pytest

from conftest import HERE, ROOT

KEYS = re.findall(r"(?m)^    ((?:services|networks|volumes|partly)_\w+) =", (HERE / "khepri.nix").read_text())
WORLD = "with import ./world.nix; let khepri = import ./khepri.nix { inherit pkgs; }; in "


@pytest.fixture(scope="module")
def compose():
    """The Compose v2 plugin, as a client only."""
    places = [f"{d}/docker/cli-plugins/docker-compose" for d in
              ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")]
    plugin = next((p for p in places if os.access(p, os.X_OK)), None)
    if not plugin:
        pytest.skip("there is no Compose v2 plugin here: sh tests/install.sh")

    def config(*files, env=None):
        args = [plugin, *[a for f in files for a in ("-f", str(f))], "config", "--format", "json"]
        r = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False, cwd="/",
                           env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(env or {})})
        assert r.returncode == 0, f"{r.stderr}\n{[open(f, encoding='utf-8').read() for f in files]}"
        return json.loads(r.stdout)
    return config


@pytest.fixture(scope="module")
def files(nix):
    """The rendered file of each key, by its name: texts that need no build."""
    return nix.value(WORLD + "builtins.mapAttrs (_: c: builtins.head (agentOf (eval c [ ])).projects.all.compose_files) "
                             "khepri.unsupported")


def test_all_of_the_table_is_here():
    table = [k for k in KEYS if not k.startswith("partly_")]
    assert (len(table), len(KEYS)) == (27, 29)


@pytest.mark.parametrize("key", KEYS)
def test_s3_2_compose_accepts(key, files, compose):
    model = compose(files[key])
    assert model["name"] == "all"
    # ... and the key arrives: something of its name is in what Compose makes of the file.
    name = key.split("_", 1)[1].replace("deploy_", "").replace("networks_aliases", "aliases").replace("networks_ipv4", "ipv4")
    name = {"name": "all_other", "depends_on_long": "service_healthy", "restart_on_failure": "on-failure:3"}.get(name, name)
    assert f'"{name}"' in json.dumps(model)


def test_s3_1_readme_of_khepri(nix, compose):
    agent = json.loads(open(nix.build(WORLD + "(eval khepri.readme [ ]).config.services.managedDockerCompose.configFile"),
                            encoding="utf-8").read())
    proxy = compose(*agent["projects"]["proxy"]["compose_files"])
    assert proxy["volumes"]["caddy_data"]["name"] == "proxy_caddy_data"
    assert proxy["networks"]["front"]["name"] == "proxy_front"
    cloud = compose(*agent["projects"]["nextcloud"]["compose_files"])
    assert {v["name"] for v in cloud["volumes"].values()} == {"nextcloud_nc_data", "nextcloud_pg_data"}
    assert cloud["services"]["app"]["image"] == "nextcloud:33.0.0-apache"
    assert cloud["services"]["app"]["pull_policy"] == "never"
    assert list(cloud["services"]["app"]["depends_on"]) == ["db"]
    # `config` prints a literal dollar doubled.
    assert cloud["services"]["db"]["environment"]["POSTGRES_PASSWORD"] == "pa$$$$word"
    assert cloud["services"]["app"]["environment"]["DEBUG"] == "false"
    assert agent["projects"]["nextcloud"]["images"][0]["ref"] == "nextcloud:33.0.0-apache"


def test_s3_1_every_option_of_khepri(nix, compose, tmp_path):
    # Compose reads env_file while resolving: the file has to be there.
    text = nix.value(WORLD + 'builtins.toJSON (rendered khepri.everything "all")')
    (tmp_path / "app.env").write_text("FROM_FILE=1\n")
    (tmp_path / "compose.json").write_text(text.replace("/run/app.env", str(tmp_path / "app.env")))
    app = compose(tmp_path / "compose.json")["services"]["app"]
    assert app["environment"] == {"A": "b", "FROM_FILE": "1"}
    assert app["command"] == ["serve", "--port", "80"]
    assert app["cap_add"] == ["NET_ADMIN"]


def test_s2_1_images_beside_a_compose_file(nix, compose, tmp_path):
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    image: registry.example.org/app:1\n    command: run\n")
    expression = WORLD + """(project {
        projects.web = { composeFile = %s; images.app = pkgs.dockerTools.streamLayeredImage { name = "app"; tag = "nix"; }; };
    } "web").compose_files""" % (tmp_path / "compose.yaml")
    model = compose(*nix.value(expression))
    assert model["services"]["app"]["image"] == "app:nix"
    assert model["services"]["app"]["pull_policy"] == "never"
    assert model["services"]["app"]["command"] == ["run"]


def test_no_file_is_left_in_the_repository():
    assert not glob.glob(str(ROOT / "result*"))
