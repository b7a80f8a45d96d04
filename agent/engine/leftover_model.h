/*
 * leftover_model - a model made from what a project has on the engine, for `down` and `stop`
 * without its files. Compose can do that by itself (`-p NAME down`), but Compose 2.26 fails with
 * "could not find job" when a container depends on a service whose container is gone, as after a
 * failed `up` of another version. Depends on: common, api.
 */
#pragma once

#include "agent/engine/engine.h"

/* *out: services from the containers' labels, networks from the networks'; NULL if there is
 * neither. */
int leftover_model(struct engine *g, const char *project, cJSON **out, struct err *e);
