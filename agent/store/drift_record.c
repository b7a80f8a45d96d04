/*
 * drift_record - drift.json: what was last reported of each project that runs differently from its
 * record.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/record.h"

int drift_read(const struct store *s, cJSON **out, struct err *e)
{
	auto_free char *path = store_path(s, "drift.json");

	if (record_read(path, out, e) < 0) {
		/* Only what was told already is lost: it is told once more. */
		if (e->kind != ERR_BROKEN)
			return -1;
		err_clear(e);
		*out = NULL;
	}
	if (!*out)
		*out = cJSON_CreateObject();
	return 0;
}

int drift_write(const struct store *s, const cJSON *drift, struct err *e)
{
	auto_free char *path = store_path(s, "drift.json");

	if (cJSON_GetArraySize(drift) == 0)
		return file_remove(path, e);
	return record_write(path, drift, e);
}
