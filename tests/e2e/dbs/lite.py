"""
SQLite behind a port: for each line "writer number" one transaction, answered by "ok" when it is on disk. Greets with
"version/instance". Version 1 makes the table, others migrate it in a way that version 1 cannot live with; the health of
version 2 is bad. $SYNC: the pragma `synchronous`. /data/versions: see pg.sh.
"""

import os
import signal
import socket
import sqlite3
import sys
import threading
import time

VERSION = open("/version", encoding="utf-8").read().strip()
PORT = int(os.environ["PORT"])
COLUMN = "k" if VERSION == "1" else "seq"


def connect():
    db = sqlite3.connect("/data/app.db", timeout=20, isolation_level=None, check_same_thread=False)
    db.execute("pragma journal_mode=wal")
    db.execute(f"pragma synchronous={os.environ.get('SYNC', 'full')}")
    return db


def prepare(db):
    columns = [row[1] for row in db.execute("pragma table_info(t)")]
    if not columns:
        db.execute("create table t(w int, k int, primary key (w, k))")
        columns = ["w", "k"]
    if VERSION != "1" and "k" in columns:
        db.executescript("begin; alter table t rename k to seq; alter table t add note text not null default 'new';"
                         "update t set seq = -seq; commit")
    with open("/data/versions", "a", encoding="utf-8") as f:
        f.write(VERSION + "\n")
    with open("/tmp/prepared", "w", encoding="utf-8"):
        pass


def serve(client, db, lock, greeting):
    with client, client.makefile("rwb", buffering=0) as f:
        f.write(greeting)
        for line in f:
            try:
                w, k = line.split()
                with lock:
                    db.execute(f"insert into t(w, {COLUMN}) values (?, ?)", (int(w), int(k)))
                f.write(b"ok\n")
            except (sqlite3.Error, ValueError) as e:
                f.write(f"error {e}\n".encode())


def health():
    while not os.path.exists("/tmp/prepared"):
        time.sleep(0.05)
    if VERSION == "2":
        print("the new table does not suit me")
        return 1
    with sqlite3.connect("file:/data/app.db?mode=ro", uri=True) as db:
        print(db.execute(f"select count({COLUMN}) from t").fetchone())
    socket.create_connection(("127.0.0.1", PORT), 2).close()
    return 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    db, lock = connect(), threading.Lock()
    greeting = f"v{VERSION}/{time.time_ns()}\n".encode()
    with socket.create_server(("127.0.0.1", PORT)) as s:
        prepare(db)
        while True:
            client, _ = s.accept()
            threading.Thread(target=serve, args=(client, db, lock, greeting), daemon=True).start()


if __name__ == "__main__":
    sys.exit(health() if sys.argv[1:] == ["health"] else main())
