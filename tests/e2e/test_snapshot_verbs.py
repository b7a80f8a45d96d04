"""
What a person does with snapshots: by hand, list, show, prune, restore, rollback with data; and retention.
MDC_E2E_DEPLOYMENTS: how many deployments the disk-share test makes (default 15; 50 for the long form).
"""

import os
import shutil
from pathlib import Path

import pytest

from agent import DONE, FAILED, USAGE
from composes import app

DEPLOYMENTS = int(os.environ.get("MDC_E2E_DEPLOYMENTS", "15"))
MIB = 1 << 20


def data(version=1, extra=""):
    """One service with a volume; the content of /data/f is its data."""
    return app(version, 'volumes: ["store:/data"]\n' + extra) + "volumes: {store: {}}\n"


def snapshots(agent, *args):
    return agent.run("snapshots", "--json", *args).expect(DONE).json()


def volume(engine, name):
    return Path(engine.api("GET", f"/volumes/{name}")["Mountpoint"])


def write(engine, text, name="web_store"):
    (volume(engine, name) / "f").write_text(text)


def read(engine, project="web"):
    return engine.read(project, "/data/f")


@pytest.fixture
def web(repo, agent, engine):
    """Three generations, each with its own data: 1: web:1 "one", 2: web:2 "two", 3: web:3 "three"."""
    for v, text in ((1, "one"), (2, "two"), (3, "three")):
        repo.deploy({"web/compose.yaml": data(v)})
        agent.sync(DONE)
        write(engine, text)
    assert agent.current() == 3
    return agent


def test_by_hand_list_and_show(web, repo, engine):
    made = web.run("snapshot", "web", "--json").expect(DONE).json()
    assert made["kind"] == "manual" and made["generation"] == 3 and made["before"] == 0
    assert engine.runs("web", 3)
    all_of_them = snapshots(web)
    assert [s["kind"] for s in all_of_them] == ["trial", "trial", "manual"]
    assert [s["generation"] for s in all_of_them] == [1, 2, 3]
    assert [s["needed_by"] for s in all_of_them[:2]] == [1, 3]
    assert all(s["kept"] and s["volumes"][0]["mount"] == "store" for s in all_of_them)
    text = web.run("snapshots").expect(DONE).out
    assert made["id"] in text and "generation 1 goes back to it" in text, text
    shown = web.run("snapshots", "show", made["id"][:-3]).expect(DONE).out
    place = made["volumes"][0]["place"]
    assert place in shown and (Path(place) / "f").read_text() == "three", shown
    assert snapshots(web, "--project", "other") == []
    r = web.run("snapshots", "show", "web-9").expect(USAGE)
    assert "no snapshot web-9" in r.text
    web.run("snapshots", "shwo").expect(USAGE)
    r = web.run("snapshot", "wbe").expect(USAGE)
    assert "not deployed here" in r.text
    repo.deploy({"plain/compose.yaml": app(1)})
    web.sync(DONE)
    r = web.run("snapshot", "plain").expect(FAILED, USAGE)
    assert "volume" in r.text, r
    assert web.open_work() == []


def test_copied_out_for_a_look(web, engine, place):
    first = snapshots(web)[0]["id"]
    before = engine.ids("web")
    r = web.run("restore", first, "--to", str(place / "look")).expect(DONE)
    assert (place / "look" / "store" / "f").read_text() == "one", r
    assert read(engine) == "three" and engine.ids("web") == before
    r = web.run("restore", first, "--to", str(place / "look")).expect(USAGE)
    assert "is there already" in r.text
    web.run("restore", first, "--to", str(place / "b"), "--volume", "stroe").expect(USAGE)


def test_restore_in_place_and_back(web, engine):
    first = snapshots(web)[0]["id"]
    r = web.run("restore", first).expect(USAGE)
    assert "discards writes since" in r.text and "--yes" in r.text and "web/store" in r.text, r
    assert read(engine) == "three"
    r = web.run("restore", first, "--yes").expect(DONE)
    assert read(engine) == "one" and engine.runs("web", 3)
    kept = [s for s in snapshots(web) if s["kind"] == "manual"]
    assert len(kept) == 1 and kept[0]["id"] in r.out, r
    assert (Path(kept[0]["volumes"][0]["place"]) / "f").read_text() == "three"
    # The copy that was put back is still there, and the restore can be taken back.
    assert first in [s["id"] for s in snapshots(web)]
    done = web.run("restore", kept[0]["id"], "--volume", "store", "--yes", "--json").expect(DONE).json()
    assert done["restored"] == kept[0]["id"] and done["volumes"][0]["discards_since"] > 0
    assert read(engine) == "three"
    assert web.open_work() == []
    assert "snapshot.restored" in [h["event"] for h in web.history()]
    web.run("restore", first, "--volume", "other", "--yes").expect(USAGE)


def test_rollback_without_and_with_data(web, engine):
    """Shown by 6. With data to each of three generations and forward again, then without."""
    r = web.rollback("1", "--restore-volumes").expect(USAGE)
    assert "web/store: discards writes since" in r.text and engine.runs("web", 3), r
    r = web.rollback("1", "--restore-volumes", "--yes").expect(DONE)
    assert read(engine) == "one" and engine.runs("web", 1), r
    write(engine, "one more")
    web.rollback("2", "--restore-volumes=store", "--yes").expect(DONE)
    assert read(engine) == "two" and engine.runs("web", 2)
    web.rollback("3", "--restore-volumes", "--yes").expect(DONE)
    assert read(engine) == "three" and engine.runs("web", 3)
    # What was left behind is what one comes back to.
    web.rollback("1", "--restore-volumes", "--yes").expect(DONE)
    assert read(engine) == "one more" and engine.runs("web", 1)
    r = web.rollback("2").expect(DONE)
    assert "data stays as it is now" in r.text
    assert read(engine) == "one more" and engine.runs("web", 2)
    web.rollback("3", "--restore-volumes", "--yes").expect(DONE)
    assert read(engine) == "three" and engine.runs("web", 3)
    assert web.open_work() == []


def test_rollback_says_what_cannot_be_put_back(repo, agent, engine):
    engine.api("POST", "/volumes/create", {"Name": "outside"})
    plain = {"plain/compose.yaml": app(1)}
    text = (app(1, 'volumes: ["store:/data", "outside:/out"]') +
            "volumes: {store: {}, outside: {external: true}}\n")
    repo.deploy({"web/compose.yaml": text, **plain})
    agent.sync(DONE)
    write(engine, "one")
    repo.deploy({"web/compose.yaml": text.replace("app:1", "app:2"), "plain/compose.yaml": app(2)})
    plan = agent.plan()
    assert "data of store: snapshot by copy" in plan.notes("web"), plan.notes("web")
    assert "data of outside cannot be put back: it is external" in plan.notes("web")
    assert "stopped for the snapshot" in plan.notes("web")
    assert "data of" not in plan.notes("plain")
    agent.sync(DONE)
    write(engine, "two")
    r = agent.rollback("1", "--restore-volumes", "--yes").expect(DONE)
    assert "web/store: discards" in r.text and "web/outside stays as it is: it is external" in r.text, r
    assert read(engine) == "one" and engine.runs("web", 1) and engine.runs("plain", 1)
    assert agent.open_work() == []


def test_rollback_with_data_refused_when_none_is_kept(repo, agent, engine):
    for v in (1, 2):
        repo.deploy({"plain/compose.yaml": app(v)})
        agent.sync(DONE)
    r = agent.rollback("1", "--restore-volumes", "--yes").expect(USAGE)
    assert "without --restore-volumes" in r.text and engine.runs("plain", 2)


def test_restore_never_only_when_named(repo, agent, engine):
    extra = "x-mdc: {snapshot: {restore: {store: never}}}\n"
    for v, text in ((1, "one"), (2, "two")):
        repo.deploy({"web/compose.yaml": data(v) + extra})
        agent.sync(DONE)
        write(engine, text)
    first = snapshots(agent)[0]["id"]
    r = agent.run("restore", first, "--yes").expect(USAGE)
    assert "nothing that could be put back" in r.text
    agent.run("restore", first, "--volume", "store", "--yes").expect(DONE)
    assert read(engine) == "one"


def test_prune_by_count_and_never_what_is_needed(repo, agent, engine):
    agent.configure(retention={"generations": 3, "snapshots": 1, "failed_data": "7d", "snapshot_share": "20%"})
    for v in range(6):
        repo.deploy({"web/compose.yaml": data(v % 3 + 1, f'environment: {{N: "{v}"}}')})
        agent.sync(DONE)
        write(engine, f"g{v + 1}")
    kept = snapshots(agent)
    # Generations 4, 5 and 6 are kept: what 4 and 5 had is needed, and nothing else is.
    assert [s["generation"] for s in kept] == [4, 5]
    assert [n["number"] for n in agent.generations()] == [4, 5, 6]
    assert "snapshot.pruned" in [h["event"] for h in agent.history()]
    assert agent.run("snapshots", "prune", "--json").expect(DONE).json()["snapshots"] == 0
    r = agent.run("snapshots", "prune", kept[0]["id"]).expect(USAGE)
    assert "generation 4 would go back" in r.text
    places = [Path(v["place"]) for s in kept for v in s["volumes"]]
    agent.run("snapshots", "prune", kept[0]["id"], "--yes").expect(DONE)
    assert not places[0].exists() and not places[0].parent.exists() and places[1].exists()
    agent.rollback("5", "--restore-volumes", "--yes").expect(DONE)
    assert read(engine) == "g5"


def test_failed_data_goes_by_age(repo, agent, engine):
    repo.deploy({"web/compose.yaml": data(1)})
    agent.sync(DONE)
    write(engine, "good")
    repo.deploy({"web/compose.yaml": data(2, 'command: ["sh", "-c", "echo bad >/data/f; exit 1"]\n')})
    agent.sync(FAILED)
    failed = [s for s in snapshots(agent) if s["kind"] == "failed"]
    assert read(engine) == "good" and len(failed) == 1 and failed[0]["kept_until"] > failed[0]["made"]
    place = Path(failed[0]["volumes"][0]["place"])
    assert (place / "f").read_text() == "bad\n"
    agent.configure(retention={"failed_data": "0s"})
    assert agent.run("snapshots", "prune", "--json").expect(DONE).json()["snapshots"] == 1
    assert not place.exists()


def test_gc_sweeps_what_has_no_record(web, engine):
    kept = snapshots(web)
    store = Path(kept[0]["volumes"][0]["place"]).parent.parent
    lost = store / "web-1-20200101T000000.000Z" / "web_store"
    shutil.copytree(kept[0]["volumes"][0]["place"], lost)
    told = web.run("gc", "--json").expect(DONE).json()
    assert told["copies"] == 1 and not lost.parent.exists()
    assert [s["id"] for s in snapshots(web)] == [s["id"] for s in kept]
    assert all(Path(s["volumes"][0]["place"]).exists() for s in kept)


def test_share_of_the_disk_holds(engine_on, place):
    """Shown by 6: many deployments, each with 24 MiB of data, on a file system where they may fill 2 %, about 160 MiB."""
    from stacks import Place
    at = Place(place, engine_on("ext4"), {}, families=())
    try:
        agent, engine = at.agent, at.engine
        total = os.statvfs(at.engine.fs.path)
        percent = max(1, round(160 * MIB * 100 / (total.f_blocks * total.f_frsize)))
        bound = total.f_blocks * total.f_frsize * percent // 100
        agent.configure(retention={"generations": 10, "snapshots": 20, "snapshot_share": f"{percent}%"})
        for n in range(DEPLOYMENTS):
            at.repo.deploy({"web/compose.yaml": data(n % 3 + 1, f'environment: {{N: "{n}"}}')})
            agent.sync(DONE)
            (at.volume("web_store") / "big").write_bytes(os.urandom(24 * MIB))
            write(engine, f"g{n + 1}")
            kept = snapshots(agent)
            assert sum(s["bytes"] for s in kept) <= bound
            # Whatever generation is kept can be gone back to with its data.
            for g in agent.generations()[:-1]:
                assert g["number"] in [s["generation"] for s in kept], (g["number"], kept)
        used = sum(f.stat().st_blocks * 512 for s in kept for v in s["volumes"]
                   for f in Path(v["place"]).rglob("*") if f.is_file())
        assert 24 * MIB < used <= bound + MIB
        agent.rollback("--restore-volumes", "--yes").expect(DONE)
        assert read(engine) == f"g{DEPLOYMENTS - 1}"
    finally:
        at.close()
