"""
A real systemd-journald of the tests' own. It runs as a journal namespace in a private mount namespace, whose
/run/systemd/journal is that namespace's (as LogNamespace= of systemd does it): a program started by enter() finds it at
the usual place, and nothing of this machine's journal is touched.
"""

import json
import os
import subprocess
from pathlib import Path

from agent import Agent
from waiting import wait_until

JOURNALD = "/lib/systemd/systemd-journald"
NAMESPACE = "mdct"

SETUP = """
set -e
for dir in /run/log /var/log/journal /var/lib/systemd/catalog /usr/lib/systemd/catalog; do
	mkdir -p $dir
	mount -t tmpfs tmpfs $dir
done
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/journal.$2 /run/systemd/journal
mount --bind /run/systemd/journal.$2 /run/systemd/journal
cp "$3" /usr/lib/systemd/catalog/mdc-agent.catalog
journalctl --update-catalog
exec $1 $2
"""


class Journal:
    """One systemd-journald; read() gives what it has of the agent."""

    def __init__(self, base, catalog):
        base = Path(base)
        base.mkdir(parents=True, exist_ok=True)
        self.catalog = base / "mdc-agent.catalog"
        self.catalog.write_text(catalog)
        self.log = base / "journald.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "slave", "sh", "-c", SETUP, "journald", JOURNALD, NAMESPACE,
                 str(self.catalog)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: self.alive() and self.inside("test", "-S", "/run/systemd/journal/socket").returncode == 0,
                   20, self.log.read_text)

    def alive(self):
        assert self.process.poll() is None, self.log.read_text()
        return os.readlink(f"/proc/{self.process.pid}/exe").endswith("systemd-journald")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def enter(self, *argv):
        """The command line that runs a program where this journal is the journal."""
        return ["nsenter", "--target", str(self.process.pid), "--mount", "--", *argv]

    def inside(self, *argv):
        return subprocess.run(self.enter(*argv), capture_output=True, timeout=60, check=False)

    def journalctl(self, *args):
        self.inside("journalctl", f"--namespace={NAMESPACE}", "--sync")
        r = self.inside("journalctl", f"--namespace={NAMESPACE}", "--no-pager", *args)
        assert r.returncode in (0, 1), r.stderr
        return r.stdout.decode()

    def read(self, *match):
        """Entries of the agent as journalctl -o json gives them, oldest first."""
        text = self.journalctl("-o", "json", "--all", "SYSLOG_IDENTIFIER=mdc-agent", *match)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class JournalAgent(Agent):
    """An agent whose journal is such a journald."""

    journal = None

    def argv(self, *args):
        return self.journal.enter(*super().argv(*args)) if self.journal else super().argv(*args)
