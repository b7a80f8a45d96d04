"""Real git servers on the loopback for tests: a bare repository, git over http(s), git over ssh.

Each class starts something real (git http-backend behind a small TLS server, sshd with its own
configuration) below a directory the test gives, and stops it in close() or at the end of `with`.
Needs: git, openssl, sshd, ssh-keygen. Depends on: nothing but the standard library.

    repo = FileRepo(tmp / "srv" / "site.git")
    repo.commit({"web/compose.yaml": "services: {}\n"}, "first")
    with HttpsServer(tmp / "srv", token="s3cret") as web:
        url, ca = web.url("site.git"), web.ca_file
    with SshServer(tmp / "ssh") as ssh:
        url, key, known = ssh.url(repo.path), ssh.key_file, ssh.known_hosts_file
"""

import base64
import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GIT_ENV = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(*args, cwd=None, stdin=None, env=None):
    """Run git with an environment of our own; its stdout without the last newline."""
    done = subprocess.run(["git", *map(str, args)], cwd=cwd, input=stdin, text=True, check=False,
                          capture_output=True, env={**GIT_ENV, **(env or {})}, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(map(str, args))}: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


class FileRepo:
    """A bare repository with a work tree beside it. commit() pushes: what a person's `git push` does."""

    def __init__(self, path, branch="main"):
        self.path = pathlib.Path(path)
        self.branch = branch
        self.work = self.path.with_name(self.path.name + ".work")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "--bare", "-b", branch, self.path)
        git("init", "-q", "-b", branch, self.work)
        git("remote", "add", "origin", self.path, cwd=self.work)

    @property
    def url(self):
        return f"file://{self.path}"

    def write(self, files):
        """Put files into the work tree; None removes one, a (text, mode) pair sets its mode."""
        for name, text in files.items():
            target = self.work / name
            if text is None:
                target.unlink()
                continue
            mode = 0o644
            if isinstance(text, tuple):
                text, mode = text
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
            target.chmod(mode)

    def commit(self, files, message="change", push=True):
        """Write, commit, push; returns the commit's id."""
        self.write(files)
        git("add", "-A", cwd=self.work)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.work)
        if push:
            self.push()
        return self.head()

    def push(self, force=False):
        git("push", "-q", *(["--force"] if force else []), "origin", f"HEAD:refs/heads/{self.branch}",
            cwd=self.work)

    def reset(self, commit):
        """Force-push an older commit."""
        git("reset", "-q", "--hard", commit, cwd=self.work)
        self.push(force=True)

    def tag(self, name, annotated=True):
        git("tag", *(["-a", "-m", name] if annotated else []), name, cwd=self.work)
        git("push", "-q", "origin", f"refs/tags/{name}", cwd=self.work)

    def delete_branch(self):
        git("update-ref", "-d", f"refs/heads/{self.branch}", cwd=self.path)

    def head(self):
        return git("rev-parse", "HEAD", cwd=self.work)


def make_ca(where, names="DNS:localhost,IP:127.0.0.1", days=3):
    """A CA and a server certificate for these names. Returns (ca, certificate, key). days < 0: it has expired."""
    where = pathlib.Path(where)
    where.mkdir(parents=True, exist_ok=True)
    ca, ca_key = where / "ca.pem", where / "ca.key"
    cert, key, csr, ext = where / "server.pem", where / "server.key", where / "server.csr", where / "ext"

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "3", "-subj", "/CN=test CA",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-keyout", key, "-out", csr, "-subj", "/CN=localhost")
    ext.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", str(days),
            "-extfile", ext, "-out", cert)
    return ca, cert, key


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.server.owner.connections += 1

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def answer(self, body):
        owner = self.server.owner
        owner.requests.append(f"{self.command} {self.path}")
        owner.given.append(self.headers.get("Authorization"))
        if owner.hang.is_set():
            owner.closing.wait(60)
            self.close_connection = True
        elif owner.redirect_to and owner.redirect_when(self):
            self.reply(301, [("Location", owner.redirect_to)], b"")
        elif owner.status:
            self.reply(owner.status, [], b"no\n")
        elif owner.token is not None and self.headers.get("Authorization") != owner.authorization():
            self.reply(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you\n")
        else:
            self.backend(body)

    def backend(self, body):
        path, _, query = self.path.partition("?")
        env = {
            "PATH": GIT_ENV["PATH"], "GIT_PROJECT_ROOT": str(self.server.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1", "REMOTE_USER": "git",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }
        if self.server.owner.protocol_v2:
            env["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True,
                              timeout=120, check=False)
        head, _, out = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((v for k, v in headers if k == "Status"), "200").split()[0]
        self.reply(int(status), [(k, v) for k, v in headers if k != "Status"], out)

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner, context):
        self.owner = owner
        self.context = context
        super().__init__(("127.0.0.1", owner.port), _Handler)

    def get_request(self):
        sock, address = super().get_request()
        if self.context:  # the handshake is made in the connection's own thread, at its first read
            sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, client_address):
        pass


class HttpsServer:
    """git http-backend over https (tls=False: http). Change the attributes below while it runs."""

    def __init__(self, root, token=None, username="git", ca=None, tls=True, port=0):
        self.root = pathlib.Path(root)
        self.token, self.username = token, username  # token None: everybody may read
        self.protocol_v2 = True   # False: answers like a server that knows only version 0
        self.status = None        # answer every request with this status
        self.redirect_to = None   # answer every request with a 301 to this URL
        self.hang = threading.Event()  # set: accept, read the request, say nothing
        self.redirect_when = lambda handler: True
        self.requests, self.connections = [], 0
        self.given = []           # the Authorization header of each request, or None
        self.closing = threading.Event()
        self.ca_file, context = None, None
        self.port = port
        if tls:
            # ca: what make_ca() returned, to share one CA between servers
            self.ca_file, cert, key = ca or make_ca(self.root.with_name(self.root.name + ".tls"))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
        self.scheme = "https" if tls else "http"
        self.server = _Server(self, context)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def authorization(self):
        text = f"{self.username}:{self.token}".encode()
        return "Basic " + base64.b64encode(text).decode()

    def url(self, name, host="localhost"):
        return f"{self.scheme}://{host}:{self.port}/{name}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class SshServer:
    """sshd on a loopback port with its own keys, for the user who runs the test."""

    def __init__(self, root, host_key_type="ed25519", client_key_type="ed25519", port=0):
        self.root = pathlib.Path(root).absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.user = getpass.getuser()
        self.host_key = self.root / "host_key"
        self.key_file = self.root / "client_key"
        self.known_hosts_file = self.root / "known_hosts"
        self.log = self.root / "sshd.log"
        self.process = None
        self.make_key(self.host_key, host_key_type)
        self.make_key(self.key_file, client_key_type)
        shutil.copy(f"{self.key_file}.pub", self.root / "authorized_keys")
        self.trust_host()
        self.start()

    @staticmethod
    def make_key(path, kind):
        for old in (path, pathlib.Path(f"{path}.pub")):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True, timeout=60)

    def trust_host(self, hashed=False):
        """(Re)write known_hosts with the present host key."""
        key = " ".join(pathlib.Path(f"{self.host_key}.pub").read_text().split()[:2])
        self.known_hosts_file.write_text(f"[127.0.0.1]:{self.port},[localhost]:{self.port} {key}\n")
        if hashed:
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(self.known_hosts_file)], check=True,
                           capture_output=True, timeout=60)

    def change_host_key(self, kind="ed25519"):
        """A new host key, as after a reinstallation; known_hosts is left as it was."""
        self.stop()
        self.make_key(self.host_key, kind)
        self.start()

    def start(self):
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        (self.root / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\n"
            f"AuthorizedKeysFile {self.root}/authorized_keys\nPidFile none\nUsePAM no\n"
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
            "SetEnv GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*\n")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", str(self.root / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"sshd did not start: {self.log.read_text()}") from None
                time.sleep(0.02)

    def url(self, path, host="127.0.0.1"):
        return f"ssh://{self.user}@{host}:{self.port}{pathlib.Path(path).absolute()}"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def close(self):
        self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
