"""
A recipe manager in small: titles in PostgreSQL ($DB_PORT), a picture per recipe in /data/pictures, a page on $PORT.
    GET /about -> version   GET /recipes -> titles, a line each   POST /recipes with a title -> "ok" when both are kept
Version 1 makes the table; others migrate it and move the pictures; version 2 then finds that it cannot work.
"""

import os
import pathlib
import signal
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, "/")
from pgwire import Connection, PgError  # noqa: E402

VERSION = open("/version", encoding="utf-8").read().strip()
PORT, DB_PORT = int(os.environ["PORT"]), int(os.environ["DB_PORT"])
TITLE = "title" if VERSION == "1" else "name"
PICTURES = pathlib.Path("/data/pictures" if VERSION == "1" else "/data/media/pictures")


def migrate():
    db = Connection(DB_PORT)
    columns = [r[0] for r in db.query("select column_name from information_schema.columns "
                                      "where table_name = 'recipes'")]
    if not columns:
        db.query("create table recipes(id serial primary key, title text not null)")
        columns = ["title"]
    if VERSION != "1" and "title" in columns:
        db.query("begin; alter table recipes rename title to name; update recipes set name = upper(name); commit")
        PICTURES.parent.mkdir(exist_ok=True)
        if os.path.exists("/data/pictures"):
            os.rename("/data/pictures", PICTURES)
    PICTURES.mkdir(parents=True, exist_ok=True)
    db.query(f"select {TITLE} from recipes limit 1")
    db.close()


class Page(BaseHTTPRequestHandler):
    def answer(self, code, text):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path == "/about":
            return self.answer(500 if VERSION == "2" else 200, VERSION)
        db = Connection(DB_PORT)
        rows = db.query(f"select id, {TITLE} from recipes order by id")
        db.close()
        return self.answer(200, "".join(f"{title} {(PICTURES / str(i)).read_text()}\n" for i, title in rows))

    def do_POST(self):
        title = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            db = Connection(DB_PORT)
            (number,), = db.query(f"insert into recipes({TITLE}) values ('{title}') returning id")
            db.close()
        except (PgError, OSError) as e:
            return self.answer(503, str(e))
        with open(PICTURES / number, "w", encoding="utf-8") as f:
            f.write(f"picture-of-{title}")
            f.flush()
            os.fsync(f.fileno())
        return self.answer(200, "ok")

    def log_message(self, *_):
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    end = time.monotonic() + 20
    while True:
        try:
            migrate()
            break
        except (OSError, PgError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Page)
    pathlib.Path("/tmp/prepared").touch()
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["health"]:
        while not os.path.exists("/tmp/prepared"):
            time.sleep(0.05)
        print(urllib.request.urlopen(f"http://127.0.0.1:{PORT}/about", timeout=2).read().decode())
    else:
        main()
