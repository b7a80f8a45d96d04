"""docker-registry on 127.0.0.1:5000 of the tests' namespace."""

import http.client
import subprocess
from pathlib import Path

from waiting import wait_until

CONFIG = """version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: 127.0.0.1:5000}}
"""


class Registry:
    host = "127.0.0.1:5000"

    def __init__(self, base, engine):
        self.base, self.engine, self.process = Path(base), engine, None

    def start(self):
        if self.process:
            return
        self.base.mkdir(parents=True, exist_ok=True)
        (self.base / "config.yml").write_text(CONFIG.format(root=self.base / "data"))
        log = open(self.base / "log", "ab")
        self.process = subprocess.Popen(["docker-registry", "serve", str(self.base / "config.yml")],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        wait_until(self.alive, 20, "the registry does not answer")

    def alive(self):
        try:
            c = http.client.HTTPConnection(self.host, timeout=2)
            c.request("GET", "/v2/")
            return c.getresponse().status == 200
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def push(self, local, name):
        """Put a local image there as host/name; returns that name. The local copy under it is removed."""
        full = f"{self.host}/{name}"
        self.engine.tag(local, full)
        self.engine.push(full)
        self.engine.untag(full)
        return full
