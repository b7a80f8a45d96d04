"""
The promises of docs/reliability.md, looked for after a fault and the syncs that follow. Each function returns what is
broken, in words. Depends on: world.py.
"""

import json
import os

from world import DONE, FAILED

# Files that may be there after a fault and are not without one: they are memory, not leftovers.
MEMORY = ("state/marks", "state/repeats.json", "state/history.jsonl.N", "state/history.lock", "state/drift.json",
          "state/last-number", "state/log")


def versions(w, s):
    """Each project whole at one version; all of them at the same where that was promised."""
    broken, found = [], {}
    for p in s.projects:
        signs = w.project(p)
        if len(set(signs.values())) > 1:
            broken.append(f"{p} is a mix: {signs}")
        found[p] = next(iter(signs.values()), None)
        if found[p] not in s.ends:
            broken.append(f"{p} is at {found[p]}, not at one of {s.ends}")
        if found[p] and w.unhealthy(p):
            broken.append(f"{p}: {w.unhealthy(p)}")
    if s.atomic and len(set(found.values())) > 1:
        broken.append(f"some and not all: {found}")
    if w.project("other") and (set(w.project("other").values()) != {"1"} or w.unhealthy("other")):
        broken.append(f"a project that did not change: {w.project('other')} {w.unhealthy('other')}")
    return broken, found


def volumes(w, s, before, found):
    broken = [f"volume {v} is missing" for v in before["volumes"] if v not in w.engine.state["volumes"]]
    for name, allowed in s.data.items():
        at = w.engine.data(name)
        if not at.is_dir():
            broken.append(f"volume {name} has no directory")
            continue
        got = w.volume_version(name)
        if len(got) != 1 or not got <= set(allowed.get(found[s.projects[0]], ())):
            broken.append(f"volume {name} holds {got} beside version {found[s.projects[0]]}")
        if not (at / "precious").exists():
            broken.append(f"volume {name} lost a file")
    return broken


def generation(w, s, found):
    """`current` names a generation that verifies, and it says what runs."""
    code, said = w.run("show", str(w.current()), "--json")
    if code != DONE:
        return [f"show of the current generation {w.current()} exits {code}: {said[:300]}"]
    entries = {p["name"]: p for p in json.loads(said)["projects"]}
    broken = []
    for p in s.projects:
        runs, named = found[p] is not None, p in entries and entries[p]["status"] != "missing"
        if runs != named:
            broken.append(f"generation {w.current()}: {p} runs: {runs}, is named: {named}")
        active = w.state / "projects" / p / "active.json"
        if runs and not active.exists():
            broken.append(f"{p} runs and has no active.json")
        elif runs and f'app:{"" if found[p] == "1" else found[p]}' not in active.read_text() and "app:" in active.read_text():
            broken.append(f"active.json of {p} names another image than version {found[p]}")
    return broken


def attempts(w, s, before):
    """The new content is brought up at most twice."""
    return [f"{p} was tried {n} times" for p in s.projects
            if (n := sum(name == p and v == ["2"] for name, v in w.engine.ups)) > 2 and s.verb == ("sync",)]


def leftovers(w, s, before):
    """After the clean-up that the daemon does once a day: by then half-written files are older than an hour."""
    broken = []
    for path in w.state.rglob(".mdc-tmp.*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    code, said = w.run("gc")
    if code != DONE:
        broken.append(f"gc exits {code}: {said[-300:]}")
    extra = {x for x in w.shapes() - before["shapes"] if not x.startswith(MEMORY)}
    if extra:
        broken.append(f"left over: {sorted(extra)[:6]}")
    recorded = set()
    for record in w.state.glob("snapshots/*.json"):
        for v in json.loads(record.read_text().partition("\n")[2])["volumes"]:
            if v.get("place") and not v.get("moved"):
                recorded.add(v["place"])
    copies = {str(p) for top in (w.state / "snapshots", *w.root.glob("engine/.mdc-agent/*")) for p in top.glob("*/*")
              if p.is_dir()}
    if recorded != copies:
        broken.append(f"copies without record: {sorted(copies - recorded)}; records without copy: {sorted(recorded - copies)}")
    for c in w.engine.containers():
        if c["name"][12:13] == "_" or c["state"] != "running":
            broken.append(f"container {c['name']} is {c['state']}")
    return broken


def told(w, s, before, found, what):
    """What was done is in the history; where that file itself could not be written, in the journal only."""
    if "/history." in what:
        return []
    new = w.history()[before["history"]:]
    return [f"nothing in the history about {p}, which went to {found[p]}" for p in s.projects
            if found[p] != before["versions"][p] and not any(p == e.get("project") for e in new)]


def check(w, s, before, what=""):
    if w.open_work():
        return [f"still open: {w.open_work()}"]
    broken, found = versions(w, s)
    broken += volumes(w, s, before, found) + generation(w, s, found) + attempts(w, s, before)
    broken += told(w, s, before, found, what)
    if w.untouched() != before["foreign"]:
        broken.append("what is not ours has changed")
    ids = w.ids()
    code, said = w.run("sync")  # and it is an end: another run has nothing to do
    if code not in (DONE, FAILED) or w.ids() != ids:
        broken.append(f"another sync exits {code} and changes {set(w.ids().items()) ^ set(ids.items())}: {said[-300:]}")
    return broken + leftovers(w, s, before)
