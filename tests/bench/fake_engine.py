"""
A stand-in for the engine where a thousand projects are to run: it answers what the agent asks (ping, version, containers,
inspect, images, networks, volumes, events) from memory, in the shape of the real API, and takes `up` and `down` from the
fake Compose. A service whose settings did not change keeps its container, as with the real one.
    python3 fake_engine.py SOCKET
Depends on: nothing but the standard library.
"""

import asyncio
import hashlib
import json
import os
import sys
import time
import urllib.parse

containers = {}  # project -> service -> container
by_id = {}
kept = set()


def digest(value):
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def make(project, service, model):
    cid = digest(f"{project} {service} {time.monotonic_ns()}")
    image = model.get("image", "app:1")
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service,
              "com.docker.compose.config-hash": digest(model), "com.docker.compose.oneoff": "False",
              "com.docker.compose.container-number": "1", **(model.get("labels") or {})}
    by_id[cid] = {
        "list": {"Id": cid, "Names": [f"/{project}-{service}-1"], "Image": image, "Labels": labels,
                 "ImageID": "sha256:" + digest(image.split("@")[0]), "State": "running", "Status": "Up 5 seconds",
                 "Created": int(time.time()), "Ports": []},
        "inspect": {"Id": cid, "RestartCount": 0, "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
                    "State": {"Status": "running", "Running": True, "ExitCode": 0, "Error": "", "OOMKilled": False}},
    }
    return cid


def up(project, body):
    model = json.loads(body)
    old = containers.get(project, {})
    new = {}
    for service, settings in model["services"].items():
        cid = old.pop(service, None)
        if cid and by_id[cid]["list"]["Labels"]["com.docker.compose.config-hash"] == digest(settings):
            new[service] = cid
            continue
        if cid:
            del by_id[cid]
        new[service] = make(project, service, settings)
    for cid in old.values():
        del by_id[cid]
    containers[project] = new


def down(project):
    for cid in containers.pop(project, {}).values():
        del by_id[cid]


def wanted_project(query):
    for label in json.loads(query.get("filters", ["{}"])[0]).get("label", []):
        if label.startswith("com.docker.compose.project="):
            return label.partition("=")[2]
    return None


def image(ref):
    name = ref.split("@")[0]
    iid = name if name.startswith("sha256:") else "sha256:" + digest(name)
    tags = [] if name.startswith("sha256:") else [name]
    return {"Id": iid, "RepoTags": tags, "RepoDigests": [f"{t.rpartition(':')[0]}@{iid}" for t in tags]}


def answer(method, path, query, body):
    part = path.strip("/").split("/")
    if path == "/_ping":
        return 200, "OK"
    if path == "/version":
        return 200, {"Version": "20.10.24", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}]}
    if path == "/containers/json":
        only = wanted_project(query)
        ids = containers.get(only, {}).values() if only else by_id
        return 200, [by_id[i]["list"] for i in ids]
    if part[0] == "containers" and part[-1] == "json":
        return (200, by_id[part[1]]["inspect"]) if part[1] in by_id else (404, {"message": "no such container"})
    if path == "/images/json":
        return 200, [{"Id": i, "RepoTags": [f"mdc-keep:{i[7:39]}"]} for i in kept]
    if part[0] == "images" and part[-1] == "json":
        return 200, image("/".join(part[1:-1]))
    if part[0] == "images" and part[-1] == "tag":
        kept.add("/".join(part[1:-1]))
        return 201, ""
    if part[0] == "images" and method == "DELETE":
        kept.difference_update({i for i in kept if i[7:39] in path})
        return 200, []
    if path == "/networks":
        return 200, []
    if path == "/volumes":
        return 200, {"Volumes": []}
    if path == "/fake/up":
        up(query["project"][0], body)
        return 200, ""
    if path in ("/fake/down", "/fake/stop"):
        down(query["project"][0])
        return 200, ""
    return 404, {"message": f"{path}: not known here"}


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, version = head[0].split(" ")
            headers = {k.lower(): v for k, _, v in (h.partition(": ") for h in head[1:] if h)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            url = urllib.parse.urlsplit(target)
            path = urllib.parse.unquote(url.path)
            if path == "/events":  # open until the other side closes; nothing happens here but what the agent does
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                await writer.drain()
                await reader.read()
                break
            status, value = answer(method, path, urllib.parse.parse_qs(url.query), body)
            data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            kind = "text/plain" if isinstance(value, str) else "application/json"
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nServer: Docker/20.10.24 (linux)\r\n"
                         f"Api-Version: 1.41\r\nContent-Length: {len(data)}\r\n\r\n".encode())
            if method != "HEAD":
                writer.write(data)
            await writer.drain()
            if headers.get("connection") == "close" or version == "HTTP/1.0":
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(path):
    server = await asyncio.start_unix_server(serve, path, limit=32 * 1024 * 1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    os.umask(0)
    asyncio.run(main(sys.argv[1]))
