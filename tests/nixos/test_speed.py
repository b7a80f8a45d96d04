"""How long the module takes to evaluate: CPU time of the fastest of several runs, which a busy machine does not change."""

import os

from conftest import HERE

ONE = """(import ./world.nix).textOf ((import ./world.nix).eval { projects = builtins.listToAttrs (builtins.genList (i: {
    name = "web${toString i}"; value.settings.services.app = { image = "nginx"; environment.N = toString i; }; }) %d); } [ ])"""


def cpu_seconds(nix, expression):
    before = os.times()
    nix.run("nix-instantiate", "--eval", "--read-write-mode", "--expr", expression, cwd=HERE)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def test_the_module_evaluates_in_under_half_a_second(nix, record_property):
    seconds = min(cpu_seconds(nix, ONE % 10) for _ in range(5))
    record_property("seconds", seconds)
    print(f"evaluated ten projects in {seconds:.2f} s")
    assert seconds < 0.5


def test_the_time_grows_with_the_projects_and_not_faster(nix):
    """Assertions compare names of all projects: a hundred take no more than what a hundred times one does."""
    few, many = (min(cpu_seconds(nix, ONE % n) for _ in range(3)) for n in (20, 200))
    assert many < 20 * max(few, 0.05), f"20 projects: {few:.2f} s, 200: {many:.2f} s"
