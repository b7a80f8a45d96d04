"""
Ways out of the repository, a project each: none is read or written, no program is run for it, and the projects beside it
go on. What is opened is seen by inotify on a directory outside, in which each way has a file of its own.
"""

import ctypes
import os
import re
import struct
import subprocess

import pytest

from agent import FAILED
from composes import app
from repo import ENV

SERVICES = 'services:\n  app: {image: "app:1", network_mode: none}\n'


def env_file(path):
    return {"compose.yaml": f'services:\n  app:\n    image: "app:1"\n    network_mode: none\n    env_file: {path}\n'}


def include(entry, **more):
    return {"compose.yaml": f"include: [{entry}]\n{SERVICES}", **more}


def extends(path):
    return {"compose.yaml": f'services:\n  app:\n    extends: {{file: "{path}", service: app}}\n    network_mode: none\n'}


def keys(text):
    return {"compose.yaml": 'services:\n  app:\n    image: "app:1"\n    network_mode: none\n    ' + text + "\n"}


def content(section, path):
    return {"compose.yaml": f'services:\n  app: {{image: "app:1", network_mode: none, {section}: [s]}}\n'
                            f'{section}: {{s: {{file: "{path}"}}}}\n'}


UP = "../../../../../../../../../../.."


def ways(out):
    """Name of a way -> files of the project, where `@f@` is the file outside that it is after."""
    f = "@f@"
    return {
        "env-file-absolute": env_file(f),
        "env-file-up": env_file(UP + f),
        "env-file-home": env_file("${HOME}/@n@"),
        "env-file-home-default": {**env_file("${HOME:-.}/@n@"), "@n@": "A=1\n"},
        "env-file-home-set": {**env_file("${HOME}/@n@"), ".env": "HOME=.\n", "@n@": "A=1\n"},
        "env-file-nested-variable": {**env_file("${A}/@n@"), ".env": f"B={out}\n" + "A=${B}\n"},
        "env-file-dollar": {**env_file("${A}"), ".env": "A='@f@'\n"},
        "env-file-optional": env_file("[{path: @f@, required: false}]"),
        "include-absolute": include(f),
        "include-up": include(UP + f),
        "include-home": include('"${HOME}/@n@"'),
        "include-directory": include('{path: more.yaml, project_directory: "' + str(out) + '"}',
                                     **{"more.yaml": 'services:\n  b: {image: "app:1", env_file: "@n@"}\n'}),
        "include-directory-home": include('{path: more.yaml, project_directory: "${HOME}"}',
                                          **{"more.yaml": 'services:\n  b: {image: "app:1", env_file: "@n@"}\n'}),
        "include-env-file": include("{path: more.yaml, env_file: @f@}", **{"more.yaml": 'services: {b: {image: "app:1"}}\n'}),
        "include-values": include("{path: more.yaml, env_file: v.env}",
                                  **{"v.env": "E=@f@\n", "ok.env": "A=1\n",
                                     "more.yaml": 'services:\n  b: {image: "app:1", env_file: "${E:-ok.env}"}\n'}),
        "include-own-values": include("sub/more.yaml", **{
            "sub/.env": "E=@f@\n", "sub/ok.env": "A=1\n",
            "sub/more.yaml": 'services:\n  b: {image: "app:1", env_file: "${E:-ok.env}"}\n'}),
        "include-https": include("https://127.0.0.1:1/x.git"),
        "include-git": include("git@127.0.0.1:x.git"),
        "include-oci": include("oci://127.0.0.1:1/x:1"),
        "extends-absolute": extends(f),
        "extends-up": extends(UP + f),
        "extends-home": extends("${HOME}/@n@"),
        "extends-anchor": {"compose.yaml": 'x-f: &f @f@\nservices:\n  app:\n    extends: {file: *f, service: app}\n'},
        "label-file": keys("label_file: @f@"),
        "secret-up": content("secrets", UP + f),
        "secret-absolute": content("secrets", f),
        "config-up": content("configs", UP + f),
        "config-home": content("configs", "${HOME}/@n@"),
        "bind-up": keys('volumes: ["' + UP + f + ':/x"]'),
        "bind-absolute": keys('volumes: ["@f@:/x"]'),
        "bind-home": keys('volumes: ["~/@n@:/x"]'),
        "bind-driver-opts": {"compose.yaml": 'services:\n  app: {image: "app:1", network_mode: none, volumes: ["v:/x"]}\n'.replace("v:", "vol:")
                             + f"volumes:\n  vol: {{driver_opts: {{type: none, o: bind, device: {out}}}}}\n"},
        "build-context-up": keys("build: " + UP + str(out)),
        "build-context-absolute": keys("build: " + str(out)),
        "build-dockerfile-up": keys("build: {context: ., dockerfile: " + UP + f + "}"),
        "build-dockerfile-absolute": keys("build: {context: ., dockerfile: @f@}"),
        "build-additional-context": keys("build: {context: ., additional_contexts: {x: " + UP + str(out) + "}}"),
        "develop-watch": keys('develop: {watch: [{action: sync, path: "' + UP + f + '", target: /x}]}'),
        "settings-env-files": {"compose.yaml": 'x-mdc: {env_files: ["' + UP + f + '"]}\n' + SERVICES},
        "settings-env-files-absolute": {"compose.yaml": 'x-mdc: {env_files: ["@f@"]}\n' + SERVICES},
        "seccomp-profile": keys('security_opt: ["seccomp:@f@"]'),
    }


LINKS = ["link-file", "link-directory", "link-elsewhere", "link-as-compose-file", "link-as-project"]  # the last two are no projects
NAMES = {"git-directory": ".git", "git-capitals": ".GIT", "git-mixed": ".gIt", "git-dot": ".git.", "git-space": ".git ",
         "git-stream": ".git::$INDEX_ALLOCATION", "git-short": "git~1"}
OUTSIDE_WAYS = sorted(ways("/out"))


def fill(text, out, name):
    path = f"{out}/{name}.env"
    return text.replace("@f@", path).replace("@n@", f"{name}.env")


class Watch:
    """What is opened, read or written below a directory, by anybody."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # access, modify, attrib, open, create, delete, moved
        assert self.libc.inotify_add_watch(self.fd, str(path).encode(), 0x1 | 0x2 | 0x4 | 0x20 | 0x100 | 0x200 | 0xC0) >= 0

    def names(self):
        seen = set()
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return seen
            at = 0
            while at < len(data):
                size = struct.unpack_from("iIII", data, at)[3]
                seen.add(data[at + 16:at + 16 + size].rstrip(b"\0").decode())
                at += 16 + size


def git_in(repo, *args, stdin=""):
    return subprocess.run(["git", *args], cwd=repo.work, env=ENV, input=stdin, capture_output=True, text=True,
                          check=True).stdout.strip()


def hostile_tree(repo, head, name, entry):
    """The head's tree with a project of which one directory has a name that no work tree can have."""
    blob = git_in(repo, "hash-object", "-w", "--stdin", stdin="[core]\n\tfsmonitor = touch /run/escaped\n")
    compose = git_in(repo, "hash-object", "-w", "--stdin", stdin=app())
    inner = git_in(repo, "mktree", stdin=f"100644 blob {blob}\tconfig\n")
    project = git_in(repo, "mktree", stdin=f"100644 blob {compose}\tcompose.yaml\n040000 tree {inner}\t{entry}\n")
    rest = git_in(repo, "ls-tree", head)
    tree = git_in(repo, "mktree", stdin=f"{rest}\n040000 tree {project}\t{name}\n")
    return git_in(repo, "commit-tree", tree, "-p", head, "-m", name)


def make_links(repo, out):
    for name in LINKS:
        if name != "link-as-project":
            (repo.work / name).mkdir()
    for name in ("link-file", "link-directory", "link-elsewhere"):
        (repo.work / name / "compose.yaml").write_text(app())
    (repo.work / "link-file/data").symlink_to(f"{out}/link-file.env")
    (repo.work / "link-directory/data").symlink_to(out)
    (repo.work / "shared").symlink_to(out)
    (repo.work / "link-elsewhere/compose.yaml").write_text(env_file("../shared/link-elsewhere.env")["compose.yaml"])
    (repo.work / "link-as-compose-file/compose.yaml").symlink_to(f"{out}/link-as-compose-file.env")
    (repo.work / "link-as-project").symlink_to(out)


@pytest.fixture(scope="module")
def outcome(base, engine):
    """One sync of all of them; what was opened, what was told, what is there now."""
    from agent import Agent
    from repo import Repo
    where = base / "escapes"
    out = where / "outside"
    out.mkdir(parents=True)
    repo = Repo(where / "git")
    agent = Agent(where / "agent", engine, repo.url)
    agent.configure(policy={"preset": "standard", "build": "allow", "binds": []}, parallel=4)
    files = {"good/compose.yaml": app(1)}
    for name, project in ways(out).items():
        files |= {f"{name}/{fill(path, out, name)}": fill(text, out, name) for path, text in project.items()}
    for name in [*OUTSIDE_WAYS, *LINKS]:
        (out / f"{name}.env").write_text('services: {app: {image: "app:1"}}\n')
    make_links(repo, out)
    repo.deploy(files)
    head = repo.head()
    for name, entry in NAMES.items():
        head = hostile_tree(repo, head, name, entry)
    git_in(repo, "push", "-q", "origin", f"{head}:main")
    before = {p.name: p.read_text() for p in out.iterdir()}
    others = {c.project for c in engine.containers()}
    watch = Watch(out)
    r = agent.run("sync", timeout=300, HOME=str(out)).expect(FAILED)
    opened = watch.names()
    after = {p.name: p.read_text() for p in out.iterdir()}
    projects = {c.project for c in engine.containers()} - others
    told = {e["project"]: e.get("reason", "") for e in agent.history() if e.get("project") and e["event"] != "project.deployed"}
    live = {p.name for p in (agent.state / "live").iterdir()}
    yield {"opened": opened, "same": before == after, "projects": projects, "told": told, "live": live, "text": r.text}
    agent.close()
    for c in engine.containers("good"):
        engine.remove(c.id)


def test_projects_beside_go_on(outcome):
    assert outcome["projects"] == {"good"}
    assert outcome["same"] and not os.path.exists("/run/escaped")


def test_the_watch_sees(tmp_path):
    """A watch that sees nothing would prove nothing."""
    (tmp_path / "x").write_text("x")
    watch = Watch(tmp_path)
    assert watch.names() == set()
    subprocess.run(["cat", str(tmp_path / "x")], check=True, capture_output=True)
    assert watch.names() == {"x"}


@pytest.mark.parametrize("way", OUTSIDE_WAYS + LINKS[:3])
def test_way_out(way, outcome):
    assert f"{way}.env" not in outcome["opened"], "it was opened"
    assert way not in outcome["projects"] and way not in outcome["live"]
    assert way in outcome["told"], outcome["text"]
    assert re.search(rf"{way}/[a-z./]+:\d|leads out|rule |is a symlink", outcome["told"][way]), outcome["told"][way]
    assert "did not find" not in outcome["told"][way], "the test's own file is no YAML"


@pytest.mark.parametrize("way", LINKS[3:])
def test_link_instead_of_a_project(way, outcome):
    assert way not in outcome["projects"] and way not in outcome["live"] and f"{way}.env" not in outcome["opened"]


@pytest.mark.parametrize("way", NAMES)
def test_name(way, outcome):
    assert way not in outcome["projects"] and way not in outcome["live"]
    assert way in outcome["told"], outcome["text"]
