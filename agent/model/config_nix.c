/*
 * config_nix - agent.yaml's keys for hosts with Nix. Depends on: common, keys, config_parts.
 */
#include "agent/model/config_parts.h"

const struct key_row config_nix_rows[] = {
	{"gc_roots_dir", "absolute path", "/nix/var/nix/gcroots/mdc-agent",
	 "Where links keep the store paths of kept generations from being collected.",
	 config_set_path, offsetof(struct config, gc_roots_dir), NULL},
	{.name = NULL},
};
