"""
A project with two databases and writers on them, an engine on a file system, an agent: what the tests of snapshots
work with. Depends on: filesystems, dbimages, writers, agent, repo.
"""

import hashlib
import itertools
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

import dbimages
from agent import Agent
from repo import Repo
from waiting import wait_until
from writers import LiteTarget, PgTarget, Writer

DRIVERS = {  # name of a case -> file system, keys of `snapshots` in agent.yaml, the driver that must be chosen
    "btrfs": ("btrfs", {"subvolumes": True}, "btrfs"),
    "reflink-btrfs": ("btrfs", {}, "reflink"),
    "reflink-xfs": ("xfs", {}, "reflink"),
    "copy": ("ext4", {}, "copy"),
}
_ports = itertools.count(15400)


def copies_below(engine, agent):
    """Where this agent's copies lie if they lie beside the engine's volumes; in it one directory for each snapshot."""
    name = hashlib.sha256(str(agent.state).encode()).hexdigest()[:12]
    return engine.data_root / ".mdc-agent" / name


def port():
    return next(_ports)


def service(image, volume, env, **more):
    """A service in the tests' network; a test that fails shall not wait for its start period."""
    return {"image": image, "network_mode": "host", "environment": {k: str(v) for k, v in env.items()},
            "volumes": [f"{volume}:/data"], "restart": "unless-stopped", "stop_grace_period": "20s", **more}


def compose(services, volumes):
    return json.dumps({"services": services, "volumes": {v: {} for v in volumes}}, indent=1)


class Place:
    """An engine on a file system, a repository and an agent whose copies go where the case says."""

    def __init__(self, base, engine, snapshots=None, families=("pg", "python")):
        self.engine = engine
        for family in families:
            if f"{next(iter(dbimages.FAMILIES[family][1]))}:1" not in engine.images():
                dbimages.load(engine, family)
        self.repo = Repo(base / "git")
        self.agent = Agent(base / "agent", engine, self.repo.url)
        if snapshots is not None:
            self.agent.configure(snapshots=snapshots)
        self.agent.health(settle="300ms", timeout="30s")

    def close(self):
        self.agent.close()
        self.engine.wipe()

    # ---- records ---------------------------------------------------------------------------------
    def records(self, kind=None, project=None):
        """The snapshots there are, oldest first, from the records on disk."""
        found = [json.loads(p.read_text().partition("\n")[2]) for p in self.agent.state.glob("snapshots/*.json")]
        found = [r for r in found if kind in (None, r["kind"]) and project in (None, r["project"])]
        return sorted(found, key=lambda r: (r["made"], r["id"]))

    def volume(self, name):
        return self.engine.volume_path(name)


class Shop:
    """Project `shop`: PostgreSQL and SQLite, each with a volume, and writers on both."""

    def __init__(self, place, name="shop", sync="full"):
        self.place, self.name, self.sync_pragma = place, name, sync
        self.ports = {"db": port(), "lite": port()}
        self.pg = PgTarget(self.ports["db"])
        self.lite = LiteTarget(self.ports["lite"], lambda: place.volume(f"{name}_litedata") / "app.db")
        self.writers, self.count = [], 0

    def compose(self, version, stamp=0):
        services = {
            "db": service(f"pg:{version}", "pgdata", {"PORT": self.ports["db"], "STAMP": stamp}),
            "lite": service(f"lite:{version}", "litedata",
                            {"PORT": self.ports["lite"], "STAMP": stamp, "SYNC": self.sync_pragma}),
        }
        return compose(services, ["pgdata", "litedata"])

    def push(self, version, stamp=0, files=None):
        self.place.repo.deploy({f"{self.name}/compose.yaml": self.compose(version, stamp), **(files or {})})

    # ---- load ------------------------------------------------------------------------------------
    def start(self, each=2):
        for target in (self.pg, self.lite):
            for _ in range(each):
                self.count += 1
                self.writers.append(Writer(target, self.count))
        for w in self.writers:
            w.start()
        self.wait_for_acks(30)

    def wait_for_acks(self, more=10):
        """Each writer gets so many answers from now on."""
        before = [len(w.acks) for w in self.writers]
        wait_until(lambda: all(len(w.acks) >= n + more for w, n in zip(self.writers, before)), 60,
                   lambda: f"writers are not answered: {[(len(w.acks), w.instances()) for w in self.writers]}")

    def stop(self):
        """Stop the writers; returns them."""
        ended, self.writers = self.writers, []
        for w in ended:
            w.stop()
        return ended

    def close(self):
        self.stop()

    # ---- looking ---------------------------------------------------------------------------------
    def is_version(self, v):
        e = self.place.engine
        return all(e.version(self.name, s) == str(v) and
                   e.inspect(e.one(self.name, s).id)["State"]["Health"]["Status"] == "healthy" for s in ("db", "lite"))

    def rows(self):
        """(writer, number) -> of both databases, in the schema of version 1."""
        return self.pg.rows() | self.lite.rows()

    def failed_data(self, record):
        """The record of kind failed holds what version 2 wrote, as far as it got: who fails first ends the trial."""
        assert record["project"] == self.name and record["why"], record
        places = {v["name"]: v["place"] for v in record["volumes"]}
        assert sorted(places) == [f"{self.name}_litedata", f"{self.name}_pgdata"]
        got = {}
        for name, p in places.items():
            with open(f"{p}/versions", encoding="utf-8") as f:
                got[name] = f.read().split()[-1]
        assert "2" in got.values(), got
        # In a copy: opening a database that was not closed writes to it.
        with tempfile.TemporaryDirectory(dir=self.place.agent.base) as d:
            for p in Path(places[f"{self.name}_litedata"]).glob("app.db*"):
                shutil.copy(p, d)
            db = sqlite3.connect(f"{d}/app.db")
            columns = [row[1] for row in db.execute("pragma table_info(t)")]
            db.close()
        assert "seq" in columns or got[f"{self.name}_litedata"] == "1", columns
