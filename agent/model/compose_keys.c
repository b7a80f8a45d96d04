/*
 * compose_keys - the keys of a Compose file that this version knows. Depends on: common.
 * To add one: a line here, once agent/policy says what it gives to a container.
 */
#include "agent/model/compose_keys.h"

#include "common/str.h"

#include <string.h>

const char *const compose_top_keys[] = {"version", "name",    "include", "services", "networks",
					"volumes", "configs", "secrets", "models"};

const char *const compose_service_keys[] = {
	"annotations",
	"attach",
	"blkio_config",
	"build",
	"cap_add",
	"cap_drop",
	"cgroup",
	"cgroup_parent",
	"command",
	"configs",
	"container_name",
	"cpu_count",
	"cpu_percent",
	"cpu_period",
	"cpu_quota",
	"cpu_rt_period",
	"cpu_rt_runtime",
	"cpu_shares",
	"cpus",
	"cpuset",
	"credential_spec",
	"depends_on",
	"deploy",
	"develop",
	"device_cgroup_rules",
	"devices",
	"dns",
	"dns_opt",
	"dns_search",
	"domainname",
	"driver_opts",
	"entrypoint",
	"env_file",
	"environment",
	"expose",
	"extends",
	"external_links",
	"extra_hosts",
	"gpus",
	"group_add",
	"healthcheck",
	"hostname",
	"image",
	"init",
	"ipc",
	"isolation",
	"label_file",
	"labels",
	"links",
	"logging",
	"mac_address",
	"mem_limit",
	"mem_reservation",
	"mem_swappiness",
	"memswap_limit",
	"models",
	"network_mode",
	"networks",
	"oom_kill_disable",
	"oom_score_adj",
	"pid",
	"pids_limit",
	"platform",
	"ports",
	"post_start",
	"pre_stop",
	"privileged",
	"profiles",
	"provider",
	"pull_policy",
	"pull_refresh_after",
	"read_only",
	"restart",
	"runtime",
	"scale",
	"secrets",
	"security_opt",
	"shm_size",
	"stdin_open",
	"stop_grace_period",
	"stop_signal",
	"storage_opt",
	"sysctls",
	"tmpfs",
	"tty",
	"ulimits",
	"use_api_socket",
	"user",
	"userns_mode",
	"uts",
	"volume_driver",
	"volumes",
	"volumes_from",
	"working_dir",
};

const size_t compose_top_count = COUNT_OF(compose_top_keys);
const size_t compose_service_count = COUNT_OF(compose_service_keys);

static bool is_one_of(const char *key, const char *const *keys, size_t n)
{
	if (str_starts(key, "x-"))
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

bool compose_top_key(const char *key)
{
	return is_one_of(key, compose_top_keys, compose_top_count);
}

bool compose_service_key(const char *key)
{
	return is_one_of(key, compose_service_keys, compose_service_count);
}
