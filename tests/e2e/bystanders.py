"""
Containers that are not the agent's: a plain one and a Compose project that somebody started by hand, with a network
and a volume. They run during all tests, and after each test they must be the very same.
"""

NAMES = {"stranger", "strangers-web-1", "strangers-db-1"}
FILE = """
services:
  web: {image: "bystander:1", restart: always, labels: {mine: "yes"}}
  db: {image: "bystander:1", restart: always, network_mode: none, volumes: ["kept:/data"]}
volumes: {kept: {}}
"""


class Bystanders:
    def __init__(self, base, engine):
        self.engine, self.restarts = engine, 0
        engine.image("bystander:1")
        engine.create("stranger", "bystander:1", ["sleep", "1000000"], NetworkMode="none",
                      RestartPolicy={"Name": "always"})
        base.mkdir(parents=True, exist_ok=True)
        (base / "compose.yaml").write_text(FILE)
        r = engine.compose_run("-p", "strangers", "-f", str(base / "compose.yaml"), "up", "-d")
        assert r.returncode == 0, r.stderr
        engine.exec(engine.one("strangers", "db").id, "touch", "/data/precious")
        self.volumes, self.networks = ["strangers_kept"], ["strangers_default"]
        self.before = self.look()
        self.ids = {state[0] for state in self.before.values()}

    def look(self):
        found = {}
        for c in self.engine.containers():
            if c.name in NAMES:
                i = self.engine.inspect(c.id)
                found[c.name] = (c.id, i["State"]["StartedAt"], c.state)
        return found

    def check(self):
        now = self.look()
        if self.engine.restarts != self.restarts:
            # The engine itself ended them: then only who they are counts, and from here on the new start times.
            self.restarts = self.engine.restarts
            assert {k: v[0] for k, v in now.items()} == {k: v[0] for k, v in self.before.items()}
            self.before = now
        assert now == self.before, "containers that are not the agent's were touched"
        assert set(self.volumes) <= set(self.engine.volumes())
        assert set(self.networks) <= set(self.engine.networks())
        assert self.engine.exec(self.engine.one("strangers", "db").id, "ls", "/data") == "precious"
