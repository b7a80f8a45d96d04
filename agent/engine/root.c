/*
 * root - where the engine keeps images and volumes, to look at how full that disk is.
 * Depends on: api.
 */
#include "agent/engine/api.h"

#include "common/json.h"
#include "common/mem.h"

int engine_root(struct engine *g, char **out, struct err *e)
{
	auto_json cJSON *info = NULL;

	if (api_get(g, "/info", "ask for its directories", &info, e) < 0)
		return -1;
	*out = xstrdup(json_str(info, "DockerRootDir", ""));
	return 0;
}
