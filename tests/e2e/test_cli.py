"""The command line: help for everything, hints, JSON, exit codes, man page and completions from the verb table."""

import json
import os
import pty
import re
import select
import shutil
import subprocess

import pytest

from agent import DONE, FAILED, PROGRAM, USAGE, run_plain
from composes import app, unhealthy

VERBS = ("run sync plan status generations show rollback suspend resume retry check init gc help version").split()


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb, place):
    for args in ((verb, "--help"), ("help", verb)):
        r = run_plain(place, *args).expect(DONE)
        assert f"mdc-agent {verb}" in r.out and r.err == ""
        assert max(len(line) for line in r.out.splitlines()) <= 100


def test_help_names_each_verb(place):
    out = run_plain(place, "help").expect(DONE).out
    for verb in VERBS:
        assert re.search(rf"^\s+{verb}\b", out, re.M), verb
    assert run_plain(place, "--help").out == out
    bare = run_plain(place)
    assert bare.code == USAGE and "help" in bare.err


def test_version(place):
    out = run_plain(place, "version").expect(DONE).out
    assert re.search(r"\d+\.\d+\.\d+", out)
    assert run_plain(place, "--version").expect(DONE).out == out


@pytest.mark.parametrize("wrong, near", [("stats", "status"), ("synk", "sync"), ("rolback", "rollback"),
                                         ("genrations", "generations")])
def test_unknown_verb_hints(wrong, near, place):
    r = run_plain(place, wrong).expect(USAGE)
    assert near in r.err and r.out == ""


@pytest.mark.parametrize("args", [("sync", "--no-such-option"), ("show", "x"), ("show", "1", "2"),
                                  ("rollback", "-1"), ("sync", "extra"), ("--config",), ("help", "nosuch"),
                                  ("status", "--jsonn")])
def test_wrong_usage_exits_2(args, place):
    r = run_plain(place, *args).expect(USAGE)
    assert r.err.strip() and len(r.err.splitlines()) <= 4


def test_settings_that_are_missing(place):
    r = run_plain(place, "--config", str(place / "none.yaml"), "status").expect(USAGE)
    assert "none.yaml" in r.err and "init" in r.err


def test_settings_with_a_mistake(place):
    (place / "agent.yaml").write_text("source:\n  url: https://example.org/x.git\n  brunch: main\n")
    r = run_plain(place, "--config", str(place / "agent.yaml"), "status").expect(USAGE)
    assert "agent.yaml:3" in r.err and "branch" in r.err


@pytest.fixture(scope="module")
def filled(world):
    """An agent with two generations, a failed push and a held project."""
    world.repo.deploy({"web/compose.yaml": app(), "mail/compose.yaml": app()}, "the first one")
    world.agent.sync(DONE)
    world.repo.deploy({"web/compose.yaml": app(2), "mail/compose.yaml": unhealthy(2)}, "the second one")
    world.agent.sync(FAILED)
    return world.agent


def test_status_text(filled):
    r = filled.run("status").expect(DONE)
    assert "web" in r.out and "mail" in r.out
    assert "unhealthy" in r.out and "retry" in r.out, "what is wrong and what to do next"
    assert "\033" not in r.out, "no colour but on a terminal"


@pytest.mark.parametrize("args", [("status",), ("plan",), ("generations",), ("show", "1"), ("version",), ("sync",),
                                  ("gc",)])
def test_json(filled, args):
    r = filled.run(*args, "--json")
    assert r.code in (DONE, FAILED), r
    json.loads(r.out)


def test_json_of_errors(filled, place):
    r = filled.run("show", "99", "--json").expect(USAGE)
    error = json.loads(r.out or r.err)
    assert "99" in json.dumps(error)
    r = run_plain(place, "--config", "/nonexistent", "status", "--json").expect(USAGE)
    assert json.loads(r.out or r.err)


def test_status_is_for_monitoring(filled):
    r = filled.run("status", "--check").expect(FAILED)
    assert len(r.out.splitlines()) == 1 and "retry" in r.out


def test_generations_and_show(filled):
    listed = filled.run("generations").expect(DONE).out
    assert "the first one" in listed and "the second one" in listed
    shown = filled.run("show", "2").expect(DONE).out
    assert "web" in shown and "held" in shown and "unhealthy" in shown


def test_plan_text(filled):
    assert "mail" in filled.run("plan").expect(DONE).out


def test_progress_is_plain_lines_without_a_terminal(filled):
    out = filled.run("retry", "mail").expect(FAILED).text
    assert "\033" not in out and "\r" not in out
    assert "mail" in out


def run_on_terminal(argv, env, columns=100):
    """Run with a terminal as standard output; returns exit code and everything it wrote."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(env, TERM="xterm-256color", COLUMNS=str(columns))
        os.execv(argv[0], argv)
    data = b""
    while select.select([fd], [], [], 120)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), data.decode(errors="replace")


def test_progress_is_live_on_a_terminal(filled):
    code, out = run_on_terminal(filled.argv("retry", "mail"), filled.env())
    assert code == FAILED
    assert "\033[" in out and "mail" in out
    code, plain = run_on_terminal(filled.argv("--color", "never", "status"), filled.env())
    assert "\033[3" not in plain
    assert filled.run("--color", "always", "status").out.count("\033[") > 0


def test_no_color(filled):
    _, out = run_on_terminal(filled.argv("status"), {**filled.env(), "NO_COLOR": "1"})
    assert "\033[3" not in out


def test_init_writes_commented_settings(place):
    config = place / "etc/agent.yaml"
    run_plain(place, "--config", str(config), "init").expect(DONE)
    text = config.read_text()
    assert "url" in text and "#" in text and "poll" in text
    before = config.read_text()
    r = run_plain(place, "--config", str(config), "init")
    assert r.code != DONE and str(config) in r.text, "never overwrites"
    assert config.read_text() == before


def test_settings_of_init_are_read_back(place, repo, engine, clean_engine):
    config = place / "etc/agent.yaml"
    run_plain(place, "--config", str(config), "init", "--bare", str(place / "r.git")).expect(DONE)
    assert (place / "r.git/HEAD").exists() and os.access(place / "r.git/hooks/post-receive", os.X_OK)
    r = run_plain(place, "--config", str(config), "plan")
    assert "agent.yaml" not in r.err, r


def test_gc(filled):
    filled.run("gc").expect(DONE)
    assert filled.current() == 2


@pytest.mark.parametrize("closed", ["stdout", "full"])
def test_output_that_cannot_be_written(closed, filled):
    """A full disk behind `status > file` is an error, not a success."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        p = subprocess.run(filled.argv("status"), env=filled.env(), stdout=full, stderr=subprocess.PIPE, text=True,
                           timeout=60)
    assert p.returncode != DONE
    assert p.stderr.strip()


# ---- what is generated from the table ------------------------------------------------------------

def test_man_page(place):
    r = run_plain(place, "help", "--man").expect(DONE)
    assert r.out.startswith(".") and ".SH" in r.out
    for verb in VERBS:
        assert verb in r.out
    if shutil.which("man"):
        page = place / "mdc-agent.8"
        page.write_text(r.out)
        m = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True, timeout=60,
                           env={"PATH": os.environ["PATH"], "MANPAGER": "cat", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        assert m.returncode == 0 and m.stderr == "", m.stderr


@pytest.mark.parametrize("page", ["agent.yaml", "mdc.yaml"])
def test_man_pages_of_the_files(page, place):
    r = run_plain(place, "help", "--man", page).expect(DONE)
    for key in {"agent.yaml": ["token_file", "known_hosts_file", "parallel", "drift"],
                "mdc.yaml": ["atomic", "hosts", "on_remove", "settle"]}[page]:
        assert key in r.out.replace("\\", ""), key


def test_bash_completion(place):
    r = run_plain(place, "help", "--completion", "bash").expect(DONE)
    script = place / "completion.bash"
    script.write_text(r.out)
    ask = (f'. {script}; COMP_WORDS=(mdc-agent gen); COMP_CWORD=1; COMP_LINE="mdc-agent gen"; COMP_POINT=13; '
           'f=$(complete -p mdc-agent | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $f; echo "${COMPREPLY[@]}"')
    out = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=30,
                         env={"PATH": os.path.dirname(PROGRAM) + ":" + os.environ["PATH"]})
    assert "generations" in out.stdout, out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_completions(shell, place):
    r = run_plain(place, "help", "--completion", shell).expect(DONE)
    assert all(v in r.out for v in VERBS)
