"""
What is enumerated: how to get to the beginning, the verb whose every changing call is a point, and which ends are right.
To add one: a class, and its name in ALL. Depends on: world.py.
"""

from world import DONE, files


class Success:
    """Another image, other files, a volume that the new version writes to."""
    name, verb, projects, ends = "success", ("sync",), ("web",), ("1", "2")
    data = {"web_data": {"1": ("1",), "2": ("2",)}}  # volume -> version of the project -> what may stand in it
    atomic = False

    def begin(self, w):
        w.push({**files("web", 1), **files("other", 1, data=False)})
        expect(w, "sync")
        for v in self.data:
            (w.engine.data(v) / "precious").write_text("x")
        self.change(w)

    def change(self, w):
        w.push(files("web", 2))


class Undo(Success):
    """A version that is not healthy, without data."""
    name, ends, data = "undo", ("1",), {}

    def begin(self, w):
        w.push({**files("web", 1, data=False), **files("other", 1, data=False)})
        expect(w, "sync")
        w.push(files("web", 2, bad=True, data=False))


class UndoData(Success):
    """A version that is not healthy and has written to its volume."""
    name, ends = "undo-data", ("1",)

    def change(self, w):
        w.push(files("web", 2, bad=True))


class Atomic(Success):
    """Three projects, all or none."""
    name, projects, atomic, data = "atomic", ("a", "b", "c"), True, {}
    bad = False

    def begin(self, w):
        first, second = {"mdc.yaml": "version: 1\natomic: true\n", **files("other", 1, data=False)}, {}
        for p in self.projects:
            first |= files(p, 1, data=False)
            second |= files(p, 2, data=False, bad=self.bad and p == "c")
        w.push(first)
        expect(w, "sync")
        w.push(second)


class AtomicUndo(Atomic):
    """The third of them is not healthy."""
    name, ends, bad = "atomic-undo", ("1",), True


class Remove(Success):
    name, ends = "remove", (None,)
    data = {"web_data": {None: ("1",)}}

    def change(self, w):
        w.push({}, remove=["web"])


class Rollback(Success):
    """By hand, code only: the data stays what it is."""
    name, verb = "rollback", ("rollback",)
    data = {"web_data": {"1": ("2",), "2": ("2",)}}

    def change(self, w):
        w.push(files("web", 2))
        expect(w, "sync")


class RollbackData(Rollback):
    """By hand, with the data that the old generation was left with."""
    name, verb = "rollback-data", ("rollback", "--restore-volumes", "--yes")
    data = {"web_data": {"1": ("1",), "2": ("2",)}}


ALL = {s.name: s for s in (Success, Undo, UndoData, Atomic, AtomicUndo, Remove, Rollback, RollbackData)}


def expect(w, *verb):
    code, said = w.run(*verb)
    if code != DONE:
        raise RuntimeError(f"{' '.join(verb)} exited {code}: {said}")
