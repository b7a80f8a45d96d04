/*
 * source_record - source.json: what the last finished sync saw, so that the daemon knows whether
 * there is anything to do.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int clip(int64_t v)
{
	if (v < 0)
		return 0;
	return v > INT_MAX ? INT_MAX : (int)v;
}

int source_read(const struct store *s, struct source_record *out, struct err *e)
{
	auto_free char *path = store_path(s, "source.json");
	auto_json cJSON *j = NULL;
	struct source_record r = {.settled = false};
	struct err why = ERR_INIT;

	if (record_read(path, &j, &why) < 0 && why.kind != ERR_BROKEN) {
		*e = why;
		return -1;
	}
	/* A damaged one is as good as none: it only saves work, and the next sync writes it anew.
	 */
	if (j) {
		(void)snprintf(r.id, sizeof(r.id), "%s", json_str(j, "id", ""));
		r.config_digest = xstrdup_null(json_str(j, "config_digest", NULL));
		r.settled = json_bool(j, "settled", false);
		r.fetched = json_int(j, "fetched", 0);
		r.failures = clip(json_int(j, "failures", 0));
		r.last_error = xstrdup_null(json_str(j, "last_error", NULL));
		r.plan_digest = xstrdup_null(json_str(j, "plan_digest", NULL));
		r.moved = json_int(j, "moved", r.fetched);
		(void)snprintf(r.refused, sizeof(r.refused), "%s", json_str(j, "refused", ""));
		r.refused_why = xstrdup_null(json_str(j, "refused_why", NULL));
		r.held = cJSON_DetachItemFromObjectCaseSensitive(j, "held");
	}
	*out = r;
	return 0;
}

int source_write(const struct store *s, const struct source_record *r, struct err *e)
{
	auto_free char *path = store_path(s, "source.json");
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "id", r->id);
	json_set_str(j, "config_digest", r->config_digest);
	json_set_bool(j, "settled", r->settled);
	json_set_int(j, "fetched", r->fetched);
	json_set_int(j, "failures", r->failures);
	json_set_str(j, "last_error", r->last_error);
	json_set_str(j, "plan_digest", r->plan_digest);
	json_set_int(j, "moved", r->moved);
	if (r->refused[0]) {
		json_set_str(j, "refused", r->refused);
		json_set_str(j, "refused_why", r->refused_why);
	}
	if (r->held)
		cJSON_AddItemToObject(j, "held", cJSON_Duplicate(r->held, true));
	return record_write(path, j, e);
}

char *source_age_text(const struct source_record *r, const struct config *c)
{
	int64_t limit_ms = c->source.max_age_ms, age_ms = (clock_wall() - r->moved) * 1000;
	char age[32], limit[32];

	if (limit_ms == 0 || r->moved == 0 || age_ms <= limit_ms)
		return NULL;
	return xasprintf("no new commit for %s; source.max_age is %s",
			 duration_text(age_ms, age, sizeof(age)),
			 duration_text(limit_ms, limit, sizeof(limit)));
}

void source_record_done(struct source_record *r)
{
	free(r->config_digest);
	free(r->last_error);
	free(r->plan_digest);
	free(r->refused_why);
	cJSON_Delete(r->held);
	*r = (struct source_record){.settled = false};
}
