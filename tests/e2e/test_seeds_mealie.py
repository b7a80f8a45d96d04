"""
The guide "from compose2nix" of docs/nixos.md, walked with a stack like Mealie: an application and its database, as compose2nix
starts them (containers by hand, a volume and a network without Compose's labels), then the same Compose file under the agent, an
upgrade, and the way back.
"""

import pytest

import nixhost
from agent import DONE, LATER
from composes import yaml
from nixhost import NixHost

pytestmark = pytest.mark.skipif(not nixhost.have_nix(), reason="Nix is not here: sh tests/install.sh installs nix-bin")

# The original file; compose2nix was given -project=mealieio.
FILE = yaml("""
    services:
      mealie:
        image: "app:%s"
        labels: {compose2nix.settings.autoStart: "true"}
        volumes: ["mealie-data:/data"]
        environment: {BASE_URL: "http://127.0.0.1:9925"}
        depends_on: [postgres]
      postgres:
        image: "app:1"
        volumes: ["pg:/data"]
    volumes:
      mealie-data: {}
      pg: {}
    """)

SETTINGS = """{
  backend = "docker";
  projects.mealie = {
    composeFile = here + "/compose-%d.yaml";
    projectName = "mealieio";
    snapshot.driver = "copy";
  };
}"""


@pytest.fixture
def host(place, engine, clean_engine, base):
    h = NixHost(place / "host", engine, base / "nix")
    for version in (1, 2):
        h.file(f"compose-{version}.yaml", FILE % version)
    yield h
    h.close()


def start_as_compose2nix(engine):
    """What its units do: create what is missing, run each container under `<project>-<service>`."""
    for volume in ("mealieio_mealie-data", "mealieio_pg"):
        if volume not in engine.volumes():
            engine.api("POST", "/volumes/create", {"Name": volume})
    if "mealieio_default" not in engine.networks():
        engine.api("POST", "/networks/create", {"Name": "mealieio_default", "CheckDuplicate": True})
    made = []
    for service, volume in (("postgres", "mealieio_pg"), ("mealie", "mealieio_mealie-data")):
        made.append(engine.create(f"mealieio-{service}", "app:1", ["sleep", "1000000"], NetworkMode="mealieio_default",
                                  Binds=[f"{volume}:/data"]))
    return made


def stop_as_compose2nix(engine, made):
    """`systemctl stop docker-compose-mealieio-root.target`: containers run with --rm, the network goes too."""
    for cid in made:
        engine.remove(cid)
    engine.api("DELETE", "/networks/mealieio_default")


def data(engine, service):
    return engine.exec(engine.one("mealieio", service).id, "cat", "/data/recipes")


def test_s1_6_mealie_moves_with_its_volumes_and_back(host, engine):
    made = start_as_compose2nix(engine)
    engine.exec(made[1], "sh", "-c", "echo soup > /data/recipes")
    volumes = engine.volumes()
    stop_as_compose2nix(engine, made)

    host.switch(SETTINGS % 1, DONE)
    assert engine.running("mealieio") == ["mealie", "postgres"]
    assert data(engine, "mealie") == "soup"
    assert engine.volumes() == volumes, "the volumes are the ones that were there"
    assert "mealieio_default" in engine.networks()

    # The upgrade: what the script did in order, and what `plan` says of it.
    host.file("compose-2.yaml", FILE % 2)
    host.settings["projects"]["mealie"]["compose_files"] = [host.file("compose-3.yaml", FILE % 2)]
    host.configure()
    plan = host.plan()
    assert plan.action("mealie") == "change"
    host.sync(DONE)
    assert engine.version("mealieio", "mealie") == "2" and data(engine, "mealie") == "soup"
    steps = [line for line in host.run("events", "--verbose").expect(DONE).out.splitlines() if "snapshot" in line]
    assert steps, "a snapshot was made before the upgrade"
    listed = host.run("snapshots", "--json").expect(DONE).text
    assert "mealieio_mealie-data" in listed

    # Back to compose2nix: `docker compose -p mealieio down`, then its units.
    engine.exec(engine.one("mealieio", "mealie").id, "sh", "-c", "echo bread >> /data/recipes")
    assert engine.compose_run("-p", "mealieio", "down").returncode == 0
    made = start_as_compose2nix(engine)
    assert engine.exec(made[1], "cat", "/data/recipes") == "soup\nbread"
    stop_as_compose2nix(engine, made)


def test_s1_6_a_network_that_was_left_is_named_and_nothing_is_touched(host, engine):
    made = start_as_compose2nix(engine)
    before = {cid: engine.inspect(cid)["State"]["StartedAt"] for cid in made}
    r = host.switch(SETTINGS % 1, LATER)
    assert "mealieio_default" in r.text
    assert engine.containers("mealieio") == []
    assert {cid: engine.inspect(cid)["State"]["StartedAt"] for cid in made} == before
    stop_as_compose2nix(engine, made)
    host.run("retry", "mealie")
    host.sync(DONE)
    assert engine.running("mealieio") == ["mealie", "postgres"]
