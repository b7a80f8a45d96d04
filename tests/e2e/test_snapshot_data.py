"""
Data goes back with the code: real databases under load on real file systems. An upgrade that migrates and then fails
leaves the old version on the old data, nothing that was acknowledged is lost, and what the new version wrote is kept.
MDC_E2E_ROUNDS: how many failed upgrades per driver (default 2).
"""

import os
import urllib.request

import pytest

from agent import DONE, FAILED
from filesystems import is_subvolume
from stacks import DRIVERS, Place, Shop, compose, port, service

ROUNDS = int(os.environ.get("MDC_E2E_ROUNDS", "2"))


@pytest.fixture
def at(base, request, place, engine_on):
    """at("btrfs"): the case of DRIVERS, with an engine, a repository and an agent."""
    made = []

    def get(case, **kw):
        kind, snapshots, _ = DRIVERS[case]
        made.append(Place(place, engine_on(kind), snapshots, **kw))
        return made[-1]
    yield get
    for p in made:
        p.close()


@pytest.fixture
def shop_at(at):
    made = []

    def get(case, **kw):
        made.append(Shop(at(case), **kw))
        return made[-1]
    yield get
    for s in made:
        s.close()


@pytest.mark.parametrize("case", DRIVERS)
def test_failed_upgrade_goes_back_with_its_data(case, shop_at):
    """Shown by 1."""
    shop = shop_at(case)
    agent, engine = shop.place.agent, shop.place.engine
    shop.push(1)
    agent.sync(DONE)
    for n in range(ROUNDS):
        shop.start()
        known = len(shop.place.records("failed"))
        shop.push(2, stamp=n)
        r = agent.sync(FAILED)
        assert "does not suit me" in r.text, r
        assert shop.is_version(1)
        shop.wait_for_acks()
        for w in shop.stop():
            old = [i for i in w.instances() if i.startswith("v1/")]
            assert len(old) == 2, w.instances()
            rows = {k for number, k in w.target.rows() if number == w.number}
            lost = (w.acked(old[0]) | w.acked(old[1])) - rows
            assert not lost, f"round {n}: {w.target} lost {sorted(lost)[:5]} of {len(w.acks)}"
            foreign = {k for i in w.instances() if i.startswith("v2/") for k in w.acked(i)} & rows
            assert not foreign, "rows of the failed version"
        failed = shop.place.records("failed")
        assert len(failed) == min(known + 1, len(failed))
        shop.failed_data(failed[-1])
        assert agent.open_work() == []
    assert {v["driver"] for v in failed[-1]["volumes"]} == {DRIVERS[case][2]}
    assert is_subvolume(engine.volume_path("shop_pgdata")) == (case == "btrfs")


def session_before(w):
    """(acknowledged by the server that was copied, first number of a later server)"""
    first = w.instances()[0]
    later = [k for k, i, _ in w.acks if i != first]
    return w.acked(first), min(later, default=w.next)


@pytest.mark.parametrize("quiesce", ["pause", "none"])
def test_live_copies_recover(quiesce, shop_at):
    """Shown by 2. What was acknowledged after the copy is lost by design; what was before is there, without a hole."""
    shop = shop_at("btrfs")
    agent = shop.place.agent
    shop.push(1)
    agent.sync(DONE)
    agent.run("snapshot", "shop").expect(DONE)  # becoming a subvolume takes a stop, once
    shop.push(1, files={"mdc.yaml": f"version: 1\nprojects: {{shop: {{snapshot: {{quiesce: {quiesce}}}}}}}\n"})
    agent.sync(DONE)
    for n in range(ROUNDS):
        shop.start()
        sure = {w: len(w.acks) for w in shop.writers}
        shop.push(2, stamp=n)
        agent.sync(FAILED)
        assert shop.is_version(1)
        shop.wait_for_acks()
        for w in shop.stop():
            acked, later = session_before(w)
            rows = {k for number, k in w.target.rows() if number == w.number}
            last = max((k for k in rows if k < later), default=0)
            assert last >= w.acks[sure[w] - 1][0], f"round {n}: acknowledged before the sync began, and gone"
            hole = {k for k in acked if k <= last} - rows
            assert not hole, f"round {n}: {w.target} lost {sorted(hole)[:5]} before {last}"
        shop.failed_data(shop.place.records("failed")[-1])
    kinds = {(s["quiesce"], v["driver"]) for s in shop.place.records("trial") for v in s["volumes"]}
    assert kinds == {(quiesce, "btrfs")}


def test_live_copy_by_copying_is_refused(shop_at):
    shop = shop_at("copy")
    agent, engine = shop.place.agent, shop.place.engine
    shop.push(1)
    agent.sync(DONE)
    before = engine.snapshot()["containers"]
    shop.push(3, files={"mdc.yaml": "version: 1\nprojects: {shop: {snapshot: {quiesce: none}}}\n"})
    assert "none" in agent.run("plan").text
    r = agent.sync()
    assert r.code != DONE, r
    assert "quiesce" in r.text and "copy" in r.text, r
    assert engine.snapshot()["containers"] == before, "refused before anything was touched"
    assert shop.place.records() == []


# ---- Shown by 7 ------------------------------------------------------------------------------------
class Recipes:
    """The blog's case: an application with a memory limit, its database beside it, a volume each."""

    def __init__(self, place):
        self.place, self.port, self.db_port = place, port(), port()

    def push(self, version, stamp=0):
        app = service(f"recipes:{version}", "mealie-data", {"PORT": self.port, "DB_PORT": self.db_port, "STAMP": stamp},
                      depends_on={"postgres": {"condition": "service_healthy"}}, restart="always",
                      deploy={"resources": {"limits": {"memory": "256M"}}})
        db = service("pg:1", "mealie-pgdata", {"PORT": self.db_port}, restart="always")
        health = f"{{http: 'http://127.0.0.1:{self.port}/about'}}"
        self.place.repo.deploy({
            "mealie/compose.yaml": compose({"mealie": app, "postgres": db}, ["mealie-data", "mealie-pgdata"]),
            "mdc.yaml": f"version: 1\nprojects: {{mealie: {{health: {health}}}}}\n"})

    def ask(self, path, data=None):
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, data=data and data.encode(), timeout=10) as r:
            return r.read().decode()

    def add(self, title):
        assert self.ask("/recipes", title) == "ok"

    def recipes(self):
        return dict(line.split(" ") for line in self.ask("/recipes").splitlines())


def test_recipe_manager(at):
    """v1, broken v2, back; then v3: titles in the database and pictures in the other volume agree at each step."""
    place = at("btrfs")
    agent, engine, app = place.agent, place.engine, Recipes(place)
    app.push(1)
    agent.sync(DONE)
    for t in ("bread", "soup"):
        app.add(t)
    known = {"bread": "picture-of-bread", "soup": "picture-of-soup"}
    app.push(2)
    r = agent.sync(FAILED)
    assert "mealie" in r.text
    assert app.ask("/about") == "1"
    assert app.recipes() == known
    app.add("cake")
    failed, = place.records("failed")
    aside = {v["mount"]: v["place"] for v in failed["volumes"]}
    assert os.path.isdir(f"{aside['mealie-data']}/media/pictures"), "the failed version had moved them"
    assert os.path.isdir(f"{place.volume('mealie_mealie-data')}/pictures")
    app.push(3)
    agent.sync(DONE)
    assert app.ask("/about") == "3"
    assert app.recipes() == {"BREAD": "picture-of-bread", "SOUP": "picture-of-soup", "CAKE": "picture-of-cake"}
    limit = engine.inspect(engine.one("mealie", "mealie").id)["HostConfig"]["Memory"]
    assert limit == 256 << 20
    assert engine.inspect(engine.one("mealie", "postgres").id)["State"]["Health"]["Status"] == "healthy"
    assert agent.open_work() == []
