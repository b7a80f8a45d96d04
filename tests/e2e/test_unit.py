"""The installed unit under a real systemd: readiness, watchdog, reload, stop, credentials, journal, and its sandbox."""

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

import agent as agent_module
from agent import DONE
from composes import app, unhealthy
from gitservers import HttpsServer
from repo import Repo
from sdboot import Machine, MachineEngine, Unit
from waiting import wait_until

TARGET = 2.0  # of `systemd-analyze security`


@pytest.fixture(scope="module")
def machine(base):
    m = Machine(base / "sd")
    m.boot()
    yield m
    m.close()


@pytest.fixture(scope="module")
def docker(machine):
    e = MachineEngine(machine)
    e.start()
    for v in (1, 2, 3):
        e.image(f"app:{v}")
    return e


@pytest.fixture
def unit(machine, docker, place):
    u = Unit(machine, docker, None)
    u.repo = Repo(place / "git")
    u.source(url=f"file://{machine.inside(u.repo.bare)}")
    yield u
    u.down()
    for name in ("test", "variant"):
        u.drop_in(name, None)
    docker.wipe()
    for p in u.state.iterdir():
        machine.run("rm", "-rf", f"/var/lib/mdc-agent/{p.name}")
    machine.run("sh", "-c", "rm -rf /run/mdc-agent /etc/credstore")


def deployed(unit, version, project="web"):
    return not unit.open_work() and unit.engine.runs(project, version)


def score(text):
    return float(re.search(r"exposure level for \S+: ([0-9.]+)", text).group(1))


def with_volume(version, extra="", make=app):
    return make(version, 'volumes: ["store:/data"]\n' + extra) + "volumes: {store: {}}\n"


def test_a_push_deploys_and_a_bad_push_goes_back(unit, docker):
    """The main job inside the sandbox, with a volume that is copied and put back."""
    unit.repo.deploy({"web/compose.yaml": with_volume(1)})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    first = docker.one("web").id
    docker.exec(first, "sh", "-c", "echo one >/data/file; chown 1000:1000 /data/file; chmod 6750 /data/file")
    unit.repo.deploy({"web/compose.yaml": with_volume(2)})
    wait_until(lambda: deployed(unit, 2), 60, unit.log)
    assert len(list(unit.state.glob("snapshots/*.json"))) == 1, unit.log()
    unit.repo.deploy({"web/compose.yaml": with_volume(3, "command: ['sh', '-c', 'echo bad >/data/file; sleep 1000']\n",
                                                      make=unhealthy)})
    wait_until(lambda: unit.marks() and deployed(unit, 2), 90, unit.log)
    cid = docker.one("web").id
    assert docker.exec(cid, "cat", "/data/file") == "one"
    listing = docker.exec(cid, "ls", "-ln", "/data/file").split()
    assert listing[0] == "-rwsr-s---" and listing[2:4] == ["1000", "1000"], listing


def drop_in_file(name):
    return (agent_module.ROOT / "data" / "unit" / f"{name}.conf").read_text()


NO_COPIES = "version: 1\nprojects: {web: {snapshot: {volumes: none}}}\n"


def test_without_power_over_files_a_push_deploys_and_a_bad_push_goes_back(unit, docker):
    """The same inside the tight variant. A directory that a container made its own is out of reach there: said, not broken."""
    unit.drop_in("variant", drop_in_file("no-snapshots"))
    mounts = 'volumes: ["store:/data", "./conf:/conf"]\n'
    tail = "volumes: {store: {}}\n"
    unit.repo.deploy({"mdc.yaml": NO_COPIES, "web/compose.yaml": app(1, mounts) + tail, "web/conf/a": "one\n"})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    status = unit.machine.run("cat", f"/proc/{unit.main_pid()}/status").out
    assert re.search(r"CapBnd:\t0+\n", status), status
    unit.repo.deploy({"web/compose.yaml": app(2, mounts) + tail, "web/conf/a": "two\n"})
    wait_until(lambda: deployed(unit, 2), 60, unit.log)
    assert docker.read("web", "/conf/a") == "two" and not list(unit.state.glob("snapshots/*.json"))
    unit.repo.deploy({"web/compose.yaml": unhealthy(3, mounts) + tail, "web/conf/a": "three\n"})
    wait_until(lambda: unit.marks() and deployed(unit, 2), 90, unit.log)
    assert docker.read("web", "/conf/a") == "two"
    docker.exec(docker.one("web").id, "sh", "-c", "chown -R 1000:1000 /conf && chmod 700 /conf")
    unit.repo.deploy({"web/compose.yaml": app(3, mounts) + tail, "web/conf/a": "four\n"})
    wait_until(lambda: "cannot put conf/a in place: Permission denied" in unit.log(), 60, unit.log)
    assert docker.runs("web", 2) and docker.read("web", "/conf/a") == "two", unit.log()
    docker.exec(docker.one("web").id, "chown", "-R", "0:0", "/conf")
    unit.run("retry", "web")
    wait_until(lambda: deployed(unit, 3), 60, unit.log)
    assert docker.read("web", "/conf/a") == "four", unit.log()


def test_systemd_sees_readiness_and_state(unit):
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    assert unit.machine.show("ActiveState") == "active"
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    wait_until(lambda: "generation 1" in unit.machine.show("StatusText"), 20, lambda: unit.machine.show("StatusText"))
    assert unit.machine.show("NRestarts") == "0"
    before = unit.main_pid()
    unit.down()
    assert unit.machine.show("Result") == "success" and before
    assert unit.engine.runs("web", 1), "stopping the agent stops nothing else"


def test_wrong_settings_fail_once_with_the_place(unit):
    unit.config.write_text("sorce: {}\n")
    assert unit.machine.run("systemctl", "start", "mdc-agent.service", check=False).code != 0
    assert unit.machine.show("ExecMainStatus") == "2" and unit.machine.show("NRestarts") == "0"
    assert "agent.yaml:1" in unit.log()
    unit.machine.systemctl("reset-failed", "mdc-agent.service")


def test_watchdog_restarts_an_agent_that_hangs(unit):
    unit.drop_in("test", "[Service]\nWatchdogSec=2\nRestartSec=100ms\n")
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    first = unit.main_pid()
    unit.machine.run("kill", "-STOP", first)
    wait_until(lambda: unit.machine.show("NRestarts") == "1" and unit.machine.show("ActiveState") == "active", 30,
               unit.log)
    assert unit.main_pid() != first
    unit.repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: deployed(unit, 2), 60, unit.log)


def test_reload_reads_the_settings_again(unit):
    unit.repo.deploy({"mdc.yaml": "version: 1\nprojects: {web: {hosts: [server1]}, mail: {hosts: [server2]}}\n",
                      "web/compose.yaml": app(), "mail/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    before = unit.main_pid()
    unit.configure(host="server2")
    unit.machine.systemctl("reload", "mdc-agent.service")
    wait_until(lambda: deployed(unit, 1, "mail") and not unit.engine.containers("web"), 60, unit.log)
    assert unit.main_pid() == before


def test_stop_in_mid_deployment_goes_on_at_the_next_start(unit, docker):
    """SIGTERM is never a reason to go back, whatever the sandbox."""
    unit.repo.deploy({"web/compose.yaml": with_volume(1)})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    unit.health(settle="8s", timeout="60s")
    unit.machine.systemctl("reload", "mdc-agent.service")
    unit.repo.deploy({"web/compose.yaml": with_volume(2)})
    wait_until(lambda: docker.runs("web", 2), 60, unit.log)
    assert unit.open_work()
    unit.down()
    assert unit.machine.show("Result") == "success", unit.log()
    assert docker.runs("web", 2) and unit.open_work(), "neither taken back nor given up"
    unit.health(settle="300ms")
    unit.up()
    wait_until(lambda: deployed(unit, 2) and unit.current() >= 3, 60, unit.log)
    assert not unit.marks()


def test_journal_has_entries_of_the_unit_with_fields(unit):
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    unit.repo.deploy({"web/compose.yaml": unhealthy(2)})
    wait_until(lambda: unit.marks() and deployed(unit, 1), 60, unit.log)
    entries = wait_until(lambda: unit.machine.journal("_SYSTEMD_UNIT=mdc-agent.service", "MDC_PROJECT=web"), 10)
    kinds = {e["MDC_EVENT"] for e in entries}
    assert any("deploy" in k for k in kinds) and any(e.get("MESSAGE_ID") for e in entries), kinds
    bad = [e for e in entries if "no database here" in e.get("MDC_REASON", "")]
    assert bad and int(bad[-1]["PRIORITY"]) <= 4, entries


def test_credentials(unit, place):
    """The token of the repository from a credential: found by the unit, readable by root only, gone with the unit."""
    unit.repo.deploy({"web/compose.yaml": app()})
    with unit.machine.within(lambda: HttpsServer(unit.repo.base, token="s3cret-token")) as server:
        unit.machine.write("/etc/credstore/mdc-agent.token", "s3cret-token\n", 0o600)
        (unit.config.parent / "ca.pem").write_text(Path(server.ca_file).read_text())
        unit.source(url=server.url("config.git"), token_file="credential:token", ca_file="/etc/mdc-agent/ca.pem")
        unit.up()
        wait_until(lambda: deployed(unit, 1), 60, unit.log)
        assert "s3cret" not in unit.machine.run("sh", "-c", f"tr '\\0' '\\n' </proc/{unit.main_pid()}/environ").out
        there = unit.machine.run("sh", "-c", "cd /run/credentials/mdc-agent.service; stat -c '%n %a %U' *").out.split()
        assert there == ["token", "400", "root"], there  # one that is not in the store is no error
        unit.run("sync").expect(DONE)  # by hand, beside the unit
        unit.down()
    assert not unit.machine.path("/run/credentials/mdc-agent.service").exists()


SECRET = """
services:
  app:
    image: "app:{version}"
    network_mode: none
    restart: unless-stopped
    env_file: [prod.env.age]
    secrets: [token]
    volumes: ["./db.conf.age:/etc/db.conf:ro"]
    healthcheck: {{test: ["CMD", "{check}"], interval: 300ms, timeout: 2s, retries: 2}}
secrets: {{token: {{file: ./token.age}}}}
"""
NEEDLES = {"env": "plain-env-7c1f", "token": "plain-token-93ab", "conf": "plain-conf-e04d"}


# Where an engine keeps a container's environment; the last is written for each start of a health check.
ENGINE_RECORDS = re.compile(r"/var/lib/docker/(containers|containerd)/|/run/(docker|containerd)/|/tmp/runc-process")


class Watch:
    """Every command line and environment in the machine, as often as it can be looked at."""

    def __init__(self, machine):
        self.machine, self.seen, self.looks, self.end = machine, {}, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def look(self):
        ns = os.stat(f"/proc/{self.machine.pid}/ns/pid").st_ino
        for pid in (p for p in os.listdir("/proc") if p.isdigit()):
            try:
                if os.stat(f"/proc/{pid}/ns/pid").st_ino != ns:
                    continue  # a container's own processes are in another
                for kind in ("cmdline", "environ"):
                    text = Path(f"/proc/{pid}/{kind}").read_bytes()
                    for needle in NEEDLES.values():
                        if needle.encode() in text:
                            self.seen[(kind, text[:200])] = needle
            except OSError:
                continue

    def run(self):
        while not self.end.is_set():
            self.look()
            self.looks += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.end.set()
        self.thread.join(60)


def encrypted(unit, machine):
    """A project with three secrets, and the host's key in the credential store."""
    key = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    machine.write("/etc/credstore/mdc-agent.age-key", key, 0o600)
    public = re.search(r"public key: (\S+)", key).group(1)
    unit.configure(secrets={"age_key_file": "credential:age-key"})
    for name, text in (("prod.env.age", f"PASSWORD={NEEDLES['env']}\n"), ("token.age", NEEDLES["token"]),
                       ("db.conf.age", NEEDLES["conf"])):
        sealed = subprocess.run(["age", "-r", public], input=text.encode(), capture_output=True, check=True).stdout
        p = unit.repo.work / "web" / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(sealed)


def places_of(machine, needle):
    """Files of the machine that hold it: all it wrote to its root, what lies in memory, the engine's and our state."""
    r = machine.run("grep", "-rlaF", "--", needle, "/written", "/run", "/tmp", "/var/tmp",
                    "/dev/shm", "/var/lib/docker", "/var/lib/mdc-agent", "/etc/mdc-agent", check=False)
    return sorted(r.out.split())


def test_secrets_are_only_where_the_manual_says(unit, machine, docker):
    """Shown by 4: the whole disk image, the journal, reports and the process list, during and after deployments."""
    encrypted(unit, machine)
    with Watch(machine) as watch:
        unit.repo.deploy({"web/compose.yaml": SECRET.format(version=1, check="true")})
        unit.up()
        wait_until(lambda: deployed(unit, 1), 60, unit.log)
        unit.repo.deploy({"web/compose.yaml": SECRET.format(version=2, check="true")})
        wait_until(lambda: deployed(unit, 2), 60, unit.log)
        unit.repo.deploy({"web/compose.yaml": SECRET.format(version=3, check="false")})
        wait_until(lambda: unit.marks() and deployed(unit, 2), 90, unit.log)
    assert docker.env("web")["PASSWORD"] == NEEDLES["env"] and docker.read("web", "/etc/db.conf") == NEEDLES["conf"]
    assert not watch.seen and watch.looks > 20, watch.seen
    cid = docker.one("web").id
    found = {name: places_of(machine, needle) for name, needle in NEEDLES.items()}
    assert found["token"] == ["/run/mdc-agent/secrets/web/token.age"], found
    assert found["conf"] == ["/run/mdc-agent/secrets/web/db.conf.age"], found
    assert f"/var/lib/docker/containers/{cid}/config.v2.json" in found["env"], found
    assert not [p for p in found["env"] if not ENGINE_RECORDS.match(p)], found
    journal = machine.run("journalctl", "-o", "export", "--all", "--no-pager").out
    assert "MDC_PROJECT=web" in journal and not [n for n in NEEDLES.values() if n in journal]
    for verb in (("status", "--json"), ("show", "1", "--json"), ("events", "--json", "--verbose"), ("plan", "--json")):
        text = unit.run(*verb).text
        assert not [n for n in NEEDLES.values() if n in text], verb
    unit.down()
    assert docker.read("web", "/run/secrets/token") == NEEDLES["token"], "a stopped agent takes no secret away"


def test_after_a_boot_secrets_are_there_before_containers_start(unit, machine, docker):
    encrypted(unit, machine)
    unit.repo.deploy({"web/compose.yaml": SECRET.format(version=1, check="true")})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    unit.down()
    docker.stop()
    machine.run("rm", "-rf", "/run/mdc-agent")  # as a boot leaves it
    machine.run("systemctl", "enable", "mdc-agent-secrets.service")
    try:
        docker.start()
        assert machine.show("Result", "mdc-agent-secrets.service") == "success", \
            machine.run("journalctl", "-u", "mdc-agent-secrets", "--no-pager", "-n", "40", check=False).text
        wait_until(lambda: docker.running("web") == ["app"], 30)
        assert docker.read("web", "/run/secrets/token") == NEEDLES["token"]
    finally:
        machine.run("systemctl", "disable", "--now", "mdc-agent-secrets.service", check=False)


# What the unit leaves open, and what it would be without: the rows of the manual's table, by the weights of systemd 252.
OPEN = {
    "PrivateNetwork=yes": 2.0,
    "User=mdc-agent": 2.1,
    "RestrictSUIDSGID=yes": 2.3,
    "PrivateUsers=yes": 2.3,
    "CapabilityBoundingSet=~CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER": 2.3,
    "CapabilityBoundingSet=~CAP_CHOWN CAP_FSETID CAP_SETFCAP\nSystemCallFilter=~@privileged": 2.2,
    "CapabilityBoundingSet=~CAP_KILL": 2.4,
    "ProtectSystem=strict": 2.4,
    "ProtectHome=yes": 2.4,
    "IPAddressDeny=any\nIPAddressAllow=10.0.0.0/8": 2.4,
    "ProcSubset=pid": 2.5,
}


def test_score(unit):
    """The sandbox in figures. Copying volumes costs what the variant without shows; see the manual."""
    m = unit.machine
    manual = re.sub(r"\s+", " ", (agent_module.ROOT / "docs" / "manual.md").read_text())

    def figure(text):
        unit.drop_in("variant", text)
        return score(m.run("systemd-analyze", "security", "--no-pager", "mdc-agent.service", check=False).text)

    figures = {"as installed": figure("")}
    for name in ("no-snapshots", "btrfs", "zfs"):
        figures[name] = figure(drop_in_file(name))
        assert m.run("systemd-analyze", "verify", "/usr/local/lib/systemd/system/mdc-agent.service").code == 0
        assert f"| {figures[name]} |" in re.search(rf"\| `{name}.conf` \|[^|]*\|[^|]*\|", manual).group(), figures
    print("\nsystemd-analyze security:", figures)
    assert figures["as installed"] <= 2.5 and figures["no-snapshots"] <= TARGET, figures
    assert f"says {figures['as installed']} " in manual
    if not m.run("systemctl", "--version").out.startswith("systemd 252"):
        return
    for directives, expected in OPEN.items():
        found = figure("[Service]\n" + directives + "\n")
        assert found == expected, (directives, found)
        first = directives.splitlines()[0]
        row = re.search(rf"\| `{re.escape(first)}`[^|]*\|[^|]*\| {found} \|", manual)
        assert row, f"the manual has no row of {first} with {found}"
