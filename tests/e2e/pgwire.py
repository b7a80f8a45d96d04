"""
The few messages of PostgreSQL's protocol that a test or a small application needs: connect without a password, one
statement at a time. Also copied into images, so it needs nothing but Python.
"""

import socket
import struct


class PgError(RuntimeError):
    pass


class Connection:
    def __init__(self, port, user="postgres", database="postgres", timeout=20, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        body = struct.pack("!i", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
        self.sock.sendall(struct.pack("!i", len(body) + 4) + body)
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def query(self, text):
        """Rows as lists of text; raises PgError, or OSError when the server went away."""
        body = text.encode() + b"\0"
        self.sock.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._answer()

    def _exactly(self, size):
        data = self.file.read(size)
        if len(data) != size:
            raise ConnectionResetError("the server ended the connection")
        return data

    def _answer(self):
        rows, error = [], None
        while True:
            kind, size = struct.unpack("!ci", self._exactly(5))
            data = self._exactly(size - 4)
            if kind == b"D":
                rows.append(self._row(data))
            elif kind == b"E":
                fields = dict((f[:1], f[1:].decode(errors="replace")) for f in data.split(b"\0") if f)
                error = PgError(fields.get(b"M", "?"))
                if fields.get(b"S") in ("FATAL", "PANIC"):
                    raise error
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    @staticmethod
    def _row(data):
        (n,), at, row = struct.unpack_from("!h", data), 2, []
        for _ in range(n):
            (size,) = struct.unpack_from("!i", data, at)
            at += 4
            row.append(None if size < 0 else data[at:at + size].decode(errors="replace"))
            at += max(size, 0)
        return row

    def close(self):
        self.file.close()
        self.sock.close()
