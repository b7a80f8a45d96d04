/*
 * control - control.json: whether syncs may apply anything.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/str.h"

#include <string.h>

static const char *const mode_names[] = {
	[CONTROL_AUTO] = "auto",
	[CONTROL_SUSPENDED] = "suspended",
	[CONTROL_HELD] = "held",
};

static const char way_out[] =
	"nothing is applied until you say `mdc-agent resume` or `mdc-agent suspend`";

const char *control_mode_name(enum control_mode m)
{
	return (size_t)m < COUNT_OF(mode_names) ? mode_names[m] : "suspended";
}

static int parse_mode(const char *path, const char *name, enum control_mode *out, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(mode_names); i++)
		if (str_eq(mode_names[i], name)) {
			*out = (enum control_mode)i;
			return 0;
		}
	(void)err_set(e, ERR_BROKEN, 0, "%s has no mode that is known here", path);
	return layout_damaged(e, way_out);
}

int control_read(const struct store *s, struct control *out, struct err *e)
{
	auto_free char *path = store_path(s, "control.json");
	auto_json cJSON *j = NULL;
	struct control c = {.mode = CONTROL_AUTO};

	if (record_read(path, &j, e) < 0)
		return layout_damaged(e, way_out); /* never taken for `auto` */
	if (j) {
		if (parse_mode(path, json_str(j, "mode", NULL), &c.mode, e) < 0)
			return -1;
		c.why = xstrdup_null(json_str(j, "why", NULL));
		c.since = json_int(j, "since", 0);
		c.pinned = json_bool(j, "pinned", false);
		c.plan_digest = xstrdup_null(json_str(j, "plan_digest", NULL));
	}
	*out = c;
	return 0;
}

int control_write(const struct store *s, const struct control *c, struct err *e)
{
	auto_free char *path = store_path(s, "control.json");
	auto_json cJSON *j = cJSON_CreateObject();

	if (c->mode == CONTROL_AUTO)
		return file_remove(path, e);
	json_set_str(j, "mode", control_mode_name(c->mode));
	json_set_str(j, "why", c->why);
	json_set_int(j, "since", c->since);
	json_set_bool(j, "pinned", c->pinned);
	json_set_str(j, "plan_digest", c->plan_digest);
	return record_write(path, j, e);
}

void control_done(struct control *c)
{
	free(c->why);
	free(c->plan_digest);
	*c = (struct control){.mode = CONTROL_AUTO};
}
