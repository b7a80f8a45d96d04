"""
Files that break one rule of the policy each: in the plain form, and in forms that only Compose turns into it. The line
that says it ends with "# HERE". Rules whose keys the Compose of the tests does not know are in unit/policy_test.c only.
To add a case: a row; the text is a service's keys, a whole file, or a map of files.
"""

import textwrap

UNIT_ONLY = {"provider", "hooks", "models", "unknown_keys"}


def service(keys):
    return "services:\n  app:\n    image: \"app:1\"\n" + textwrap.indent(textwrap.dedent(keys).strip("\n"), "    ") + "\n"


def extended(keys):
    """The service gets it from another file."""
    return {"compose.yaml": 'services:\n  app:\n    extends: {file: base.yaml, service: base}\n    image: "app:1"\n',
            "base.yaml": "services:\n  base:\n" + textwrap.indent(textwrap.dedent(keys).strip("\n"), "    ") + "\n"}


def included(text):
    return {"compose.yaml": 'include: [parts/more.yaml]\nservices:\n  app: {image: "app:1"}\n', "parts/more.yaml": text}


def variable(keys, **values):
    return {"compose.yaml": service(keys), ".env": "".join(f"{k}={v}\n" for k, v in values.items())}


def volume(options, more=""):
    return ('services:\n  app:\n    image: "app:1"\n    volumes: ["data:/data"]\nvolumes:\n  data:\n'
            + textwrap.indent(textwrap.dedent(more), "    ") + ("    driver_opts:\n" if options else "")
            + textwrap.indent(textwrap.dedent(options).strip("\n"), "      ") + "\n")


def network(keys):
    return ('services:\n  app:\n    image: "app:1"\n    networks: [n]\nnetworks:\n  n:\n'
            + textwrap.indent(textwrap.dedent(keys).strip("\n"), "    ") + "\n")


CASES = {
    "privileged": {
        "plain": "privileged: true # HERE",
        "variable": variable("privileged: ${ROOT:-false} # HERE", ROOT="true"),
        "extends": extended("image: x\nprivileged: true # HERE"),
        "anchor": 'x-all: &all\n  privileged: true # HERE\nservices:\n  app:\n    <<: *all\n    image: "app:1"\n',
        "include": included('services:\n  more:\n    image: "app:1"\n    privileged: true # HERE\n')},
    "capabilities": {
        "plain": "cap_add:\n  - CHOWN\n  - SYS_ADMIN # HERE",
        "variable": variable("cap_add:\n  - ${CAP} # HERE", CAP="ALL"),
        "anchor in a list": 'x-c: &c\n  - SYS_MODULE # HERE\nservices:\n  app:\n    image: "app:1"\n    cap_add: *c\n'},
    "devices": {
        "plain": "devices:\n  - /dev/sda:/dev/sda # HERE",
        "variable": variable("devices:\n  - ${DISK}:/dev/x # HERE", DISK="/dev/sda"),
        "device rule": "device_cgroup_rules: # HERE\n  - 'b 8:* rwm'",
        "extends": extended("image: x\ndevices: [\"/dev/dri/../mem:/dev/mem\"] # HERE")},
    "gpus": {
        "plain": "deploy:\n  resources:\n    reservations:\n      devices: # HERE\n        - capabilities: [gpu]",
        "include": included('services:\n  more:\n    image: "app:1"\n    deploy:\n      resources:\n        reservations:\n'
                            '          devices: [{driver: cdi, device_ids: ["nvidia.com/gpu=all"], capabilities: [gpu]}] # HERE\n')},
    "host_namespaces": {
        "plain": "pid: host # HERE",
        "variable": variable("ipc: $WHAT # HERE", WHAT="host"),
        "network": network("external: true # HERE\nname: host"),
        "driver": network("driver: host # HERE"),
        "userns": "userns_mode: host # HERE",
        "uts": extended("image: x\nuts: host # HERE"),
        "cgroup": "cgroup: host # HERE"},
    "other_containers": {
        "plain": "network_mode: container:vpn # HERE",
        "variable": variable("pid: \"container:${OTHER}\" # HERE", OTHER="db"),
        "volumes": "volumes_from:\n  - container:db:ro # HERE",
        "link": "external_links:\n  - db:database # HERE"},
    "volumes_from": {
        "plain": 'services:\n  app:\n    image: "app:1"\n    volumes_from: [db] # HERE\n  db: {image: "app:1"}\n',
        "anchor": 'x-v: &v [db] # HERE\nservices:\n  app:\n    image: "app:1"\n    volumes_from: *v\n  db: {image: "app:1"}\n'},
    "security_opt": {
        "plain": "security_opt:\n  - no-new-privileges:true\n  - seccomp:unconfined # HERE",
        "equals": "security_opt: [apparmor=unconfined] # HERE",
        "variable": variable("security_opt: [\"label:${L}\"] # HERE", L="disable")},
    "engine_sockets": {
        "plain": "volumes:\n  - ./conf:/conf\n  - /var/run/docker.sock:/var/run/docker.sock # HERE",
        "long": "volumes:\n  - type: bind\n    source: /run/docker.sock # HERE\n    target: /s\n    read_only: true",
        "variable": variable("volumes:\n  - ./conf:/conf\n  - ${S}:/s.sock:ro # HERE", S="/var/run/docker.sock"),
        "default of a variable": "volumes: [\"${S:-/var/run/docker.sock}:/s\"] # HERE",
        "directory": "volumes: [\"/var/run:/host/run:ro\"] # HERE",
        "driver_opts": volume("type: none\no: bind\ndevice: /var/run/docker.sock # HERE"),
        "extends": extended("image: x\nvolumes: [\"/var/run/docker.sock:/s\"] # HERE"),
        "include": included('services:\n  more:\n    image: "app:1"\n    volumes: ["/run/podman:/s"] # HERE\n'),
        "secret": 'services:\n  app:\n    image: "app:1"\n    secrets: [s]\nsecrets:\n  s:\n    file: /run/docker.sock # HERE\n'},
    "sensitive_paths": {
        "plain": "volumes: [\"/etc:/host/etc\"] # HERE",
        "root": "volumes:\n  - /proc/1/root:/host # HERE",
        "home": "volumes:\n  - ~/.ssh:/keys # HERE",
        "detour": "volumes: [\"/srv/../etc/shadow:/x\"] # HERE",
        "config": 'services:\n  app:\n    image: "app:1"\n    configs: [c]\nconfigs:\n  c:\n    file: /etc/shadow # HERE\n',
        "driver_opts": volume("type: none\no: rbind,ro\ndevice: ${D:-/etc} # HERE"),
        "overlay": volume("type: overlay\ndevice: overlay\no: lowerdir=/etc:/mnt,upperdir=/mnt/u,workdir=/mnt/w # HERE"),
        "disk": volume("type: ext4\ndevice: /dev/sda1 # HERE"),
        "build": "build:\n  context: /etc # HERE",
        "log": "logging:\n  driver: k8s-file\n  options:\n    path: /etc/cron.d/x # HERE"},
    "binds": {
        "plain": "volumes: [\"/tank/me/d:/x\"] # HERE",
        "long": "volumes:\n  - {type: bind, source: /tank/me/d, target: /x} # HERE",
        "variable": variable("volumes:\n  - \"${D}/me/d:/x\" # HERE", D="/tank"),
        "driver_opts": volume("type: none\no: bind\ndevice: /tank/me/d # HERE"),
        "another context": "build:\n  context: .\n  additional_contexts:\n    x: /tank/me/d # HERE"},
    "propagation": {
        "plain": "volumes:\n  - /mnt/x:/x:rshared # HERE",
        "long": "volumes:\n  - type: bind\n    source: /mnt/x # HERE\n    target: /x\n    bind: {propagation: shared}",
        "driver_opts": volume("type: none\no: bind,rshared\ndevice: /mnt/x # HERE")},
    "disguised_binds": {
        "plain": volume("type: none\no: bind\ndevice: /mnt/x # HERE"),
        "option": volume("o: rw,bind\ndevice: /mnt/x # HERE")},
    "volume_drivers": {
        "plain": volume("", "driver: rexray # HERE\n"),
        "type": volume("type: fuse.sshfs\ndevice: me@there:/x # HERE"),
        "own network": volume('type: nfs\no: "addr=127.0.0.1,rw"\ndevice: ":/" # HERE')},
    "network_drivers": {
        "plain": network("driver: weave # HERE"),
        "include": included('services:\n  more: {image: "app:1", networks: [n]}\nnetworks:\n  n:\n    driver: ${D:-plugin} # HERE\n')},
    "external": {
        "plain": volume("", "external: true # HERE\n"),
        "network": network("external: true # HERE\nname: proxy")},
    "build": {
        "plain": "build: . # HERE",
        "extends": extended("build: {context: .} # HERE")},
    "build_remote": {
        "plain": "build: https://git.example.org/x.git # HERE",
        "context": "build:\n  context: .\n  additional_contexts:\n    - x=https://x.example.org/a.git # HERE"},
    "build_privileges": {
        "plain": "build: # HERE\n  context: .\n  privileged: true",
        "network": "build:\n  context: .\n  network: ${N:-host} # HERE"},
    "registries": {
        "plain": 'services:\n  app:\n    image: ghcr.io/someone/app:1 # HERE\n',
        "variable": {"compose.yaml": "services:\n  app:\n    image: ${R}app:1 # HERE\n", ".env": "R=evil.example.org/\n"},
        "extends": {"compose.yaml": "services:\n  app:\n    extends: {file: base.yaml, service: base}\n",
                    "base.yaml": "services:\n  base:\n    image: quay.io/x/y:1 # HERE\n"}},
    "require_digest": {
        "plain": "services:\n  app:\n    image: nginx:1.27 # HERE\n",
        "variable": "services:\n  app:\n    image: \"nginx${V:-:1.27}\" # HERE\n"},
    "latest_tag": {
        "plain": "services:\n  app:\n    image: nginx:latest # HERE\n",
        "none": "services:\n  app:\n    image: \"registry.example.org:5000/nginx${TAG}\" # HERE\n"},
    "low_ports": {
        "plain": "ports:\n  - \"8080:80\"\n  - \"22:22\" # HERE",
        "range": "ports: [\"1020-1025:1020-1025\"] # HERE",
        "long": "ports:\n  - target: 22\n    published: \"25\" # HERE",
        "variable": variable("ports: [\"127.0.0.1:${P}:22/udp\"] # HERE", P="53")},
    "public_ports": {
        "plain": "ports:\n  - \"127.0.0.1:1:1\"\n  - \"8080:80\" # HERE",
        "address": "ports: [\"0.0.0.0:8080:80\"] # HERE",
        "no port": "ports: [\"80\"] # HERE"},
    "host_gateway": {
        "plain": "extra_hosts:\n  - host.docker.internal:host-gateway # HERE",
        "variable": variable("extra_hosts: {h: \"${G}\"} # HERE", G="host-gateway")},
    "cgroup_parent": {
        "plain": "cgroup_parent: system.slice # HERE",
        "extends": extended("image: x\ncgroup_parent: /x # HERE")},
    "runtime": {
        "plain": "runtime: mine # HERE",
        "anchor": 'x-r: &r {runtime: mine} # HERE\nservices:\n  app: {<<: *r, image: "app:1"}\n'},
    "sysctls": {
        "plain": "sysctls:\n  kernel.msgmax: 1 # HERE",
        "list": "sysctls: [\"kernel.shm_rmid_forced=${V:-1}\"] # HERE"},
    "credential_spec": {
        "plain": {"compose.yaml": service("credential_spec: # HERE\n  file: ./spec.json"), "spec.json": "{}"},
        "registry": "credential_spec: {registry: x} # HERE"},
    "labels": {
        "plain": "labels:\n  mdc.managed: \"1\" # HERE",
        "list": "labels:\n  - a=b\n  - com.docker.compose.project=other # HERE",
        "volume": volume("", "labels: {mdc.keep: \"1\"} # HERE\n")},
}
DENY = {"registries": ["docker.io/library"], "require_digest": True}


def files_of(case):
    if isinstance(case, dict):
        return case
    return {"compose.yaml": case if case.startswith(("services:", "x-")) else service(case)}


def marked(files):
    """Where "# HERE" stands: (file, line)."""
    found = [(name, n) for name, text in files.items() for n, line in enumerate(text.splitlines(), 1) if "# HERE" in line]
    assert len(found) == 1, found
    return found[0]
