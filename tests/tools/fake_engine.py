"""
A stand-in for the engine that is faithful where tests look: containers with states, names that are taken only once, health
by the image's name ("bad" in it: unhealthy), volumes as real directories that containers write to when they start. A service
whose settings did not change keeps its container. Its state can be saved and put back. In a thread of whoever makes an
Engine (tests/faults), or a process of its own (tests/bench, a thousand projects):
    python3 fake_engine.py SOCKET
Depends on: nothing but the standard library; fake_compose.c is its Compose.
"""

import asyncio
import copy
import hashlib
import json
import os
import sys
import threading
import time
import urllib.parse
from pathlib import Path

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
FILES = 3  # that a container has in each volume: all say the version that wrote last


def digest(value):
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Refused(Exception):
    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class Engine:
    def __init__(self, root, socket):
        self.root, self.socket = Path(root), str(socket)
        self.state = {"containers": {}, "volumes": {}, "kept": [], "serial": 0}
        self.ups = []      # (project, V of its services) of each `up`, since the last reset
        self.plans = {}    # what an `up` under way creates
        self.answered = 0  # requests
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self.thread.start()
        assert ready.wait(10)

    # ---- for the enumeration ---------------------------------------------------------------------
    def save(self):
        return copy.deepcopy(self.state)

    def put_back(self, saved):
        self.state, self.ups = copy.deepcopy(saved), []

    def containers(self, project=None):
        return [c for c in self.state["containers"].values() if project in (None, c["labels"].get(PROJECT))]

    def data(self, volume):
        return self.root / "volumes" / volume / "_data"

    def run_foreign(self, name):
        """A container and a volume of somebody else."""
        self._volume(f"{name}_data", {})
        c = self._create(name, {"image": "app:1", "volumes": [{"type": "volume", "source": f"{name}_data", "target": "/d"}]},
                         {}, "foreign", {f"{name}_data": {"name": f"{name}_data"}})
        self._start(c)

    # ---- what happens ----------------------------------------------------------------------------
    def _volume(self, name, labels):
        if name not in self.state["volumes"]:
            self.data(name).mkdir(parents=True, exist_ok=True)
            self.state["volumes"][name] = {"Name": name, "Driver": "local", "Labels": labels, "Options": None, "Scope": "local",
                                           "CreatedAt": "2026-01-01T00:00:00Z", "Mountpoint": str(self.data(name))}
        return self.state["volumes"][name]

    def _create(self, name, service, labels, seed, volumes):
        if any(c["name"] == name for c in self.containers()):
            raise Refused(409, f"the container name {name} is already in use")
        self.state["serial"] += 1
        cid = digest(f"{seed} {self.state['serial']}")
        mounts = []
        for m in service.get("volumes", []):
            if m["type"] == "volume":
                real = volumes[m["source"]]["name"]
                mounts.append({"Type": "volume", "Name": real, "Source": str(self.data(real)), "Destination": m["target"],
                               "Driver": "local", "RW": True})
            else:
                mounts.append({"Type": "bind", "Source": m["source"], "Destination": m["target"], "RW": False})
        c = {"id": cid, "name": name, "image": service["image"], "labels": labels, "state": "created", "mounts": mounts,
             "env": service.get("environment") or {}, "created": int(time.time()), "restart": service.get("restart", "no")}
        self.state["containers"][cid] = c
        return c

    def _start(self, c):
        if c["state"] in ("running", "paused"):
            return
        c["state"] = "running"
        v = c["env"].get("V", "1")
        for m in c["mounts"]:
            if m["Type"] != "volume":
                continue
            at = Path(m["Source"])
            at.mkdir(parents=True, exist_ok=True)
            if v != "1" or not (at / "f1").exists():  # version 2 writes a format of its own; 1 takes what is there
                for i in range(FILES):
                    (at / f"f{i + 1}").write_text(v)

    def _healthy(self, c):
        return c["state"] == "running" and "bad" not in c["image"]

    def _by_id(self, cid):
        if cid in self.state["containers"]:
            return self.state["containers"][cid]
        for c in self.containers():
            if cid == c["name"]:
                return c
        raise Refused(404, f"no such container: {cid}")

    # ---- Compose ---------------------------------------------------------------------------------
    def _up(self, project, model):
        self.ups.append((project, sorted({s.get("environment", {}).get("V", "") for s in model["services"].values()})))
        steps, volumes = [], model.get("volumes") or {}
        for key, v in volumes.items():
            if v["name"] not in self.state["volumes"]:
                steps.append(f"POST /fake/volume?name={v['name']}&project={project}&key={key}")
        theirs = self.containers(project)
        for name, service in model["services"].items():
            have = [c for c in theirs if c["labels"].get(SERVICE) == name]
            theirs = [c for c in theirs if c not in have]
            mark = digest(service)
            labels = {PROJECT: project, SERVICE: name, "com.docker.compose.config-hash": mark,
                      "com.docker.compose.oneoff": "False", "com.docker.compose.container-number": "1",
                      **(service.get("labels") or {})}
            same = [c for c in have if c["labels"]["com.docker.compose.config-hash"] == mark]
            for c in have:
                if same and c is not same[0] or not same and c is not have[0]:
                    steps.append(f"DELETE /containers/{c['id']}")
            if same:
                steps.append(f"POST /containers/{same[0]['id']}/start")
                continue
            final = f"{project}-{name}-1"
            new = f"{have[0]['id'][:12]}_{final}" if have else final
            self.plans[new] = (service, labels, volumes)
            steps.append(f"POST /fake/create?name={new}")
            if have:
                steps += [f"POST /containers/{have[0]['id']}/stop", f"DELETE /containers/{have[0]['id']}",
                          f"POST /containers/{new}/rename?name={final}"]
            steps.append(f"POST /containers/{final}/start")
        return "\n".join(steps + [f"DELETE /containers/{c['id']}" for c in theirs])

    def _down(self, project):
        return "\n".join(f"{step}" for c in self.containers(project)
                         for step in (f"POST /containers/{c['id']}/stop", f"DELETE /containers/{c['id']}"))

    def _fake(self, verb, query, body):
        project = query.get("project", [""])[0]
        if verb == "up":
            return self._up(project, json.loads(body))
        if verb == "down":
            return self._down(project)
        if verb == "stop":
            return "\n".join(f"POST /containers/{c['id']}/stop" for c in self.containers(project))
        if verb == "volume":
            self._volume(query["name"][0], {PROJECT: project, "com.docker.compose.volume": query["key"][0]})
        elif verb == "create":
            service, labels, volumes = self.plans[query["name"][0]]
            self._create(query["name"][0], service, labels, query["name"][0], volumes)
        return ""

    # ---- the API ---------------------------------------------------------------------------------
    def _listed(self, c):
        return {"Id": c["id"], "Names": ["/" + c["name"]], "Image": c["image"], "Labels": c["labels"],
                "ImageID": "sha256:" + digest(c["image"].split("@")[0]), "State": c["state"], "Created": c["created"],
                "Status": "Exited (0) 1 second ago" if c["state"] == "exited" else "Up 5 seconds", "Ports": [],
                "Mounts": c["mounts"]}

    def _inspected(self, c):
        health = {"Health": {"Status": "healthy" if self._healthy(c) else "unhealthy",
                             "Log": [] if self._healthy(c) else [{"ExitCode": 1, "Output": "bad"}]}}
        return {"Id": c["id"], "Name": "/" + c["name"], "RestartCount": 0, "Mounts": c["mounts"],
                "HostConfig": {"RestartPolicy": {"Name": c["restart"]}}, "Config": {"StopTimeout": 1, "Labels": c["labels"]},
                "Image": "sha256:" + digest(c["image"].split("@")[0]),
                "State": {"Status": c["state"], "Running": c["state"] in ("running", "paused"), "ExitCode": 0, "Error": "",
                          "OOMKilled": False, **(health if c["state"] == "running" else {})}}

    @staticmethod
    def _image(ref):
        name = ref.split("@")[0]
        iid = name if name.startswith("sha256:") else "sha256:" + digest(name)
        tags = [] if name.startswith("sha256:") else [name]
        return {"Id": iid, "RepoTags": tags, "RepoDigests": [f"{t.rpartition(':')[0]}@{iid}" for t in tags]}

    def _change(self, cid, verb, query):
        c = self._by_id(cid)
        if verb == "stop":
            if c["state"] in ("running", "paused"):
                c["state"] = "exited"
        elif verb == "start":
            self._start(c)
        elif verb == "pause":
            if c["state"] != "running":
                raise Refused(409, f"container {c['name']} is not running")
            c["state"] = "paused"
        elif verb == "unpause":
            if c["state"] != "paused":
                raise Refused(409, f"container {c['name']} is not paused")
            c["state"] = "running"
        elif verb == "rename":
            name = query["name"][0]
            if any(o["name"] == name and o is not c for o in self.containers()):
                raise Refused(409, f"the container name {name} is already in use")
            c["name"] = name
        return 204, ""

    def _containers(self, method, part, query):
        if part[1] == "json":
            labels = json.loads(query.get("filters", ["{}"])[0]).get("label", [])
            found = self.containers()
            for label in labels:
                key, eq, value = label.partition("=")
                found = [c for c in found if (c["labels"].get(key) == value if eq else key in c["labels"])]
            return 200, [self._listed(c) for c in found]
        if method == "DELETE":
            del self.state["containers"][self._by_id(part[1])["id"]]
            return 204, ""
        if part[2] == "json":
            return 200, self._inspected(self._by_id(part[1]))
        if part[2] == "logs":
            return 200, ""
        return self._change(part[1], part[2], query)

    def _volumes(self, method, part, query, body):
        if len(part) == 1:
            labels = json.loads(query.get("filters", ["{}"])[0]).get("label", [])
            found = [v for v in self.state["volumes"].values()
                     if all((v["Labels"] or {}).get(x.partition("=")[0]) == x.partition("=")[2] for x in labels)]
            return 200, {"Volumes": found}
        if part[1] == "create":
            asked = json.loads(body)
            return 201, self._volume(asked["Name"], asked.get("Labels") or {})
        if part[1] not in self.state["volumes"]:
            raise Refused(404, "no such volume")
        if method == "DELETE":
            del self.state["volumes"][part[1]]
            return 204, ""
        return 200, self.state["volumes"][part[1]]

    def answer(self, method, path, query, body):
        part = path.strip("/").split("/")
        if path == "/_ping":
            return 200, "OK"
        if path == "/version":
            return 200, {"Version": "20.10.24", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}]}
        if path == "/info":
            return 200, {"DockerRootDir": str(self.root)}
        if part[0] == "containers":
            return self._containers(method, part, query)
        if part[0] == "volumes":
            return self._volumes(method, part, query, body)
        if path == "/images/json":
            return 200, [{"Id": i, "RepoTags": [f"mdc-keep:{i[7:39]}"]} for i in self.state["kept"]]
        if part[0] == "images" and part[-1] == "json":
            return 200, self._image("/".join(part[1:-1]))
        if part[0] == "images" and part[-1] == "tag":
            if "/".join(part[1:-1]) not in self.state["kept"]:
                self.state["kept"].append("/".join(part[1:-1]))
            return 201, ""
        if part[0] == "images" and method == "DELETE":
            self.state["kept"] = [i for i in self.state["kept"] if i[7:39] not in path]
            return 200, []
        if path == "/networks":
            return 200, []
        if part[0] == "fake":
            return 200, self._fake(part[1], query, body)
        raise Refused(404, f"{path}: not known here")

    # ---- HTTP ------------------------------------------------------------------------------------
    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, version = head[0].split(" ")
                headers = {k.lower(): v for k, _, v in (h.partition(": ") for h in head[1:] if h)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                url = urllib.parse.urlsplit(target)
                if url.path == "/events":  # open until the other side closes: nothing happens but what the agent does
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                    await writer.drain()
                    await reader.read()
                    break
                try:
                    status, value = self.answer(method, urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query), body)
                except Refused as e:
                    status, value = e.status, {"message": str(e)}
                self.answered += 1
                data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
                kind = "text/plain" if isinstance(value, str) else "application/json"
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nServer: Docker/20.10.24 (linux)\r\n"
                             f"Api-Version: 1.41\r\nContent-Length: {0 if status == 204 else len(data)}\r\n\r\n".encode())
                if status != 204 and method != "HEAD":
                    writer.write(data)
                await writer.drain()
                if headers.get("connection") == "close" or version == "HTTP/1.0":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _main(self, ready):
        server = await asyncio.start_unix_server(self._serve, self.socket, limit=32 * 1024 * 1024)
        async with server:
            ready.set()
            await server.serve_forever()


if __name__ == "__main__":
    os.umask(0)
    Engine(os.path.dirname(sys.argv[1]), sys.argv[1]).thread.join()
