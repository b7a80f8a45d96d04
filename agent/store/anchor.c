/*
 * anchor - the record `anchor`: the last commit that was verified and accepted. It is kept apart
 * from source.json, which only saves work and is made anew when it is damaged; this one is not.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/record.h"

#include <stdio.h>

static const char way_out[] =
	"nothing is applied until somebody who knows which commit is right says `mdc-agent accept "
	"COMMIT`";

int anchor_read(const struct store *s, struct anchor *out, struct err *e)
{
	auto_free char *path = store_path(s, "anchor");
	auto_json cJSON *j = NULL;

	*out = (struct anchor){.since = 0};
	if (record_read(path, &j, e) < 0)
		return layout_damaged(e, way_out);
	if (!j)
		return 0;
	(void)snprintf(out->id, sizeof(out->id), "%s", json_str(j, "id", ""));
	if (out->id[0] == '\0') {
		(void)err_set(e, ERR_BROKEN, 0, "%s names no commit", path);
		return layout_damaged(e, way_out);
	}
	out->tag = xstrdup_null(json_str(j, "tag", NULL));
	out->who = xstrdup_null(json_str(j, "who", NULL));
	out->since = json_int(j, "since", 0);
	return 0;
}

int anchor_write(const struct store *s, const struct anchor *a, struct err *e)
{
	auto_free char *path = store_path(s, "anchor");
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "id", a->id);
	json_set_str(j, "tag", a->tag);
	json_set_str(j, "who", a->who);
	json_set_int(j, "since", a->since);
	return record_write(path, j, e);
}

void anchor_done(struct anchor *a)
{
	free(a->tag);
	free(a->who);
	*a = (struct anchor){.since = 0};
}
