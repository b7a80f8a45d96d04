"""
Config repositories with any number of projects, made in one go through git fast-import. The Compose files are written
as JSON, which is YAML, so that the fake Compose can print them as the resolved model.
"""

import json
import subprocess
from pathlib import Path

from gitservers import GIT_ENV, git


def name(i):
    return f"p{i:05d}"


def compose_text(i, version=1):
    """About fifty lines, as measured in repositories of real life: two services, settings, a mounted file, a health check."""
    def service(which):
        return {
            "image": "app:1",
            "network_mode": "none",
            "restart": "unless-stopped",
            "environment": {"NAME": f"{name(i)}-{which}", "VERSION": str(version), "TZ": "Europe/Berlin",
                            "LOG_LEVEL": "info", "CACHE_SIZE": "64"},
            "labels": {"org.example.team": "home", "org.example.tier": which},
            "volumes": [{"type": "bind", "source": "./app.conf", "target": "/etc/app.conf", "read_only": True}],
        }
    return json.dumps({"name": name(i), "services": {"app": service("app"), "job": service("job")}}, indent=2) + "\n"


class BulkRepo:
    """A bare repository with n projects; change() commits a new version of one of them."""

    def __init__(self, path, n):
        self.bare, self.n = Path(path), n
        self.versions = {}
        git("init", "-q", "--bare", "-b", "main", self.bare)
        files = []
        for i in range(n):
            files += self._files(i, 1)
        self._import("everything", files, first=True)

    @property
    def url(self):
        return f"file://{self.bare}"

    @staticmethod
    def _files(i, version):
        d = name(i)
        return [(f"{d}/compose.yaml", compose_text(i, version)), (f"{d}/.env", f"PROJECT={d}\nDOMAIN=example.org\n"),
                (f"{d}/app.conf", f"# settings of {d}\nversion = {version}\n" + "key = value\n" * 20)]

    def _import(self, message, files, first=False):
        out = [b"commit refs/heads/main\ncommitter Ada <ada@example.org> now\n", self._data(message)]
        if not first:
            out.append(b"from refs/heads/main^0\n")
        for path, text in files:
            out += [f"M 100644 inline {path}\n".encode(), self._data(text)]
        subprocess.run(["git", "fast-import", "--quiet", "--date-format=now", "--force"], cwd=self.bare,
                       env=GIT_ENV, input=b"".join(out), check=True, capture_output=True)

    @staticmethod
    def _data(text):
        raw = text.encode()
        return b"data %d\n" % len(raw) + raw + b"\n"

    def change(self, i=0):
        """A new version of project i: environment, mounted file."""
        self.versions[i] = self.versions.get(i, 1) + 1
        self.put({path: text for path, text in self._files(i, self.versions[i]) if not path.endswith(".env")})

    def put(self, files, message="change"):
        self._import(message, list(files.items()))

    def head(self):
        return git("rev-parse", "main", cwd=self.bare)
