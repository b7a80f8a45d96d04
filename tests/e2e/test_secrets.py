"""Encrypted files of a project: age, sops and a program of the host; where plaintext is and where it is not."""

import base64
import os
import re
import shutil
import subprocess

import pytest

from agent import DONE, LATER, run_plain
from composes import app, unhealthy, yaml
from sandbox import run


class Keys:
    """An age identity of the host, and encrypting to it."""

    def __init__(self, place, name="host"):
        self.file = place / f"{name}.key"
        run("age-keygen", "-o", str(self.file))
        self.file.chmod(0o600)
        self.public = re.search(r"age1\w+", self.file.read_text()).group(0)

    def encrypt(self, text, armor=False):
        r = subprocess.run(["age", "-r", self.public, *(["-a"] if armor else [])], input=text.encode(),
                           capture_output=True, check=True)
        return r.stdout


@pytest.fixture
def keys(place):
    return Keys(place)


@pytest.fixture
def host(agent, keys):
    """An agent whose runtime directory is in memory and which has the key."""
    agent.runtime.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "mdct", str(agent.runtime))
    agent.configure(secrets={"age_key_file": str(keys.file)})
    yield agent
    run("umount", "-l", str(agent.runtime), check=False)


def put(repo, path, data):
    p = repo.work / path
    p.parent.mkdir(parents=True, exist_ok=True)
    p.write_bytes(data)


def mounted(agent, project="web"):
    """Plaintext files of a project in the runtime directory: name -> text."""
    top = agent.runtime / "secrets" / project
    return {str(p.relative_to(top)): p.read_text() for p in top.rglob("*") if p.is_file()} if top.exists() else {}


def files_with(top, needle):
    """Which files below a directory hold these bytes."""
    r = run("grep", "-rlaF", "--", needle, str(top), check=False)
    assert r.returncode in (0, 1), r.stderr
    return r.stdout.split()


SERVICES = yaml("""
    services:
      env:
        image: "app:1"
        network_mode: none
        env_file: [prod.env.age]
      url:
        image: "app:1"
        network_mode: none
        environment: {URL: "postgres://app:${DB_PASSWORD}@db/x"}
      secret:
        image: "app:1"
        network_mode: none
        secrets: [token]
      bind:
        image: "app:1"
        network_mode: none
        volumes: ["./conf/db.conf.age:/conf/db.conf:ro"]
      none:
        image: "app:1"
        network_mode: none
    secrets: {token: {file: ./token.age}}
    """)
MANIFEST = "version: 1\nprojects: {web: {env_files: [project.env.age]}}\n"


def project(repo, keys, env="env-plain-1", url="url$pl'ain-1", secret="secret-plain-1", bind="bind-plain-1", which=None):
    files = {"web/prod.env.age": f"PASSWORD={env}\nEMPTY=\n# comment\n", "web/project.env.age": f"DB_PASSWORD=\"{url}\"\n",
             "web/token.age": secret + "\n", "web/conf/db.conf.age": bind + "\n"}
    for path, text in files.items():
        if which is None or path in which:
            put(repo, path, keys.encrypt(text, armor=path.endswith("token.age")))
    return {"web/compose.yaml": SERVICES, "mdc.yaml": MANIFEST}


def test_age_as_env_file_secret_and_mount(repo, host, engine, keys):
    repo.deploy(project(repo, keys))
    host.sync(DONE)
    assert engine.env("web", "env")["PASSWORD"] == "env-plain-1" and engine.env("web", "env")["EMPTY"] == ""
    assert engine.env("web", "url")["URL"] == "postgres://app:url$pl'ain-1@db/x"
    assert engine.read("web", "/run/secrets/token", "secret") == "secret-plain-1"
    assert engine.read("web", "/conf/db.conf", "bind") == "bind-plain-1"
    assert mounted(host) == {"token.age": "secret-plain-1\n", "conf/db.conf.age": "bind-plain-1\n"}
    for needle in ("env-plain-1", "ain-1@db", "secret-plain-1", "bind-plain-1"):
        assert not [f for f in files_with(host.base, needle) if not f.startswith(str(host.runtime))]
    assert len(files_with(host.base, "secret-plain-1")) == 1, "the search finds what is there"
    top = host.runtime / "secrets"
    assert top.stat().st_mode & 0o777 == 0o700, "nobody else gets to it"


def test_a_change_recreates_the_services_concerned(repo, host, engine, keys):
    repo.deploy(project(repo, keys))
    host.sync(DONE)
    ids = engine.ids("web")
    repo.deploy(project(repo, keys, secret="secret-plain-2", which=["web/token.age"]))
    host.sync(DONE)
    after = engine.ids("web")
    assert {s for s in ids if ids[s] != after[s]} == {"secret"}
    assert engine.read("web", "/run/secrets/token", "secret") == "secret-plain-2"
    repo.deploy(project(repo, keys, env="env-plain-2", which=["web/prod.env.age"]))
    plan = host.plan()
    assert "PASSWORD" in plan.reasons("web") and "plain" not in plan.reasons("web")
    host.sync(DONE)
    last = engine.ids("web")
    assert {s for s in ids if last[s] != after[s]} == {"env"}
    repo.deploy({"web/README": "nothing that a container sees\n"})
    host.sync(DONE)
    assert engine.ids("web") == last


def test_a_failed_change_goes_back_with_its_secrets(repo, host, engine, keys):
    put(repo, "web/token.age", keys.encrypt("one"))
    with_secret = 'secrets: [token]\n'
    top = "secrets: {token: {file: ./token.age}}\n"
    repo.deploy({"web/compose.yaml": app(1, with_secret) + top})
    host.sync(DONE)
    put(repo, "web/token.age", keys.encrypt("two"))
    repo.deploy({"web/compose.yaml": unhealthy(2, with_secret) + top})
    host.sync()
    assert engine.version("web") == "1" and engine.read("web", "/run/secrets/token") == "one"
    assert mounted(host) == {"token.age": "one"}
    put(repo, "web/token.age", keys.encrypt("three"))
    repo.deploy({"web/compose.yaml": app(2, with_secret) + top})
    host.sync(DONE)
    assert engine.read("web", "/run/secrets/token") == "three"
    host.rollback().expect(DONE)
    assert engine.version("web") == "1" and engine.read("web", "/run/secrets/token") == "one"


def test_a_rotated_key_stops_the_deployment_before_it_touches_anything(repo, host, engine, keys, place):
    repo.deploy(project(repo, keys))
    host.sync(DONE)
    before, tree = engine.snapshot()["containers"], mounted(host)
    new = Keys(place, "new")
    host.configure(secrets={"age_key_file": str(new.file)})
    # The new version is readable with the new key, what runs is not: there would be no way back.
    repo.deploy(project(repo, new, env="env-plain-2"))
    r = host.sync(LATER)
    assert "way back" in r.text and "web/" in r.text and ".age" in r.text and "age_key_file" in r.text, r
    assert engine.snapshot()["containers"] == before and mounted(host) == tree and not host.marks()
    # Both keys in the file: that is how a key is rotated.
    new.file.write_text(keys.file.read_text() + new.file.read_text())
    host.sync(DONE)
    assert engine.env("web", "env")["PASSWORD"] == "env-plain-2"


@pytest.mark.parametrize("case", ["other key", "no key", "key missing", "key for all", "garbage"])
def test_what_cannot_be_decrypted_is_said(case, repo, host, engine, keys, place):
    repo.deploy({"web/compose.yaml": app()})
    host.sync(DONE)
    before = engine.snapshot()["containers"]
    files = project(repo, Keys(place, "stranger") if case == "other key" else keys)
    if case == "no key":
        host.configure(secrets={})
    elif case == "key missing":
        host.configure(secrets={"age_key_file": "/nonexistent/key"})
    elif case == "key for all":
        keys.file.chmod(0o644)
    elif case == "garbage":
        put(repo, "web/token.age", b"not encrypted at all\n")
    repo.deploy(files)
    r = host.sync(LATER)
    words = {"other key": "no identity matched any of the recipients", "no key": "set secrets.age_key_file", "key missing": "/nonexistent/key",
             "key for all": "chmod 600", "garbage": "web/token.age"}
    assert words[case] in r.text and "web/" in r.text, r
    assert "filippo" not in r.text and "not encrypted at all" not in r.text, "neither advice nor what lies in a file"
    assert engine.snapshot()["containers"] == before and not host.marks()


def test_files_for_other_hosts_are_left_alone(repo, host, engine, place):
    put(repo, "web/server2.env.age", Keys(place, "stranger").encrypt("A=1\n"))
    repo.deploy({"web/compose.yaml": app()})
    host.sync(DONE)


def test_an_env_file_that_is_none(repo, host, keys):
    put(repo, "web/prod.env.age", keys.encrypt("A=1\nthis is no assignment\n"))
    repo.deploy({"web/compose.yaml": app(extra="env_file: [prod.env.age]\n")})
    r = host.sync()
    assert "prod.env.age" in r.text and "NAME=value" in r.text and "no assignment" not in r.text, r


def test_a_runtime_directory_on_a_disk_is_refused(repo, agent, engine, keys):
    agent.configure(secrets={"age_key_file": str(keys.file)})
    repo.deploy(project(repo, keys))
    r = agent.sync()
    assert "tmpfs" in r.text and not engine.containers("web"), r
    assert files_with(agent.base, "plain-1") == []


def test_a_program_of_the_host(repo, host, engine, place):
    program = place / "get-secret"
    program.write_text("#!/bin/sh\n[ \"$1\" = kv/db ] && echo from-elsewhere || { echo \"no such: $1\" >&2; exit 3; }\n")
    program.chmod(0o755)
    host.configure(secrets={"exec": str(program)})
    repo.deploy({"web/db.secret": "kv/db\n", "web/compose.yaml": app(extra="secrets: [db]\n") +
                 "secrets: {db: {file: ./db.secret}}\n"})
    host.sync(DONE)
    assert engine.read("web", "/run/secrets/db") == "from-elsewhere"
    repo.deploy({"web/db.secret": "kv/other\n"})
    r = host.sync(LATER)
    assert "no such: kv/other" in r.text and "web/db.secret" in r.text, r


def test_after_a_boot_they_are_there_before_the_engine(repo, host, engine, keys):
    repo.deploy(project(repo, keys))
    host.sync(DONE)
    there = mounted(host)
    run("umount", "-l", str(host.runtime))
    run("mount", "-t", "tmpfs", "mdct", str(host.runtime))
    assert mounted(host) == {}
    broken = host.runtime / "secrets/web/token.age"
    broken.mkdir(parents=True)  # what the engine leaves if it was first
    host.run("secrets").expect(DONE)
    assert mounted(host) == there
    run("umount", "-l", str(host.runtime))
    run("mount", "-t", "tmpfs", "mdct", str(host.runtime))
    host.sync(DONE)
    assert mounted(host) == there, "the first sync does it too"


def test_removed_with_the_project(repo, host, engine, keys):
    repo.deploy({**project(repo, keys), "other/compose.yaml": app()})
    host.sync(DONE)
    repo.deploy({"mdc.yaml": "version: 1\n"}, remove=["web"])
    host.sync(DONE)
    assert not (host.runtime / "secrets/web").exists()


SOPS_STAND_IN = r"""#!/usr/bin/python3
# Stands in for sops where that is not installed: the same command line, environment and kinds of files, values in age.
import base64, os, re, subprocess, sys
assert sys.argv[1] == "--decrypt", sys.argv
text = open(sys.argv[2], encoding="utf-8").read()
def plain(m):
    r = subprocess.run(["age", "--decrypt", "-i", os.environ["SOPS_AGE_KEY_FILE"]], input=base64.b64decode(m.group(1)),
                       capture_output=True)
    if r.returncode:
        sys.exit('''Failed to get the data key required to decrypt the SOPS file.

Group 0: FAILED
  age1xyz: FAILED
    - | failed to create reader for decrypting sops data key with
      | age: no identity matched any of the recipients

Recovery failed because no master key was able to decrypt the file. In
order for SOPS to recover the file, at least one key has to be successful,
but none were.''')
    return r.stdout.decode()
out = re.sub(r"ENC\[([^\]]+)\]", plain, text)
if out == text:
    sys.exit("sops metadata not found")
print(out, end="")
"""


def sops_file(keys, name, text, place):
    """Encrypted by sops where it is installed, else as the stand-in reads it: each value by itself."""
    if shutil.which("sops"):
        source = place / name.replace(".sops", "")
        source.write_text(text)
        kind = {"env": "dotenv", "yaml": "yaml"}[name.rpartition(".")[2]]
        return run("sops", "--encrypt", "--age", keys.public, "--input-type", kind, "--output-type", kind,
                   str(source)).stdout.encode()
    sealed = [re.sub(r"([=:] ?)(\S+)$", lambda m: m.group(1) + "ENC[" + base64.b64encode(keys.encrypt(m.group(2))).decode()
                     + "]", line) for line in text.splitlines()]
    return ("\n".join(sealed) + "\n").encode()


def test_sops_env_file_and_yaml(repo, host, engine, keys, place, monkeypatch):
    if not shutil.which("sops"):
        (place / "bin").mkdir()
        (place / "bin/sops").write_text(SOPS_STAND_IN)
        (place / "bin/sops").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(shutil, "which", lambda name, *a, **k: None)
    put(repo, "web/prod.sops.env", sops_file(keys, "prod.sops.env", "PASSWORD=sops-plain-1\n", place))
    put(repo, "web/db.sops.yaml", sops_file(keys, "db.sops.yaml", "password: sops-plain-2\n", place))
    repo.deploy({"web/compose.yaml": app(extra="env_file: [prod.sops.env]\nsecrets: [db]\n") +
                 "secrets: {db: {file: ./db.sops.yaml}}\n"})
    host.sync(DONE)
    assert engine.env("web")["PASSWORD"] == "sops-plain-1"
    assert engine.read("web", "/run/secrets/db") == "password: sops-plain-2"
    assert files_with(host.state, "sops-plain") == []
    host.configure(secrets={"age_key_file": str(Keys(place, "stranger").file)})
    put(repo, "web/db.sops.yaml", sops_file(keys, "db.sops.yaml", "password: sops-plain-3\n", place))
    repo.deploy()
    r = host.sync(LATER)
    assert "web/" in r.text and ".sops." in r.text and "cannot be decrypted" in r.text, r
    assert "age: no identity matched any of the recipients; has this host" in r.text, r


@pytest.mark.skipif(not shutil.which("sops"), reason="there is no sops here")
def test_kinds_of_the_real_sops(repo, host, engine, keys, place):
    """Every format, values that need care, a rotated key, a file changed by hand and one that was never encrypted."""
    texts = {"a.sops.env": "A=x y\nB=\"q\"\nC=p$w'x\n", "b.sops.yaml": "user: app\npassword: plain-b\n",
             "c.sops.json": '{"password": "plain-c"}\n', "d.sops.ini": "[db]\npassword = plain-d\n", "e.sops.bin": "plain-e \u00e9\n"}

    def seal(key, **changed):
        for name, text in {**texts, **changed}.items():
            plain = place / name
            plain.write_text(text)
            put(repo, f"web/{name}", run("sops", "--encrypt", "--age", key.public, str(plain)).stdout.encode())

    names = [n for n in texts if n != "a.sops.env"]
    secrets = "secrets: {" + ", ".join(f"s{i}: {{file: ./{n}}}" for i, n in enumerate(names)) + "}\n"
    compose = app(extra=f"env_file: [a.sops.env]\nsecrets: [{', '.join(f's{i}' for i in range(len(names)))}]\n") + secrets
    seal(keys)
    repo.deploy({"web/compose.yaml": compose})
    host.sync(DONE)
    env = engine.env("web")
    assert (env["A"], env["B"], env["C"]) == ("x y", "q", "p$w'x"), env
    got = {n: engine.read("web", f"/run/secrets/s{i}") for i, n in enumerate(names)}
    assert got["e.sops.bin"] == "plain-e \u00e9" and got["b.sops.yaml"] == "user: app\npassword: plain-b", got
    assert "plain-c" in got["c.sops.json"] and "plain-d" in got["d.sops.ini"], got
    assert not files_with(host.state, "plain-")
    before = engine.snapshot()["containers"]
    new = Keys(place, "new")
    seal(new, **{"b.sops.yaml": "user: app\npassword: plain-2\n"})
    repo.deploy()
    assert "no identity matched" in host.sync(LATER).text and engine.snapshot()["containers"] == before
    host.configure(secrets={"age_key_file": str(new.file)})
    assert "way back" in host.sync(LATER).text and engine.snapshot()["containers"] == before
    new.file.write_text(keys.file.read_text() + new.file.read_text())
    host.sync(DONE)
    assert "plain-2" in engine.read("web", "/run/secrets/s0")
    before = engine.snapshot()["containers"]
    good = (repo.work / "web/b.sops.yaml").read_text()
    for text in (re.sub(r"password: ENC\[.*\]", "password: by-hand", good), "password: never-encrypted\n"):
        put(repo, "web/b.sops.yaml", text.encode())
        repo.deploy()
        r = host.sync(LATER)
        assert "b.sops.yaml cannot be decrypted" in r.text and "by-hand" not in r.text and "never-enc" not in r.text, r
    assert engine.snapshot()["containers"] == before


def test_check_needs_no_key(repo, keys):
    project(repo, keys)
    repo.write("web/compose.yaml", SERVICES)
    repo.write("mdc.yaml", MANIFEST)
    r = run_plain(repo.base, "check", str(repo.work))
    assert r.code == DONE and "encrypted files" in r.text, r
