"""Syncs over many projects on the fake engine: instructions, processor time, fsyncs, size of the repository."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import measure
from gitservers import git


def sizes(world):
    return (10, 100, 300) if world.quick else (10, 1000, 5000)


def row_nothing(world):
    """A sync with nothing new: instructions at 1000 and 5000 projects / at 10."""
    found = {}
    for n in sizes(world):
        d = world.deployed(n)
        d.agent.sync(0)
        found[n] = measure.own_instructions(d.agent.argv("sync"), env=d.agent.env())
    few, *more = sizes(world)
    for n in more:
        yield SimpleNamespace(
            measure=f"a sync with nothing new, instructions, {n} / {few} projects", target=1.02,
            figure=found[n] / found[few], raw=f"{found[n] / 1e6:.3f} M / {found[few] / 1e6:.3f} M")


def push_cpu(world, d, rounds):
    """Processor seconds of a sync that deploys one changed project, without Compose's."""
    found = []
    for _ in range(rounds):
        d.repo.change(d.repo.n // 2)
        world.fake_compose_seconds()
        _, cpu = measure.timed(d.agent.argv("sync"), env=d.agent.env())
        found.append(cpu - world.fake_compose_seconds())
    return found


def row_push_cpu(world):
    """A one-project push: CPU without Compose, 1000 projects / 10."""
    few, many, _ = sizes(world)
    small, large = world.deployed(few), world.deployed(many)
    a, b = [], []
    for _ in range(3 if world.quick else 11):  # in turns, so that a busy minute hits both
        a += push_cpu(world, small, 1)
        b += push_cpu(world, large, 1)
    low, high = measure.median(a), measure.median(b)
    yield SimpleNamespace(
        measure=f"a one-project push, CPU without Compose, {many} / {few} projects", target=2.0, figure=high / low,
        raw=f"{high * 1000:.1f} ms / {low * 1000:.1f} ms (medians of {len(a)})")


def row_fsync(world):
    """fsync calls of a one-project deployment, of a sync with nothing new."""
    d = world.deployed(sizes(world)[1])
    d.repo.change(3)
    deploy = measure.fsyncs(d.agent.argv("sync"), env=d.agent.env())
    nothing = measure.fsyncs(d.agent.argv("sync"), env=d.agent.env())
    yield SimpleNamespace(measure="fsync calls of a one-project deployment", target=30, figure=deploy,
                          raw=f"{deploy} (fsync, fdatasync, syncfs; {d.repo.n} projects, 2 changed files)")
    yield SimpleNamespace(measure="fsync calls of a sync with nothing new", target=0, figure=nothing, raw=f"{nothing}")


def row_repo_size(world):
    """Repository after 500 deployed commits / a fresh clone; packs."""
    commits = 40 if world.quick else 500
    for transport in ("file", "https"):
        d = world.deployed(sizes(world)[1], transport)
        for i in range(commits):
            d.repo.change(i % d.repo.n)
            d.agent.sync(0)
        clone = d.agent.base / "clone.git"
        git("clone", "-q", "--bare", "--no-local", d.repo.bare, clone)
        ours, fresh = measure.tree_kb(d.agent.state / "repo.git"), measure.tree_kb(clone)
        packs = len(list((d.agent.state / "repo.git").rglob("*.pack")))
        shutil.rmtree(clone)
        yield SimpleNamespace(
            measure=f"repository after {commits} deployed commits / a fresh clone, {transport}", target=3,
            figure=ours / fresh, raw=f"{ours:.0f} kB / {fresh:.0f} kB ({d.repo.n} projects)")
        yield SimpleNamespace(measure=f"packs after {commits} deployed commits, {transport}", target=50, figure=packs,
                              raw=f"{packs} packs, {loose(d.agent.state / 'repo.git')} loose objects")


def loose(repo):
    return len([p for p in Path(repo).glob("objects/??/*")])
