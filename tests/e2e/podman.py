"""
Podman in place of dockerd: the same face as engine.Engine, over `podman system service`, with storage, networks and
configuration of the tests' own.

The service runs in a mount namespace that a holder keeps: what Podman mounts (images, /run/netns, its lock in
/dev/shm) never shows on this machine, goes when the run ends however it ends, and survives a restart of the service,
as it does on a host.  Depends on: engine; podman, netavark, aardvark-dns, util-linux.
"""

import signal
import subprocess
from pathlib import Path

from engine import Engine, EngineError
from waiting import wait_until

# Limits: Debian's Podman swaps soft and hard ones that come through the API, so they are equal; without
# CAP_SYS_RESOURCE its own defaults cannot be set at all. runc: crun 1.8 refuses a machine with both kinds of cgroups.
CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
tmp_dir = "{base}/tmp"
volume_path = "{data}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{base}/networks"
default_subnet = "10.198.21.0/24"
default_subnet_pools = [{{"base" = "10.121.0.0/16", "size" = 24}}]
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{data}"
runroot = "{base}/run"
"""
REGISTRIES = """
unqualified-search-registries = []
[[registry]]
location = "127.0.0.1:5000"
insecure = true
"""
HOLDER = """
for dir in /run/netns /dev/shm /run/crun /run/runc /run/containers /run/libpod /var/lib/cni /var/lib/containers; do
	if mkdir -p "$dir" 2>/dev/null; then mount -t tmpfs -o mode=0755 tmpfs "$dir"; fi
done
chmod 1777 /dev/shm
"""
# What run.sh runs with Podman: of each part of the main job what touches the engine in its own way. Module or test.
CORE = {
    "test_harness.py", "test_health.py", "test_rootless.py",
    "test_deploy.py::test_each_change_recreates_just_what_it_concerns[file]",
    "test_deploy.py::test_nothing_new_calls_no_compose",
    "test_deploy.py::test_removed_project_goes_down_and_its_volumes_stay",
    "test_deploy.py::test_on_remove",
    "test_deploy.py::test_build_and_rebuild",
    "test_deploy.py::test_images_are_pinned_when_a_tag_moves",
    "test_deploy.py::test_pull_always_takes_the_new_image",
    "test_deploy.py::test_retention_keeps_the_way_back",
    "test_failures.py::test_atomic_all_go_back",
    "test_failures.py::test_first_deployment_that_fails_leaves_nothing_running",
    "test_failures.py::test_the_way_back_fails_too",
    "test_pushes.py::test_push_during_a_deployment",
    "test_recovery.py::test_stop_after_another_was_committed",
    "test_rollback.py::test_to_the_previous_one",
    "test_rollback.py::test_tag_that_moved_in_a_registry_that_is_gone",
    "test_plan_check.py::test_plan_gives_reasons",
    "test_plan_check.py::test_plan_of_drift",
    "test_snapshots.py::test_a_failing_upgrade_takes_its_data_along",
    "test_snapshots.py::test_an_upgrade_keeps_its_data",
    "test_snapshots.py::test_who_is_held",
    "test_snapshots.py::test_the_guard_lets_go[stop-snapshot_copied]",
    "test_snapshots.py::test_rollback_with_data",
    "test_snapshots.py::test_a_hook_that_fails",
    "test_snapshots.py::test_an_undo_with_a_disk_error[restore_half]",
    "test_snapshots.py::test_an_undo_with_a_disk_error[restore_swapped]",
    "test_snapshots.py::test_an_undo_with_a_disk_error[restore_aside]",
    "test_outside.py::test_compose_missing_or_old_is_refused",
}
# What is not to be had with Podman, and why. docs/engines.md lists it too.
DOCKER_ONLY = {
}

SHORT = ("localhost/", "docker.io/library/")  # what Podman puts in front of a short name


class Podman(Engine):
    kind = "podman"

    def __init__(self, base, data_root=None, **_):
        super().__init__(base, data_root)
        self.socket = str(self.base / "podman.sock")
        self.url = f"unix://{self.socket}"
        self.holder = None

    # ---- the service -------------------------------------------------------------------------
    def hold(self):
        self.base.mkdir(parents=True, exist_ok=True)
        self.data_root.mkdir(parents=True, exist_ok=True)
        for name, text in (("containers.conf", CONTAINERS), ("storage.conf", STORAGE), ("registries.conf", REGISTRIES)):
            (self.base / name).write_text(text.format(base=self.base, data=self.data_root))
        self.hold_with(HOLDER)

    def hold_with(self, script):
        # Mounts that tests make later arrive in it, its own do not leave it.
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "slave", "sh", "-c", script + "echo ready; exec sleep infinity"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        assert self.holder.stdout.readline() == b"ready\n", "no mount namespace"

    def environment(self):
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.base),
                "TMPDIR": str(self.base), "CONTAINERS_CONF": str(self.base / "containers.conf"),
                "CONTAINERS_STORAGE_CONF": str(self.base / "storage.conf"),
                "CONTAINERS_REGISTRIES_CONF": str(self.base / "registries.conf")}

    def argv(self, *args):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "podman", *args]

    def start(self):
        if not self.holder:
            self.hold()
        Path(self.socket).unlink(missing_ok=True)
        with open(self.base / "log", "ab") as log:
            self.process = subprocess.Popen(self.argv("system", "service", "--time=0", self.url), env=self.environment(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(self.alive, 60, lambda: "Podman does not answer:\n" + self.log_tail())

    def podman(self, *args):
        """The command, as a person on this host would run it."""
        r = subprocess.run(self.argv(*args), env=self.environment(), capture_output=True, text=True, timeout=120)
        if r.returncode != 0:
            raise EngineError(f"podman {' '.join(args)}: {r.stderr}")
        return r.stdout

    def kill(self):
        """Containers have nothing to do with the service: they go on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.process = None

    def close(self):
        if self.holder:
            self.holder.kill()
            self.holder.wait(10)
            self.holder = None

    # ---- its differences -----------------------------------------------------------------------
    def images(self):
        return {name.removeprefix(SHORT[0]).removeprefix(SHORT[1]): i for name, i in super().images().items()}
