"""A config repository: a work tree and the bare repository that the agent watches."""

import os
import shutil
import subprocess
from pathlib import Path

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
       "GIT_AUTHOR_NAME": "Someone", "GIT_AUTHOR_EMAIL": "someone@example.org",
       "GIT_COMMITTER_NAME": "Someone", "GIT_COMMITTER_EMAIL": "someone@example.org"}


class Repo:
    def __init__(self, base, name="config"):
        self.base = Path(base)
        self.bare = self.base / f"{name}.git"
        self.work = self.base / f"{name}-work"
        self.base.mkdir(parents=True, exist_ok=True)
        self._run("git", "init", "-q", "--bare", "-b", "main", str(self.bare), cwd=self.base)
        self._run("git", "config", "receive.denyDeleteCurrent", "ignore", cwd=self.bare)
        self._run("git", "init", "-q", "-b", "main", str(self.work), cwd=self.base)
        self.git("remote", "add", "origin", str(self.bare))

    @property
    def url(self):
        return f"file://{self.bare}"

    @staticmethod
    def _run(*args, cwd):
        r = subprocess.run(args, cwd=cwd, env=ENV, capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, f"{' '.join(args)}: {r.stderr}"
        return r.stdout.strip()

    def git(self, *args):
        return self._run("git", *args, cwd=self.work)

    def write(self, path, text, mode=None):
        p = self.work / path
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text)
        if mode:
            p.chmod(mode)

    def remove(self, path):
        p = self.work / path
        shutil.rmtree(p) if p.is_dir() else p.unlink()

    def move(self, old, new):
        (self.work / new).parent.mkdir(parents=True, exist_ok=True)
        (self.work / old).rename(self.work / new)

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self):
        return self.git("rev-parse", "HEAD")

    def push(self, *extra):
        self.git("push", "-q", *extra, "origin", "HEAD:main")

    def deploy(self, files=None, message="change", remove=()):
        """Write (path -> text), remove, commit and push in one go; returns the commit."""
        for path in remove:
            self.remove(path)
        for path, text in (files or {}).items():
            self.write(path, text)
        commit = self.commit(message)
        self.push()
        return commit

    def reset(self, commit):
        self.git("reset", "-q", "--hard", commit)

    def force_push(self):
        self.push("--force")

    def delete_branch(self, branch="main"):
        self.git("push", "-q", "origin", f":{branch}")
