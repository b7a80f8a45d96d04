"""Keys and signatures for tests of `verify`: real ssh-keygen, gpg and git."""

import os
import subprocess
from pathlib import Path

from repo import ENV, Repo

PAYLOAD_END = "-----END SSH SIGNATURE-----"


def run(*args, cwd="/", stdin=None, check=True, **env):
    r = subprocess.run([str(a) for a in args], cwd=cwd, input=stdin, capture_output=True, timeout=60,
                       env={**ENV, "HOME": "/nonexistent", **env})
    assert not check or r.returncode == 0, f"{args}: {r.stderr.decode(errors='replace')}"
    return r.stdout


class SshKey:
    format = "ssh"

    def __init__(self, base, name, kind="ed25519"):
        self.name = name
        self.file = Path(base) / name
        bits = {"rsa": ["-b", "2048"]}.get(kind, [])
        run("ssh-keygen", "-q", "-t", kind, *bits, "-N", "", "-C", name, "-f", self.file)

    @property
    def public(self):
        return " ".join(self.file.with_suffix(".pub").read_text().split()[:2])

    def line(self, options=""):
        """For allowed_signers."""
        return f"{self.name}@example.org {options + ' ' if options else ''}{self.public}\n"

    def git(self):
        return ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.file}"], {}

    def sign(self, payload, namespace="git"):
        return run("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.file, stdin=payload)


class GpgKey:
    format = "openpgp"

    def __init__(self, base, name, kind="ed25519", expire="never", at=None):
        """`at`: the clock while it is made, as "20200101T000000"."""
        self.name, self.home = name, Path(base) / f"gnupg-{name}"
        self.home.mkdir(mode=0o700)
        fake = ["--faked-system-time", at] if at else []
        self.gpg(*fake, "--passphrase", "", "--quick-gen-key", f"{name} <{name}@example.org>", kind, "sign", expire)
        lines = self.gpg("--with-colons", "--list-keys").decode().splitlines()
        self.fingerprint = next(x.split(":")[9] for x in lines if x.startswith("fpr:"))

    def gpg(self, *args, stdin=None, check=True):
        return run("gpg", "--homedir", self.home, "--batch", "--no-tty", "--pinentry-mode", "loopback", *args,
                   stdin=stdin, check=check, GNUPGHOME=str(self.home))

    def export(self, path):
        Path(path).write_bytes(self.gpg("--armor", "--export", self.fingerprint))
        return str(path)

    def revoke(self):
        """With the certificate that gpg makes for each key; its first colon keeps it from working by accident."""
        cert = (self.home / "openpgp-revocs.d" / f"{self.fingerprint}.rev").read_text()
        self.gpg("--import", stdin=cert.replace("\n:-----BEGIN", "\n-----BEGIN").encode())

    def git(self):
        return ["-c", "gpg.format=openpgp", "-c", f"user.signingkey={self.fingerprint}"], {"GNUPGHOME": str(self.home)}

    def sign(self, payload, at=None):
        fake = ["--faked-system-time", at] if at else []
        return self.gpg(*fake, "--passphrase", "", "--armor", "--detach-sign", "-u", self.fingerprint, stdin=payload)

    def close(self):
        run("gpgconf", "--homedir", self.home, "--kill", "all", check=False)


class SignedRepo(Repo):
    """A config repository whose commits and tags are signed by whoever the test says."""

    def signed(self, key, *args, when=None, cwd=None):
        options, env = key.git() if key else ([], {})
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        return run("git", *options, *args, cwd=cwd or self.work, **env, **dates).decode().strip()

    def push_signed(self, key, files=None, message="change", when=None, push=True):
        """Write files, commit signed by key (None: unsigned), push; the commit."""
        for path, text in (files or {}).items():
            self.write(path, text)
        self.git("add", "-A")
        self.signed(key, "commit", "-q", "--allow-empty", "-m", message, *(["-S"] if key else []), when=when)
        if push:
            self.push()
        return self.head()

    def raw(self, what="HEAD", kind="commit"):
        return run("git", "cat-file", kind, what, cwd=self.work)

    def unsigned(self, when=None):
        """The bytes of a commit on HEAD with all that is staged, to be signed by hand."""
        self.git("add", "-A")
        tree = self.git("write-tree")
        made = self.signed(None, "commit-tree", tree, "-p", "HEAD", "-m", "by hand", when=when)
        return self.raw(made)

    def store(self, raw, kind="commit"):
        return run("git", "hash-object", "-t", kind, "-w", "--literally", "--stdin", cwd=self.work,
                   stdin=raw).decode().strip()

    def publish(self, commit, branch="main"):
        """Let the branch be this commit, whatever it was."""
        self.git("reset", "-q", "--hard", commit)
        self.push("--force")
        return commit

    def tag(self, key, name, at="HEAD", message="release"):
        self.signed(key, "tag", *(["-s"] if key else ["-a"]), "-m", message, name, at)
        self.git("push", "-q", "origin", f"refs/tags/{name}")
        return self.git("rev-parse", f"refs/tags/{name}")

    def set_ref(self, ref, object_id):
        """Move a ref of the server by hand, as somebody who owns the server does."""
        if os.path.exists(self.bare):
            run("git", "update-ref", ref, object_id, cwd=self.bare)


def with_signature(raw, *signatures):
    """Put signatures into a commit's headers, as Git does: further lines begin with a space."""
    head, rest = raw.split(b"\n\n", 1)
    for s in signatures:
        lines = s.rstrip(b"\n").split(b"\n")
        head += b"\ngpgsig " + b"\n ".join(lines)
    return head + b"\n\n" + rest
