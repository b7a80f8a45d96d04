"""
A NixOS host as far as the agent sees it: configurations are evaluated by Nix with the mini library of tests/nixos, and what the
module writes for agent.yaml is what the agent gets, but for the places that belong to the test.
Depends on: agent, nix-bin.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from agent import ROOT, Agent

HERE = ROOT / "tests" / "nixos"
CONFIG = "build-users-group =\nsubstituters =\nexperimental-features = nix-command flakes\nsandbox = false\n"


def have_nix():
    return shutil.which("nix-build") is not None


class NixHost(Agent):
    """switch("...") takes what stands after `services.managedDockerCompose =`; `pkgs`, `khepri` and `here` are in scope."""

    def __init__(self, base, engine, store):
        super().__init__(base, engine, "unused")
        self.store = Path(store)
        self.store.mkdir(parents=True, exist_ok=True)
        self.files = self.base / "files"
        self.files.mkdir(exist_ok=True)
        self.local = {k: v for k, v in self.settings.items() if k != "source"}

    def file(self, name, text):
        """A file beside the configuration, for `here + "/name"`."""
        (self.files / name).write_text(text)
        return str(self.files / name)

    def nix(self, *args):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.store), "XDG_CACHE_HOME": str(self.store / "cache"),
               "NIX_STORE_DIR": str(self.store / "store"), "NIX_STATE_DIR": str(self.store / "var"),
               "NIX_LOG_DIR": str(self.store / "log"), "NIX_CONF_DIR": str(self.store / "etc"), "NIX_CONFIG": CONFIG}
        r = subprocess.run(args, env=env, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        assert r.returncode == 0, r.stderr
        return r.stdout.strip()

    def build(self, settings):
        """The file that NixOS links to /etc/mdc-agent/agent.yaml."""
        return self.nix("nix-build", "--no-out-link", "--expr", f"""
            let
              world = import ./world.nix;
              inherit (world) lib pkgs;
              here = "{self.files}";
              khepri = import ./khepri.nix {{ inherit pkgs; image = "app:1"; }};
              e = world.eval ({settings}) [ ];
            in if e.wrong == [ ] then e.config.services.managedDockerCompose.configFile
               else throw (lib.concatStringsSep "\\n" e.wrong)""")

    def activate(self, settings):
        """agent.yaml is replaced; nobody has read it yet."""
        self.settings = {**json.loads(Path(self.build(settings)).read_text()), **self.local}
        self.configure()

    def switch(self, settings, *codes):
        """nixos-rebuild switch, and the sync that follows the reload."""
        self.activate(settings)
        return self.sync(*codes)

    def configure(self, **changes):
        """The test's own places, laid over what the module wrote."""
        self.settings.setdefault("defaults", {}).update({"health": {"timeout": "20s", "settle": "300ms"}})
        super().configure(**changes)
