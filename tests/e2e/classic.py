"""
A host without a repository: projects that agent.yaml declares, with Compose files of the host. What the NixOS module
writes has this form. Depends on: agent.
"""

import json

from agent import Agent


class Classic(Agent):
    """An agent without a source; `files` is a directory for its Compose files."""

    def __init__(self, base, engine):
        super().__init__(base, engine, "unused")
        self.files = self.base / "files"
        self.files.mkdir(exist_ok=True)
        self.projects = {}
        self.configure(source=None, projects=self.projects)

    def file(self, name, text):
        """A file beside the Compose files, replaced as NixOS would: another file under the same name."""
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(path)

    def declare(self, name, text=None, **settings):
        """Declare or change a project; its Compose file is `<name>.yaml`, or `compose_files` says."""
        if text is not None:
            settings.setdefault("compose_files", [self.file(f"{name}.yaml", text)])
        self.projects[name] = {**self.projects.get(name, {}), **settings}
        self.configure(projects=self.projects)

    def forget(self, *names):
        for name in names:
            del self.projects[name]
        self.configure(projects=self.projects)

    def calls(self, word):
        """Compose calls with this word since the last look at them."""
        return [c for c in self.compose_calls() if word in c]
