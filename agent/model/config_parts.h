/*
 * config_parts - what config.c's parts give each other. Private to config*.c.
 * Depends on: config.
 */
#pragma once

#include "agent/model/config.h"

/* Judge url, branch, tag and credentials together; fills kind, and for ssh the user name. */
int config_check_source(const struct yaml_node *root, const struct key_context *c,
			struct source_config *s);
