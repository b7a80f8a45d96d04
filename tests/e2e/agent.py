"""The program under test: its settings, its state directory, its verbs, its daemon."""

import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
from pathlib import Path

from sandbox import _read, processes
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("MDC_BIN", ROOT / "build" / "debug")).resolve()
PROGRAM = str(BIN / "mdc-agent")
SANITIZER_EXIT = 99

DONE, FAILED, USAGE, DEGRADED, REJECTED, LATER = 0, 1, 2, 3, 4, 75


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def text(self):
        return self.out + self.err

    def json(self):
        return json.loads(self.out)

    def expect(self, *codes):
        assert self.code in codes, self
        return self

    def __repr__(self):
        return f"`{' '.join(self.args)}` exited {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def base_env(tmp, **more):
    """Environment of the program: of the caller's only PATH. Sanitizers report into files and never exit as we do."""
    log = Path(tmp) / "sanitizer"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp), "LANG": "C.UTF-8",
           "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:log_path={log}:detect_leaks=1",
           "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={log}:exitcode={SANITIZER_EXIT}"}
    env.update({k: v for k, v in more.items() if v is not None})
    return env


def run_plain(tmp, *args, env=None, cwd=None, timeout=120, stdin=None):
    """Run the program without any settings of ours: for help, check, init."""
    r = subprocess.run([PROGRAM, *args], env=base_env(tmp, **(env or {})), cwd=cwd, capture_output=True, text=True,
                       timeout=timeout, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None)
    no_sanitizer_reports(tmp)
    return Result(args, r.returncode, r.stdout, r.stderr)


def no_sanitizer_reports(tmp):
    reports = [p.read_text(errors="replace") for p in Path(tmp).glob("sanitizer.*")]
    assert not reports, "sanitizer report:\n" + "\n".join(reports)[:8000]


# Compose through a script: it writes down each call, and a test can put commands in front of one by `before`.
WRAPPER = """#!/bin/sh
dir={dir}
echo "$*" >>"$dir/compose.log"
for word in "$@"; do
	if [ -x "$dir/before-$word" ]; then "$dir/before-$word" "$@" || exit $?; fi
done
exec {real} "$@"
"""


class Agent:
    def __init__(self, base, engine, url, **source):
        self.base, self.engine = Path(base), engine
        self.base.mkdir(parents=True, exist_ok=True)
        self.state, self.runtime = self.base / "state", self.base / "run"
        self.config = self.base / "agent.yaml"
        self.compose = self.base / "compose-plugin"
        self.compose.write_text(WRAPPER.format(dir=shlex.quote(str(self.base)), real=shlex.quote(engine.compose)))
        self.compose.chmod(0o755)
        self.settings = {
            "source": {"url": url, "poll": "5s", "timeout": "20s", **source},
            "host": "server1", "engine": engine.kind, "socket": engine.socket, "compose": str(self.compose),
            "state_dir": str(self.state), "runtime_dir": str(self.runtime),
            "defaults": {"health": {"timeout": "20s", "settle": "300ms"}},
        }
        self.daemon = None
        self.notify = None
        self.configure()

    # ---- settings --------------------------------------------------------------------------------
    def configure(self, **changes):
        """Change top-level keys (None removes one) and write agent.yaml. JSON is YAML."""
        for key, value in changes.items():
            if value is None:
                self.settings.pop(key, None)
            else:
                self.settings[key] = value
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n")
        self.config.chmod(0o600)

    def source(self, **changes):
        self.settings["source"].update(changes)
        self.configure()

    def health(self, **changes):
        self.settings["defaults"]["health"].update(changes)
        self.configure()

    # ---- verbs -----------------------------------------------------------------------------------
    def argv(self, *args):
        return [PROGRAM, "--config", str(self.config), *args]

    def env(self, fault=None, **more):
        return base_env(self.base, MDC_FAULT=fault, **more)

    def run(self, *args, fault=None, timeout=120, **env):
        r = subprocess.run(self.argv(*args), env=self.env(fault, **env), capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=timeout, cwd="/")
        self.check_sanitizers()
        return Result(args, r.returncode, r.stdout, r.stderr)

    def start(self, *args, fault=None, **env):
        """Start a verb in the background; finish() ends it."""
        return subprocess.Popen(self.argv(*args), env=self.env(fault, **env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                                start_new_session=True)

    def finish(self, process, timeout=120):
        out, err = process.communicate(timeout=timeout)
        self.check_sanitizers()
        return Result(process.args[3:], process.returncode, out, err)

    def sync(self, *codes, fault=None, timeout=120, args=()):
        """A sync; asserts its exit code if any is given."""
        r = self.run("sync", *args, fault=fault, timeout=timeout)
        return r.expect(*codes) if codes else r

    def traced(self, *options, fault=None):
        """A sync under strace with these options; what came of it (strace exits as the agent does)."""
        argv = ["strace", "-f", "-qq", "--seccomp-bpf", *map(str, options), *self.argv("sync")]
        env = self.env(fault)
        env["ASAN_OPTIONS"] += ":detect_leaks=0"  # cannot work under a tracer
        r = subprocess.run(argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=180, cwd="/",
                           check=False)
        self.check_sanitizers()
        return r

    def plan(self):
        return Plan(self.run("plan", "--json").expect(DONE).json())

    def status(self):
        """`status --json`, with its projects by name."""
        s = self.run("status", "--json").expect(DONE).json()
        s["projects"] = {p["name"]: p for p in s["projects"]}
        return s

    def generations(self):
        return self.run("generations", "--json").expect(DONE).json()

    def show(self, number):
        return self.run("show", str(number), "--json").expect(DONE).json()

    def rollback(self, *args):
        return self.run("rollback", *[str(a) for a in args])

    def current(self):
        """Number of the current generation, from the disk; 0: none."""
        link = self.state / "current"
        return int(os.path.basename(os.readlink(link))) if link.is_symlink() else 0

    def live(self, project):
        return self.state / "live" / project

    def open_work(self):
        """Records of work that has not ended: none after a sync that ended."""
        return sorted(str(p.relative_to(self.state)) for p in
                      [*self.state.glob("projects/*/intent.json"), *self.state.glob("sync.json")])

    def marks(self):
        return sorted((self.state / "marks").glob("*")) if (self.state / "marks").exists() else []

    def history(self):
        """What happened, oldest first, from history.jsonl."""
        entries = []
        path = self.state / "history.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            entries.append(json.loads(line))
        return entries

    # ---- Compose ---------------------------------------------------------------------------------
    def compose_calls(self, clear=False):
        """The Compose commands run so far: a list of argument lists."""
        log = self.base / "compose.log"
        calls = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        if clear:
            log.unlink(missing_ok=True)
        return calls

    def before(self, word, script):
        """Run a shell script before each Compose call that has this word; None removes it."""
        path = self.base / f"before-{word}"
        if script is None:
            path.unlink(missing_ok=True)
            return
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)

    # ---- processes -------------------------------------------------------------------------------
    def processes(self):
        """Every process of the program that works for this configuration (daemon, sync, workers)."""
        needle, found = os.fsencode(str(self.config)), []
        for pid in processes():
            try:
                exe = os.readlink(f"/proc/{pid}/exe")
            except OSError:
                continue
            if exe.startswith(str(BIN) + "/") and needle in _read(f"/proc/{pid}/cmdline"):
                found.append(pid)
        return found

    def compose_processes(self):
        """Running Compose processes of this agent: those that read a model below its state directory or plugin path."""
        needle, found = os.fsencode(str(self.state) + "/"), []
        for pid in processes():
            try:
                exe = os.readlink(f"/proc/{pid}/exe")
            except OSError:
                continue
            if exe == os.path.realpath(self.engine.compose) and needle in _read(f"/proc/{pid}/cmdline"):
                found.append(pid)
        return found

    def kill_all(self):
        """kill -9 of the agent with all its workers, as a power cut would."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # ---- the daemon ------------------------------------------------------------------------------
    def run_daemon(self, fault=None, notify=True, **env):
        if notify:
            self.notify = Notify(self.base / "notify.sock")
            env["NOTIFY_SOCKET"] = str(self.notify.path)
        log = open(self.base / "daemon.log", "ab")
        self.daemon = subprocess.Popen(self.argv("run"), env=self.env(fault, **env), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True, cwd="/")
        log.close()
        if notify:
            wait_until(lambda: self.daemon_alive() and self.notify.has("READY=1"), 20,
                       lambda: "the daemon does not get ready:\n" + self.daemon_log())
        return self.daemon

    def daemon_alive(self):
        assert self.daemon.poll() is None, f"the daemon ended with {self.daemon.returncode}:\n{self.daemon_log()}"
        return True

    def daemon_log(self):
        path = self.base / "daemon.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop_daemon(self, sig=signal.SIGTERM, timeout=30):
        """Stop it; returns its exit status (negative: the signal that ended it)."""
        self.daemon.send_signal(sig)
        code = self.daemon.wait(timeout)
        self.daemon = None
        self.check_sanitizers()
        return code

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait(10)
        self.kill_all()
        if self.notify:
            self.notify.close()

    # ---- comparing -------------------------------------------------------------------------------
    def tree(self):
        """Digest of each file below the state directory, with mode and link target: for "changes nothing"."""
        found = {}
        for p in sorted(self.state.rglob("*")):
            name = str(p.relative_to(self.state))
            s = p.lstat()
            if p.is_symlink():
                found[name] = "-> " + os.readlink(p)
            elif p.is_file():
                found[name] = f"{s.st_mode:o} {hashlib.sha256(p.read_bytes()).hexdigest()}"
            else:
                found[name] = f"{s.st_mode:o}"
        return found

    def check_sanitizers(self):
        no_sanitizer_reports(self.base)


class Notify:
    """The service manager's end of sd_notify."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self.socket.bind(str(self.path))
        self.messages = []

    def read(self):
        while True:
            try:
                self.messages += self.socket.recv(65536).decode(errors="replace").splitlines()
            except BlockingIOError:
                return self.messages

    def has(self, message):
        return any(m.startswith(message) for m in self.read())

    def count(self, message):
        return sum(m.startswith(message) for m in self.read())

    def last(self, key):
        return next((m.split("=", 1)[1] for m in reversed(self.read()) if m.startswith(key + "=")), None)

    def close(self):
        self.socket.close()


class Plan:
    """`plan --json`."""

    def __init__(self, raw):
        self.raw = raw
        self.projects = {p["project"]: p for p in raw["plan"]}

    def action(self, project):
        return self.projects[project]["action"]

    def reasons(self, project):
        return " | ".join(self.projects[project].get("reasons") or [])

    def notes(self, project):
        return " | ".join(self.projects[project].get("notes") or [])

    def services(self, project):
        return sorted(self.projects[project].get("services") or [])

    def changes(self):
        return {n: p["action"] for n, p in self.projects.items() if p["action"] != "keep"}
