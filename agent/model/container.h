/*
 * container - what the engine says of a container of some Compose project.
 * Depends on: common.
 */
#pragma once

#include "common/auto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_RESTARTING,
	CONTAINER_REMOVING,
	CONTAINER_EXITED,
	CONTAINER_DEAD,
	CONTAINER_UNKNOWN,
};
enum container_health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct container {
	char *id, *name;         /* name without the leading slash */
	char *project, *service; /* Compose's labels */
	char *image, *image_id;
	char *config_hash; /* Compose's label, "" if missing */
	char *inputs;      /* our label mdc.inputs, "" if missing */
	bool ours;         /* carries our label mdc.managed */
	bool oneoff;       /* `compose run` */
	bool ended_well;   /* exited with 0 (from the list's status text) */
	enum container_state state;
	int64_t created; /* wall clock */
	/* Filled by engine_inspect() only: */
	bool inspected;
	enum container_health health;
	char *health_log;       /* output of the last failing probe, printable, cut; or NULL */
	int64_t check_every_ms; /* its health check's interval */
	char *check_last;       /* when its last check ended, as the engine writes it; or NULL */
	int exit_code, restart_count;
	char *restart_policy; /* "no", "always", "unless-stopped", "on-failure" */
	char *error;          /* State.Error, or NULL */
	bool oom_killed;
};

struct containers {
	struct container *v; /* sorted by project, service, name */
	size_t n;
};
#define CONTAINERS_INIT                                                                            \
	{                                                                                          \
		.n = 0                                                                             \
	}
void containers_done(struct containers *l);
#define auto_containers AUTO(containers_done)
const char *container_state_name(enum container_state s);
enum container_state container_state_parse(const char *name);
