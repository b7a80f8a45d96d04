/*
 * container - names of states, and clean-up.
 * Depends on: common.
 */
#include "agent/model/container.h"

#include <string.h>

/* As both engines' APIs spell them. */
static const char *const states[] = {
	[CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",     [CONTAINER_RESTARTING] = "restarting",
	[CONTAINER_REMOVING] = "removing", [CONTAINER_EXITED] = "exited",
	[CONTAINER_DEAD] = "dead",         [CONTAINER_UNKNOWN] = "unknown",
};

const char *container_state_name(enum container_state s)
{
	return (size_t)s < COUNT_OF(states) ? states[s] : "unknown";
}

enum container_state container_state_parse(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(states); i++)
		if (strcmp(states[i], name) == 0)
			return (enum container_state)i;
	/* Podman's own words for what Docker calls created and exited. */
	if (name && (strcmp(name, "configured") == 0 || strcmp(name, "initialized") == 0))
		return CONTAINER_CREATED;
	if (name && strcmp(name, "stopped") == 0)
		return CONTAINER_EXITED;
	return CONTAINER_UNKNOWN;
}

static void container_done(struct container *c)
{
	free(c->id);
	free(c->name);
	free(c->project);
	free(c->service);
	free(c->image);
	free(c->image_id);
	free(c->config_hash);
	free(c->inputs);
	free(c->health_log);
	free(c->check_last);
	free(c->restart_policy);
	free(c->error);
}

void containers_done(struct containers *l)
{
	for (size_t i = 0; i < l->n; i++)
		container_done(&l->v[i]);
	free(l->v);
	*l = (struct containers)CONTAINERS_INIT;
}
