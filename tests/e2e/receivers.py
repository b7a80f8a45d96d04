"""
Receivers of reports: HTTP(S) servers that keep what they get and answer as a test wants.

    r = Receiver()              # on 127.0.0.1; r.url, r.requests, r.bodies()
    r.mode = "500"              # ok, hang, close, endless, redirect, a status as text
    r.stop(); r.start()         # the same port
Depends on: gitservers (for certificates).
"""

import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gitservers import make_ca
from waiting import wait_until


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def take(self):
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        with owner.lock:
            owner.seen.append(request)
            mode = owner.mode(request) if callable(owner.mode) else owner.mode
            if mode == "ok":
                owner.requests.append(request)
        getattr(self, "do_" + mode, lambda: self.say(int(mode)))()

    do_POST = do_PUT = do_GET = take

    def say(self, status, body=b"{}", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_ok(self):
        self.say(self.server.owner.status)

    def do_hang(self):
        self.server.owner.gone.wait(60)
        self.close_connection = True

    def do_close(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def do_redirect(self):
        self.say(307, Location=self.server.owner.target)

    def do_endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while not self.server.owner.gone.is_set():
                self.wfile.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        except OSError:
            pass
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # a client that gave up


class Receiver:
    def __init__(self, mode="ok", status=200, tls=None):
        self.mode, self.status, self.target = mode, status, None
        self.seen, self.requests = [], []  # every try, and what was taken
        self.lock, self.gone = threading.Lock(), threading.Event()
        self.ca_file, self._context = None, None
        if tls:
            tls.mkdir(parents=True, exist_ok=True)
            self.ca_file, cert, key = make_ca(tls)
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(cert, key)
        self.port, self.server = 0, None
        self.start()

    @property
    def url(self):
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/hook"

    def start(self):
        self.gone.clear()
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        if self._context:
            self.server.socket = self._context.wrap_socket(self.server.socket, server_side=True,
                                                           do_handshake_on_connect=False)
        self.server.owner, self.port = self, self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self.server:
            self.gone.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def events(self):
        """The event names of what was taken, in order (format cloudevents)."""
        return [r.json()["data"]["event"] for r in list(self.requests)]

    def ids(self):
        return [r.json()["id"] for r in list(self.requests)]

    def wait_for(self, event, seconds=20, detail=""):
        wait_until(lambda: event in self.events(), seconds, lambda: f"{event} in {self.events()}; {detail}")
