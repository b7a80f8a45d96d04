"""
A Nix store of the tests' own: a mount namespace in which /nix is an empty directory, so that a garbage collection
there concerns nobody else. Programs are run in it by nsenter. Depends on: agent, classic.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from classic import Classic
from waiting import wait_until

NIX_CONF = "substituters =\nsandbox = false\nbuild-users-group =\nexperimental-features = nix-command flakes\n"


class NixStore:
    def __init__(self, base):
        if not shutil.which("nix-store"):
            pytest.skip("no nix on this machine: tests/install.sh installs nix-bin")
        self.base = Path(base)
        self.root = self.base / "nix"
        self.root.mkdir(parents=True)
        self.conf = self.base / "nix-conf"
        self.conf.mkdir()
        (self.conf / "nix.conf").write_text(NIX_CONF)
        Path("/nix").mkdir(exist_ok=True)
        ready = self.base / "ready"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f"mount --bind {self.root} /nix && touch {ready} && exec sleep 3600"], stdin=subprocess.DEVNULL)
        wait_until(ready.exists, 20, "no mount namespace")

    def enter(self, *argv):
        return [shutil.which("nsenter"), f"--mount=/proc/{self.holder.pid}/ns/mnt", *argv]

    def env(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.base), "NIX_CONF_DIR": str(self.conf),
                "NIX_REMOTE": "local"}

    def run(self, *argv, check=True):
        r = subprocess.run(self.enter(*argv), env=self.env(), cwd=self.base, capture_output=True, text=True,
                           timeout=120)
        assert not check or r.returncode == 0, f"{argv}: {r.stderr}"
        return r.stdout.strip() if check else r

    def add(self, name, data):
        """A file in the store; its path."""
        path = self.base / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return self.run("nix-store", "--add", str(path))

    def build(self, name, script, **inputs):
        """A derivation built by /bin/sh, offline; its path. Inputs become variables of the script."""
        more = "".join(f'  {k} = builtins.storePath "{v}";\n' for k, v in inputs.items())
        text = ("derivation {\n  system = builtins.currentSystem;\n" f'  name = "{name}";\n' '  builder = "/bin/sh";\n'
                f"  args = [ \"-c\" ''\n{script}\n'' ];\n{more}}}\n")
        (self.base / f"{name}.nix").write_text(text)
        return self.run("nix-build", "--no-out-link", "--option", "substituters", "", str(self.base / f"{name}.nix"))

    def alive(self, path):
        return (self.root / Path(path).relative_to("/nix")).exists()

    def collect(self):
        self.run("nix-collect-garbage")

    def close(self):
        self.holder.kill()
        self.holder.wait(10)


class NixAgent(Classic):
    """An agent that lives where /nix is the tests' store."""

    def __init__(self, base, engine, nix):
        self.nix = nix
        super().__init__(base, engine)
        state = hashlib.sha256(str(self.state).encode()).hexdigest()[:8]
        self.roots = nix.root / f"var/nix/gcroots/mdc-agent/state-{state}"

    def argv(self, *args):
        return self.nix.enter(*super().argv(*args))

    def env(self, fault=None, **more):
        return super().env(fault, NIX_CONF_DIR=str(self.nix.conf), NIX_REMOTE="local", **more)

    def rooted(self):
        """Names of the store paths that are held for this agent."""
        return sorted({p.name.partition("-")[2] for p in self.roots.glob("*/*")})
