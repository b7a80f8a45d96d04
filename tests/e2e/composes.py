"""Compose files as the tests need them. Small on purpose: no network unless a test is about one."""

import textwrap


def yaml(text):
    return textwrap.dedent(text).lstrip("\n")


def app(version=1, extra="", service="app", command=None):
    """One idle service with image app:<version>; extra: more keys, a line each."""
    lines = ["services:", f"  {service}:", f'    image: "app:{version}"', "    network_mode: none"]
    if command:
        lines.append(f"    command: {command}")
    lines += ["    " + line for line in textwrap.dedent(extra).strip().splitlines()]
    return "\n".join(lines) + "\n"


def three(web=1, db=1, env="one"):
    """web mounts ./conf, worker has an environment, db has neither: what is recreated can be told apart."""
    return yaml(f"""
        services:
          web:
            image: "app:{web}"
            network_mode: none
            volumes: ["./conf:/conf:ro"]
          worker:
            image: "app:1"
            network_mode: none
            environment: {{MODE: "{env}"}}
          db:
            image: "app:{db}"
            network_mode: none
            volumes: ["store:/data"]
        volumes: {{store: {{}}}}
        """)


def web(port, version=1, extra=""):
    """A web server on a port of the tests' own namespace; serves /www/index.html."""
    return app(version, extra, command=f'["httpd", "-f", "-p", "127.0.0.1:{port}", "-h", "/www"]').replace(
        "network_mode: none", "network_mode: host")


def unhealthy(version=2, extra=""):
    """Runs, but its health check fails with a line that says why."""
    return app(version, yaml("""
        healthcheck:
          test: ["CMD", "sh", "-c", "echo no database here; exit 1"]
          interval: 300ms
          timeout: 2s
          retries: 2
        """) + extra)


def healthy(version=1, extra=""):
    return app(version, yaml("""
        healthcheck:
          test: ["CMD", "true"]
          interval: 300ms
          timeout: 2s
          retries: 2
        """) + extra)


class Breakable:
    """A service that is healthy for as long as a file of the host is not there: the world may break under any version."""

    def __init__(self, place):
        self.directory = place / "broken"
        self.flag = self.directory / "x"
        self.directory.mkdir()

    def app(self, v):
        return app(v, extra=f'volumes: ["{self.directory}:/flag:ro"]\n'
                            'healthcheck: {test: ["CMD", "test", "!", "-e", "/flag/x"], interval: 300ms, retries: 2}')
