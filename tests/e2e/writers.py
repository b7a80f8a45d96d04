"""
Load with a memory: a writer commits numbers one after the other and knows which of them were acknowledged by which
instance of the server. It connects again whenever the server goes away.
Depends on: pgwire, the images of dbimages.
"""

import socket
import threading
import time

from pgwire import Connection, PgError


class PgTarget:
    """PostgreSQL of the image pg:*, at a port."""

    def __init__(self, port):
        self.port = port

    def open(self):
        c = Connection(self.port, timeout=5)
        try:
            (name, started), = c.query("select current_setting('cluster_name'), pg_postmaster_start_time()")
            return c, f"{name}/{started}"
        except BaseException:
            c.close()
            raise

    @staticmethod
    def write(c, w, k):
        c.query(f"insert into t values ({w}, {k})")

    def rows(self):
        c = Connection(self.port, timeout=5)
        try:
            return {(int(w), int(k)) for w, k in c.query("select w, k from t")}
        finally:
            c.close()


class LiteTarget:
    """SQLite of the image lite:*."""

    def __init__(self, port, file):
        self.port, self.file = port, file  # file: a function, the path on this host

    def open(self):
        s = socket.create_connection(("127.0.0.1", self.port), 5)
        c = s.makefile("rwb", buffering=0)
        s.close()
        greeting = c.readline().decode().strip()
        if not greeting:
            c.close()
            raise ConnectionResetError("no greeting")
        return c, greeting

    @staticmethod
    def write(c, w, k):
        c.write(f"{w} {k}\n".encode())
        answer = c.readline()
        if answer != b"ok\n":
            raise ConnectionResetError(answer.decode())

    def rows(self):
        import sqlite3  # pylint: disable=import-outside-toplevel; one user
        db = sqlite3.connect(f"file:{self.file()}?mode=ro", uri=True, timeout=10)
        try:
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
            return set(db.execute("select w, k from t"))
        finally:
            db.close()


class Writer(threading.Thread):
    def __init__(self, target, number, pause=0.001):
        super().__init__(daemon=True)
        self.target, self.number, self.pause = target, number, pause
        self.acks = []  # (number, instance, monotonic time)
        self.next, self.ended = 1, threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                c, instance = self.target.open()
            except (OSError, PgError, ValueError):
                self.ended.wait(0.01)
                continue
            try:
                while not self.ended.is_set():
                    k, self.next = self.next, self.next + 1
                    self.target.write(c, self.number, k)
                    self.acks.append((k, instance, time.monotonic()))
                    self.ended.wait(self.pause)
            except (OSError, PgError):
                self.ended.wait(0.01)
            finally:
                c.close()

    def stop(self):
        self.ended.set()
        self.join(20)
        assert not self.is_alive()

    def acked(self, instance=None):
        return {k for k, i, _ in list(self.acks) if instance in (None, i)}

    def instances(self):
        """Servers in the order in which they acknowledged something."""
        return list(dict.fromkeys(i for _, i, _ in list(self.acks)))

    def longest_gap(self, since=0.0):
        """Seconds between two acknowledgements that follow each other, at most."""
        times = [t for _, _, t in list(self.acks) if t >= since]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)
