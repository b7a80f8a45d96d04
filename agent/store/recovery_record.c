/*
 * recovery_record - recovery.json: how often finishing a sync that was cut off was cut off itself.
 * Counted before each try, taken back when the try comes to an end of its own, so that only deaths
 * count.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/record.h"

#include <limits.h>
#include <string.h>

int recovery_read(const struct store *s, struct recovery *out, struct err *e)
{
	auto_free char *path = store_path(s, "recovery.json");
	auto_json cJSON *j = NULL;

	memset(out, 0, sizeof(*out));
	if (record_read(path, &j, e) < 0) {
		/* It only counts: begin anew rather than be stopped by it. */
		if (e->kind != ERR_BROKEN)
			return -1;
		err_clear(e);
		return 0;
	}
	int64_t died = json_int(j, "died", 0);

	out->died = died < 0 || died > INT_MAX ? RECOVERY_MAX : (int)died;
	out->since = json_int(j, "since", 0);
	out->told = json_bool(j, "told", false);
	return 0;
}

int recovery_write(const struct store *s, const struct recovery *r, struct err *e)
{
	auto_free char *path = store_path(s, "recovery.json");
	auto_json cJSON *j = cJSON_CreateObject();

	if (r->died == 0)
		return recovery_forget(s, e);
	json_set_int(j, "died", r->died);
	json_set_int(j, "since", r->since ? r->since : clock_wall());
	json_set_bool(j, "told", r->told);
	return record_write(path, j, e);
}

int recovery_forget(const struct store *s, struct err *e)
{
	auto_free char *path = store_path(s, "recovery.json");

	return file_exists(path) ? file_remove(path, e) : 0;
}
