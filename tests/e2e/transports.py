"""The three ways to reach a repository, as a source for agent.yaml: url and the other keys that go with it."""

import contextlib
from types import SimpleNamespace

from gitservers import HttpsServer, SshServer

TRANSPORTS = ["file", "https", "ssh"]
TOKEN = "s3cret-token"


@contextlib.contextmanager
def make_source(transport, repo, place):
    """with make_source("https", repo, place) as s: s.url, s.keys, s.server"""
    place.mkdir(parents=True, exist_ok=True)
    if transport == "file":
        yield SimpleNamespace(url=repo.url, keys={}, server=None)
    elif transport == "https":
        token = place / "token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        with HttpsServer(repo.bare.parent, token=TOKEN) as server:
            yield SimpleNamespace(url=server.url(repo.bare.name), server=server,
                                  keys={"token_file": str(token), "ca_file": str(server.ca_file)})
    else:
        with SshServer(place / "ssh") as server:
            yield SimpleNamespace(url=server.url(repo.bare), server=server,
                                  keys={"ssh_key_file": str(server.key_file),
                                        "known_hosts_file": str(server.known_hosts_file)})
