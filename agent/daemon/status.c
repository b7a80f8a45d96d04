/*
 * status - see status.h.
 * Depends on: common.
 */
#include "agent/daemon/status.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <inttypes.h>
#include <string.h>

enum { ERROR_MAX_BYTES = 200 };

static const char *state_name(const struct status_view *v)
{
	if (v->stopping)
		return "stopping";
	if (v->doing)
		return "syncing";
	if (v->degraded)
		return "degraded";
	return v->failures > 0 ? "unreachable" : "idle";
}

static void add_state(struct str *s, const struct status_view *v)
{
	if (v->stopping)
		str_add(s, v->doing ? "stopping: the sync ends its step first" : "stopping");
	else if (v->doing)
		str_add(s, strcmp(v->doing, "sync") == 0 ? "syncing" : v->doing);
	else if (v->degraded)
		str_add(s, "degraded: a person must look, see `mdc-agent status`");
	else if (v->failures > 0)
		str_add(s, "source not reachable");
	else
		str_add(s, "idle");
}

char *status_text(const struct status_view *v)
{
	auto_str struct str s = STR_INIT;
	char when[CLOCK_ISO_SIZE];

	add_state(&s, v);
	if (v->generation > 0)
		str_addf(&s, "; generation %" PRId64, v->generation);
	else
		str_add(&s, "; no generation yet");
	/* A point in time: this text stays until the next one. */
	if (v->has_source && v->seen > 0)
		str_addf(&s, "; source seen %s", clock_local(v->seen, when));
	if (v->error) {
		auto_free char *shown = str_printable(v->error, ERROR_MAX_BYTES);

		str_addf(&s, "; %s", shown);
	}
	return str_take(&s);
}

char *status_json(const struct status_view *v)
{
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "state", state_name(v));
	json_set_bool(j, "syncing", v->doing != NULL);
	json_set_str(j, "doing", v->doing);
	json_set_bool(j, "degraded", v->degraded);
	json_set_int(j, "generation", v->generation);
	if (v->next_poll_ms >= 0)
		json_set_int(j, "next_poll_s", (v->next_poll_ms + 999) / 1000);
	if (v->seen > 0)
		json_set_int(j, "source_seen", v->seen);
	json_set_int(j, "failures", v->failures);
	if (v->error) {
		auto_free char *shown = str_printable(v->error, ERROR_MAX_BYTES);

		json_set_str(j, "last_error", shown);
	}
	return json_text(j);
}
