"""
The ready-made commands of hooks/before-snapshot, as they are installed, each against the real server: what it writes is
in the snapshot, and the data can be put back from either.
"""

import textwrap
from pathlib import Path

import dbimages
import pytest

from agent import DONE, FAILED
from stacks import port
from waiting import wait_until

HOOKS = Path(__file__).resolve().parents[2] / "hooks" / "before-snapshot"


def manifest(name, service, path=None):
    """The file below a project, with the names a person would change."""
    text = (HOOKS / f"{name}.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    text = "\n".join(lines)
    for given in ("service: db", "service: redis", "service: app"):
        text = text.replace(given, f"service: {service}")
    if path:
        text = text.replace("/data/app.db", path)
    return "version: 1\nprojects:\n  web:\n" + textwrap.indent(text, "    ") + "\n"


class Case:
    def __init__(self, agent, repo, engine):
        self.agent, self.repo, self.engine = agent, repo, engine

    def up(self, hook, image, env, path=None, wait=None):
        env = "".join(f'      {k}: "{v}"\n' for k, v in env.items())
        self.repo.deploy({
            "mdc.yaml": manifest(hook, "app", path),
            "web/compose.yaml": f"services:\n  app:\n    image: {image}\n    network_mode: host\n    environment:\n{env}"
                                "    volumes: [\"store:/data\"]\nvolumes: {store: {}}\n"})
        self.agent.sync(DONE)
        if wait:
            wait_until(lambda: self.try_sh(wait)[0], 60, "the server answers")

    def try_sh(self, line):
        try:
            return True, self.sh(line)
        except Exception as e:  # whatever the engine makes of it: it is not up yet
            return False, str(e)

    def sh(self, line):
        return self.engine.exec(self.engine.one("web").id, "sh", "-c", line)

    def snapshot(self):
        made = self.agent.run("snapshot", "web", "--json").expect(DONE).json()
        assert self.agent.open_work() == []
        return made["id"], Path(made["volumes"][0]["place"])

    def restore(self, snapshot):
        self.agent.run("restore", snapshot, "--yes").expect(DONE)


@pytest.fixture
def case(agent, repo, engine):
    return Case(agent, repo, engine)


def test_postgresql(case):
    dbimages.load(case.engine, "pg")
    number = port()
    sql = f"/pgbin/psql -h /tmp -p {number} -U postgres -qAtX -v ON_ERROR_STOP=1"
    case.up("postgresql", "pg:1", {"PORT": number, "PGPORT": number, "PGHOST": "/tmp", "PGDATA": "/data/db",
                                   "PATH": "/pgbin:/bin:/usr/bin"}, wait=f"{sql} -c 'select 1 from t'")
    case.sh(f"{sql} -c \"create table s(x text); insert into s values ('pearl')\"")
    snapshot, place = case.snapshot()
    assert "pearl" in (place / "db" / "mdc-dump.sql").read_text()
    assert (place / "db" / "mdc-dump.sql").stat().st_mode & 0o077 == 0
    case.sh(f"{sql} -c 'drop table s'")
    case.sh(f"{sql} -f /data/db/mdc-dump.sql -v ON_ERROR_STOP=0")
    assert "pearl" in case.sh(f"{sql} -c 'select x from s'")
    case.sh(f"{sql} -c 'drop table s'")
    case.restore(snapshot)
    wait_until(lambda: case.try_sh(f"{sql} -c 'select x from s'")[0], 60, "the server answers")
    assert "pearl" in case.sh(f"{sql} -c 'select x from s'")


def test_mariadb(case):
    dbimages.load(case.engine, "maria")
    sql = "mariadb -uroot -NB"
    case.up("mariadb", "maria:1", {"MYSQL_UNIX_PORT": "/tmp/sock"}, wait=f"{sql} -e 'select 1'")
    case.sh(f"{sql} -e \"create database s; create table s.t(x text); insert into s.t values ('pearl')\"")
    snapshot, place = case.snapshot()
    assert "pearl" in (place / "db" / "mdc-dump.sql").read_text(errors="replace")
    case.sh(f"{sql} -e 'drop database s'")
    case.sh(f"{sql} </data/db/mdc-dump.sql")
    assert "pearl" in case.sh(f"{sql} -e 'select x from s.t'")
    case.sh(f"{sql} -e 'drop database s'")
    case.restore(snapshot)
    wait_until(lambda: case.try_sh(f"{sql} -e 'select x from s.t'")[0], 60, "the server answers")
    assert "pearl" in case.sh(f"{sql} -e 'select x from s.t'")


def test_redis(case):
    dbimages.load(case.engine, "redis")
    case.up("redis", "redis:1", {"NOTHING": 1}, wait="redis-cli ping")
    case.sh("redis-cli set stone pearl")
    snapshot, place = case.snapshot()
    assert b"pearl" in (place / "dump.rdb").read_bytes()
    case.sh("redis-cli set stone glass")
    case.restore(snapshot)
    wait_until(lambda: case.try_sh("redis-cli get stone")[0], 60, "the server answers")
    assert "pearl" in case.sh("redis-cli get stone")


def test_redis_that_refuses_changes_nothing(case):
    """What the server says is told, and the snapshot is not taken."""
    dbimages.load(case.engine, "redis")
    case.up("redis", "redis:1", {"NOTHING": 1}, wait="redis-cli ping")
    case.sh("redis-cli config set requirepass secret")
    r = case.agent.run("snapshot", "web").expect(FAILED)
    assert "NOAUTH" in r.text and "before_snapshot" in r.text, r
    assert case.agent.run("snapshots", "--json").expect(DONE).json() == []
    assert case.agent.open_work() == [] and case.engine.running("web")


def test_sqlite(case):
    dbimages.load(case.engine, "sqlite")
    case.up("sqlite", "sqlite:1", {"NOTHING": 1}, path="/data/app.db", wait="test -e /data/app.db")
    case.sh("sqlite3 /data/app.db \"create table s(x text); insert into s values ('pearl')\"")
    snapshot, place = case.snapshot()
    assert (place / "app.db.mdc-backup").exists()
    assert "pearl" in case.sh("sqlite3 /data/app.db.mdc-backup 'select x from s'")
    case.sh("sqlite3 /data/app.db 'drop table s'")
    case.restore(snapshot)
    assert "pearl" in case.sh("sqlite3 /data/app.db 'select x from s'")


def test_sqlite_with_python(case):
    dbimages.load(case.engine, "python")
    number = port()
    ask = "/usr/bin/python3 -S -c \"import sqlite3; print(sqlite3.connect('/data/{}').execute('{}').fetchall())\""
    case.up("sqlite-python", "lite:1", {"PORT": number}, path="/data/app.db",
            wait=ask.format("app.db", "select count(*) from t"))
    case.sh(ask.format("app.db", "insert into t values (7, 4711)") .replace(".fetchall())", ".connection.commit())"))
    _, place = case.snapshot()
    assert (place / "app.db.mdc-backup").exists()
    assert "4711" in case.sh(ask.format("app.db.mdc-backup", "select * from t"))
