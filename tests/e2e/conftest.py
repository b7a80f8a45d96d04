"""
Fixtures of the end-to-end tests. One engine for the whole run, in a network namespace that pytest itself enters;
each test has its own state directory and repository, and the engine is wiped after it.
    python3 -m pytest tests/e2e            MDC_BIN=build/debug: the programs; MDC_E2E_DIR: where everything is kept
With `--engine podman` (or MDC_E2E_ENGINE=podman) the same tests run with Podman; -m podman: only those that run.sh runs
with it (CORE in podman.py). What Podman cannot do stands there too, with its reason, and in docs/engines.md.
To add a test: a file test_*.py; to add a thing tests need: a fixture here, its class in a file of its own.
"""

import fcntl
import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import agent as agent_module  # noqa: E402
import podman  # noqa: E402
import sandbox  # noqa: E402
from agent import Agent  # noqa: E402
from bystanders import Bystanders  # noqa: E402
from classic import Classic  # noqa: E402
from engine import Engine  # noqa: E402
from filesystems import FileSystem, engine_on_class  # noqa: E402
from registry import Registry  # noqa: E402
from repo import Repo  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "podman: also run with Podman by run.sh")
    config.addinivalue_line("markers", "slow: left out of `run.sh --fast` and of the run with sanitizers")


def pytest_addoption(parser):
    parser.addoption("--claims", metavar="DIR", help="run the modules that no other run with this directory has claimed: for "
                                                     "several side by side, each with a MDC_E2E_NAME of its own")
    parser.addoption("--engine", default=os.environ.get("MDC_E2E_ENGINE", "docker"), choices=["docker", "podman"])


def _by_size(items):
    """Whole modules, the largest first; slow tests count more."""
    weights = {}
    for item in items:
        weights[item.path] = weights.get(item.path, 0) + (4 if item.get_closest_marker("slow") else 1)
    return sorted(items, key=lambda i: (-weights[i.path], str(i.path)))  # within a module the order stays


def _claimed(session, claims):
    """The tests of one module after the other that no other part has claimed."""
    for path, group in itertools.groupby(session.items, key=lambda i: i.path):
        try:
            os.close(os.open(claims / path.name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield from group


def pytest_runtestloop(session):
    """With --claims: what pytest's own loop does, but for our share only."""
    claims = session.config.getoption("--claims")
    if not claims or session.testsfailed or session.config.option.collectonly:
        return None
    ours = _claimed(session, Path(claims))
    item = next(ours, None)
    while item:
        following = next(ours, None)  # known before: else what the whole run shares would be closed
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config, items):
    if config.getoption("--claims"):
        items[:] = _by_size(items)
    with_podman = config.getoption("--engine") == "podman"
    for item in items:
        names = {item.path.name, f"{item.path.name}::{item.name}", f"{item.path.name}::{item.originalname}"}
        if names & podman.CORE:
            item.add_marker("podman")
        why = next((podman.DOCKER_ONLY[n] for n in names if n in podman.DOCKER_ONLY), None)
        if why and with_podman:
            item.add_marker(pytest.mark.skip(reason=f"not with Podman: {why}"))
    if not Path(agent_module.PROGRAM).exists():
        skip = pytest.mark.skip(reason=f"{agent_module.PROGRAM} is not built")
        for item in items:
            if "harness" not in item.nodeid:
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def base():
    """The directory of this run; the process is in the tests' namespace from here on."""
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests start an engine: they need root", 2)
    lock = open(f"/run/{sandbox.NAME}.lock", "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pytest.exit("another run of the end-to-end tests is under way", 2)
    sandbox.clean()
    sandbox.BASE.mkdir(parents=True)
    sandbox.BASE.chmod(0o755)
    sandbox.enter()
    yield sandbox.BASE
    if not os.environ.get("MDC_E2E_KEEP"):
        sandbox.clean()
    lock.close()


@pytest.fixture(scope="session")
def engine_class(pytestconfig):
    return {"docker": Engine, "podman": podman.Podman}[pytestconfig.getoption("--engine")]


@pytest.fixture(scope="session")
def engine(base, engine_class):
    e = engine_class(base / "engine")
    e.start()
    for v in (1, 2, 3):
        e.image(f"app:{v}")
    yield e
    if e.process:
        e.kill()  # the sandbox removes the rest; a polite stop waits for each container
    e.close()


@pytest.fixture(scope="session")
def engine_on(base, engine_class):
    """engine_on("btrfs"): an engine of its own whose volumes lie on such a file system; made when first asked for."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = engine_on_class(engine_class)(FileSystem(kind))
            made[kind].start()
            for v in (1, 2, 3):
                made[kind].image(f"app:{v}")
        return made[kind]
    yield get
    for e in made.values():
        e.close()


@pytest.fixture(scope="session")
def registry_service(base, engine):
    r = Registry(base / "registry", engine)
    r.start()
    yield r
    r.stop()


@pytest.fixture
def registry(registry_service):
    """Runs when the test begins, whatever the one before did to it."""
    registry_service.start()
    yield registry_service
    registry_service.start()


@pytest.fixture(scope="session")
def bystanders(base, engine):
    return Bystanders(base / "strangers", engine)


@pytest.fixture(autouse=True)
def untouched(request):
    """Shown by 7: after each test whoever is not ours is as before. Tests without an engine are not concerned."""
    if not {"engine", "agent", "world", "classic"} & set(request.fixturenames):
        yield
        return
    bystanders = request.getfixturevalue("bystanders")
    yield
    bystanders.check()


def wipe(engine, bystanders):
    engine.wipe(bystanders.ids, bystanders.networks, bystanders.volumes)


@pytest.fixture
def clean_engine(engine, bystanders):
    yield engine
    wipe(engine, bystanders)


@pytest.fixture
def repo(tmp_path_factory, base, request):
    return Repo(_place(base, request) / "git")


def _place(base, request):
    """A directory for one test (or module), named after it; short, because sockets live there."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-40:].strip("-")
    place = base / "t" / f"{name}-{abs(hash(request.node.nodeid)) % 100000}"
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def place(base, request):
    return _place(base, request)


@pytest.fixture
def make_agent(base, request, engine, clean_engine):
    """Make agents: make_agent(repo or url, name="a", **keys of source)."""
    made = []

    def make(source, name="agent", **keys):
        a = Agent(_place(base, request) / name, engine, getattr(source, "url", source), **keys)
        made.append(a)
        return a
    yield make
    for a in made:
        a.close()


@pytest.fixture
def agent(make_agent, repo):
    """An agent on this test's repository, over file://."""
    return make_agent(repo)


@pytest.fixture
def classic(base, request, engine, clean_engine):
    """An agent without a repository, on the shared engine."""
    a = Classic(_place(base, request) / "classic", engine)
    yield a
    a.close()


class World:
    """One repository, one agent, shared by the tests of a module: for long scenarios looked at from many sides."""

    def __init__(self, place, engine):
        self.engine = engine
        self.repo = Repo(place / "git")
        self.agent = Agent(place / "agent", engine, self.repo.url)


@pytest.fixture(scope="module")
def world(base, request, engine, bystanders):
    w = World(_place(base, request), engine)
    yield w
    w.agent.close()
    wipe(engine, bystanders)
