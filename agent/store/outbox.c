/*
 * outbox - see outbox.h.
 * Depends on: common, model/config, history.
 */
#include "agent/store/outbox.h"

#include "agent/store/layout.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

static char *path_of(const struct store *s, const char *receiver)
{
	auto_free char *name = xasprintf("%s.json", receiver);

	return path_join3(s->root, "outbox", name);
}

/* The i-th receiver's name, NULL behind the last one. */
static const char *name_of(const struct config *c, size_t i)
{
	if (i < c->reports.n)
		return c->reports.webhooks[i].name;
	return i == c->reports.n && c->reports.forge.kind != FORGE_NONE ? OUTBOX_FORGE : NULL;
}

void cursor_done(struct cursor *c)
{
	free(c->last_error);
	free(c->last);
	*c = (struct cursor){.acked = 0};
}

int outbox_read(const struct store *s, const char *receiver, struct cursor *out, bool *found,
		struct err *e)
{
	auto_free char *path = path_of(s, receiver);
	auto_json cJSON *j = NULL;
	struct err why = ERR_INIT;

	*found = false;
	if (record_read(path, &j, &why) < 0 && why.kind != ERR_BROKEN) {
		*e = why;
		return -1;
	}
	*out = (struct cursor){.acked = 0};
	if (!j)
		return history_last_seq(s, &out->acked, e);
	*found = true;
	*out = (struct cursor){
		.acked = json_int(j, "acked", 0),
		.skip_to = json_int(j, "skip_to", 0),
		.failures = (int)json_int(j, "failures", 0),
		.first_failure = json_int(j, "first_failure", 0),
		.next_try = json_int(j, "next_try", 0),
		.last_error = xstrdup_null(json_str(j, "last_error", NULL)),
		.dropped = json_int(j, "dropped", 0),
		.told = json_bool(j, "told", false),
		.told_dropped = json_bool(j, "told_dropped", false),
		.last = xstrdup_null(json_str(j, "last", NULL)),
	};
	return 0;
}

int outbox_write(const struct store *s, const char *receiver, const struct cursor *c, struct err *e)
{
	auto_free char *path = path_of(s, receiver), *dir = path_join(s->root, "outbox");
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_int(j, "acked", c->acked);
	json_set_int(j, "skip_to", c->skip_to);
	json_set_int(j, "failures", c->failures);
	json_set_int(j, "first_failure", c->first_failure);
	json_set_int(j, "next_try", c->next_try);
	json_set_str(j, "last_error", c->last_error);
	json_set_int(j, "dropped", c->dropped);
	json_set_bool(j, "told", c->told);
	json_set_bool(j, "told_dropped", c->told_dropped);
	json_set_str(j, "last", c->last);
	if (layout_make_dir(dir, e) < 0 || record_write(path, j, e) < 0)
		return err_wrap(e, "write the outbox");
	return 0;
}

int outbox_open(const struct store *s, const struct config *c, struct err *e)
{
	const char *name;

	for (size_t i = 0; (name = name_of(c, i)) != NULL; i++) {
		auto_free char *path = path_of(s, name);
		struct cursor at = {.acked = 0};

		if (file_exists(path))
			continue;
		if (history_last_seq(s, &at.acked, e) < 0 || outbox_write(s, name, &at, e) < 0)
			return -1;
	}
	return 0;
}

int outbox_tidy(const struct store *s, const struct config *c, struct err *e)
{
	auto_free char *dir = path_join(s->root, "outbox");
	auto_strv struct strv files = STRV_INIT, known = STRV_INIT;
	const char *name;

	if (!file_exists(dir))
		return 0;
	for (size_t i = 0; (name = name_of(c, i)) != NULL; i++)
		strv_pushf(&known, "%s.json", name);
	if (dir_list(dir, LAYOUT_MAX_NAMES, &files, e) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++) {
		auto_free char *path = path_join(dir, files.v[i]);

		if (str_ends(files.v[i], ".json") && !strv_has(&known, files.v[i]) &&
		    file_remove(path, e) < 0)
			return -1;
	}
	return 0;
}

int outbox_due(const struct store *s, const struct config *c, int64_t *at, struct err *e)
{
	const char *name;
	int64_t last = 0, now = clock_wall();

	*at = 0;
	if (!reports_any(&c->reports))
		return 0;
	if (history_last_seq(s, &last, e) < 0)
		return -1;
	for (size_t i = 0; (name = name_of(c, i)) != NULL; i++) {
		auto_cursor struct cursor k = {.acked = 0};
		bool found = false;

		if (outbox_read(s, name, &k, &found, e) < 0)
			return -1;
		if (found && k.acked >= last)
			continue;
		int64_t then = k.next_try > 0 ? k.next_try : now;
		if (*at == 0 || then < *at)
			*at = then;
	}
	return 0;
}
