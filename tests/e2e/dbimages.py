"""
Images with real databases, made from this machine's own packages without any registry, and kept as one archive per
family in a directory that outlives a run (MDC_E2E_CACHE), so that only the first run pays for packing.
    pg:1 pg:2 pg:3        PostgreSQL; 2 migrates and is unhealthy, 3 migrates and is healthy (dbs/pg.sh)
    lite:1 lite:2 lite:3  the same with SQLite behind a port (dbs/lite.py)
    recipes:1 :2 :3       an application that keeps rows in PostgreSQL and files in a volume (dbs/recipes.py)
    maria:1 redis:1       the servers alone; sqlite:1 has the program sqlite3
To add an image: a family in FAMILIES.  Depends on: engine; the packages that tests/install.sh installs.
"""

import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from engine import base_layer, tar_of

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("MDC_E2E_CACHE", "/var/tmp/mdct-cache"))
PG = next(iter(sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True)), Path("/usr/lib/postgresql/none"))
USER = 70  # of the databases in their images
ACCOUNTS = f"root:x:0:0::/:/bin/sh\npostgres:x:{USER}:{USER}::/tmp:/bin/sh\n"
# The checks themselves wait until the server is prepared: then one bad answer is a verdict, and none comes too early.
HEALTH = {"Test": ["CMD", "/bin/sh", "/health"], "Interval": 200_000_000, "Timeout": 30_000_000_000, "Retries": 1}


# ---- packing -------------------------------------------------------------------------------------
def libraries(programs):
    """What the dynamic linker loads for them, itself included."""
    out = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return sorted({m for m in re.findall(r"(/\S+\.so\S*)", out) if not m.endswith(":")})


def pack(programs, trees=(), owned=()):
    """A layer: programs with their libraries, files and trees under the names they have here, directories of USER."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        seen = set()

        def directory(name, mode=0o755, owner=0):
            if name in seen or not name:
                return
            directory(name.rpartition("/")[0])
            seen.add(name)
            t = tarfile.TarInfo(name)
            t.type, t.mode, t.uid, t.gid = tarfile.DIRTYPE, mode, owner, owner
            tar.addfile(t)

        def add(path):
            name = str(path).lstrip("/")
            if name in seen:
                return
            directory(name.rpartition("/")[0])
            seen.add(name)
            t = tar.gettarinfo(os.path.realpath(path), name)
            t.uid = t.gid = t.mtime = 0
            t.uname = t.gname = ""
            with open(path, "rb") as f:
                tar.addfile(t, f)

        for p in [*programs, *libraries([os.path.realpath(p) for p in programs])]:
            add(p)
        for tree in trees:
            for p in [tree] if tree.is_file() else sorted(tree.rglob("*")):
                if p.is_file():
                    add(p)
        for d in owned:
            directory(d, 0o700, USER)
        directory("tmp", 0o1777)
    return body.getvalue()


def pg_layer():
    share = Path("/usr/share/postgresql") / PG.name
    trees = [p for p in share.iterdir() if p.name not in ("man", "contrib", "extension")]
    trees += list(share.glob("extension/plpgsql*")) + [Path("/usr/share/zoneinfo/UTC")]
    loaded = [PG / "lib" / n for n in ("plpgsql.so", "dict_snowball.so", "libpqwalreceiver.so")]
    programs = [PG / "bin" / n for n in ("postgres", "initdb", "psql", "pg_isready", "pg_dump", "pg_dumpall")] + loaded
    return pack(programs, trees, ["data"])


def python_layer():
    lib = Path(subprocess.run(["/usr/bin/python3", "-c", "import os; print(os.path.dirname(os.__file__))"],
                              capture_output=True, text=True, check=True).stdout.strip())
    left_out = {"test", "idlelib", "lib2to3", "tkinter", "ensurepip", "pydoc_data", "distutils", "unittest",
                "multiprocessing", "asyncio", "dist-packages"}
    trees = [p for p in lib.iterdir() if p.name not in left_out and not p.name.startswith("config-")]
    modules = [p for p in (lib / "lib-dynload").glob("*.so")]
    return pack([Path("/usr/bin/python3"), *modules], trees, ["data"])


def maria_layer():
    names = ["/usr/sbin/mariadbd", "/usr/bin/mariadb", "/usr/bin/mariadb-dump", "/usr/bin/mariadb-admin"]
    trees = [p for p in Path("/usr/share/mysql").iterdir() if p.suffix == ".sql"]
    trees += [Path("/usr/share/mysql/english"), Path("/usr/share/mysql/charsets")]
    return pack([Path(n) for n in names], trees, ["data"])


def redis_layer():
    return pack([Path("/usr/bin/redis-server"), Path("/usr/bin/redis-cli")], (), ["data"])


def sqlite_layer():
    return pack([Path("/usr/bin/sqlite3")], (), ["data"])


# ---- families ------------------------------------------------------------------------------------
def script(name):
    return (HERE / "dbs" / name).read_text()


def settings(cmd, stop, **more):
    return {"Cmd": cmd, "Env": ["PATH=/bin:/usr/bin:/usr/sbin", "PYTHONDONTWRITEBYTECODE=1"], "StopSignal": stop,
            "User": f"{USER}:{USER}", "WorkingDir": "/tmp", **more}


def pg_image(v):
    files = {"pg.sh": script("pg.sh"), "health": script("pg-health.sh"), "version": v, "etc/passwd": ACCOUNTS,
             "pgbin": ("link", str(PG / "bin"))}
    return files, settings(["/bin/sh", "/pg.sh"], "SIGINT", Healthcheck=HEALTH)


def lite_image(v):
    files = {"lite.py": script("lite.py"), "version": v, "etc/passwd": ACCOUNTS}
    check = {**HEALTH, "Test": ["CMD", "/usr/bin/python3", "-S", "/lite.py", "health"]}
    return files, settings(["/usr/bin/python3", "-S", "/lite.py"], "SIGTERM", Healthcheck=check)


def recipes_image(v):
    files = {"recipes.py": script("recipes.py"), "pgwire.py": (HERE / "pgwire.py").read_text(), "version": v,
             "etc/passwd": ACCOUNTS}
    check = {**HEALTH, "Test": ["CMD", "/usr/bin/python3", "-S", "/recipes.py", "health"]}
    return files, settings(["/usr/bin/python3", "-S", "/recipes.py"], "SIGTERM", Healthcheck=check)


def maria_image(v):
    files = {"maria.sh": script("maria.sh"), "version": v, "etc/passwd": ACCOUNTS,
             "health": "until mariadb-admin -S /tmp/sock -u root ping; do sleep 0.1; done\n"}
    return files, settings(["/bin/sh", "/maria.sh"], "SIGTERM", Healthcheck=HEALTH)


def redis_image(v):
    files = {"health": "until redis-cli -p ${PORT:-6379} ping; do sleep 0.1; done\n", "version": v,
             "etc/passwd": ACCOUNTS}
    run = "exec redis-server --port ${PORT:-6379} --bind 127.0.0.1 --dir /data --appendonly yes --appendfsync always"
    return files, settings(["/bin/sh", "-c", run], "SIGTERM", Healthcheck=HEALTH)


def sqlite_image(v):
    run = "sqlite3 /data/app.db 'pragma journal_mode=wal'; exec sleep 1000000"
    return {"version": v, "etc/passwd": ACCOUNTS}, settings(["/bin/sh", "-c", run], "SIGKILL")


FAMILIES = {  # family -> layer, images of it, versions
    "pg": (pg_layer, {"pg": pg_image}, "123"),
    "python": (python_layer, {"lite": lite_image, "recipes": recipes_image}, "123"),
    "maria": (maria_layer, {"maria": maria_image}, "1"),
    "redis": (redis_layer, {"redis": redis_image}, "1"),
    "sqlite": (sqlite_layer, {"sqlite": sqlite_image}, "1"),
}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def build(family):
    """One archive for `docker load` with all images of a family."""
    make_layer, images, versions = FAMILIES[family]
    common = [base_layer(), make_layer()]
    members = {f"{digest(d)}/layer.tar": d for d in common}
    manifest = []
    for name, make in images.items():
        for v in versions:
            files, config = make(v)
            layers = [*common, tar_of(files)]
            members[f"{digest(layers[-1])}/layer.tar"] = layers[-1]
            described = json.dumps({
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
                "os": "linux", "config": config,
                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(d) for d in layers]}}).encode()
            members[f"{digest(described)}.json"] = described
            manifest.append({"Config": f"{digest(described)}.json", "RepoTags": [f"{name}:{v}"],
                             "Layers": [f"{digest(d)}/layer.tar" for d in layers]})
    members["manifest.json"] = json.dumps(manifest)
    return tar_of(members)


def fingerprint(family):
    """What an archive is made from: the packages' versions and our own files."""
    h = hashlib.sha256(subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], capture_output=True,
                                      check=False).stdout)
    for p in [Path(__file__), HERE / "engine.py", HERE / "pgwire.py", *sorted((HERE / "dbs").iterdir())]:
        if p.is_file():
            h.update(p.read_bytes())
    return f"{family}-{h.hexdigest()[:16]}"


def archive(family):
    path = CACHE / f"{fingerprint(family)}.tar"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"{family}-*"):
            old.unlink(missing_ok=True)
        new = CACHE / f"{path.name}.{os.getpid()}"
        new.write_bytes(build(family))
        new.rename(path)
    return path


def load(engine, *families):
    """Load the images of these families into an engine."""
    for family in families:
        with open(archive(family), "rb") as f:
            size = str(os.fstat(f.fileno()).st_size)
            status, out = engine.call("POST", "/images/load", f,
                                      {"Content-Type": "application/x-tar", "Content-Length": size})
        assert status == 200 and b'"error"' not in out, out


if __name__ == "__main__":
    for wanted in sys.argv[1:] or FAMILIES:
        print(archive(wanted))
