/*
 * generations - generations/<N>/generation.json, immutable, and the number that is never used
 * twice. A directory of that name appears with its record in it, whole, by one rename.
 * Depends on: common, model/generation.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where a generation is built and taken apart; there is one sync at a time, so one name each will
 * do. */
static const char building[] = "generations/" FILE_TMP_PREFIX "new";
static const char leaving[] = "generations/" FILE_TMP_PREFIX "old";

static int highest(const struct store *s, int64_t *out, struct err *e)
{
	auto_free int64_t *v = NULL;
	size_t n = 0;

	if (generation_numbers(s, &v, &n, e) < 0)
		return -1;
	*out = n > 0 ? v[n - 1] : 0;
	return 0;
}

/* The highest number that was given back: written before its directory goes. */
static int last_removed(const struct store *s, int64_t *out, struct err *e)
{
	auto_free char *path = store_path(s, "last-number");
	auto_json cJSON *j = NULL;

	if (record_read(path, &j, e) < 0)
		return layout_damaged(e, "remove it if no generation above the highest one that "
					 "is listed was ever made");
	*out = json_int(j, "number", 0);
	return 0;
}

int generation_next(const struct store *s, int64_t *out, struct err *e)
{
	int64_t there = 0, removed = 0;

	if (highest(s, &there, e) < 0 || last_removed(s, &removed, e) < 0)
		return -1;
	*out = (there > removed ? there : removed) + 1;
	return 0;
}

/* The JSON of one line; *len is its length. */
static cJSON *parse_line(const char *line, size_t *len)
{
	*len = strcspn(line, "\n");
	return cJSON_ParseWithLength(line, *len);
}

/*
 * The text is the head and then a line for each project. A line is kept as it was read, so that the
 * next generation, which mostly differs in one project, need not make the others' again.
 */
static int parse(const char *text, struct generation *g)
{
	size_t len = 0, room = 0;
	auto_json cJSON *head = parse_line(text, &len);

	if (!head)
		return -1;
	generation_head_from_json(head, g);
	for (text += len; text[0] == '\n' && text[1] != '\0'; text += len) {
		auto_json cJSON *j = parse_line(++text, &len);

		if (!j)
			return -1;
		if (g->n == room) {
			room = room ? 2 * room : 16;
			g->v = xreallocarray(g->v, room, sizeof(*g->v));
		}
		struct generation_entry *x = &g->v[g->n++];

		generation_entry_from_json(j, json_obj(head, "commits"), x);
		x->text = xstrndup(text, len);
	}
	generation_sort(g);
	return 0;
}

int generation_read(const struct store *s, int64_t number, struct generation *out, struct err *e)
{
	auto_free char *dir = layout_generation(s, number);
	auto_free char *path = path_join(dir, "generation.json");
	auto_free char *text = NULL;
	auto_generation struct generation g = {.number = 0};
	size_t len = 0;

	if (record_read_text(path, &text, &len, e) < 0)
		return err_wrap(e, "generation %" PRId64, number);
	if (!text)
		return err_set(e, ERR_BROKEN, 0, "there is no generation %" PRId64, number);
	if (parse(text, &g) < 0)
		return err_set(e, ERR_BROKEN, 0, "%s is damaged: it is no JSON", path);
	if (g.number != number)
		return err_set(e, ERR_BROKEN, 0, "%s is the record of generation %" PRId64, path,
			       g.number);
	*out = g;
	g = (struct generation){.number = 0};
	return 0;
}

static void add_line(struct str *text, cJSON *j)
{
	auto_free char *line = json_text(j);

	str_add(text, line);
	str_add(text, "\n");
	cJSON_Delete(j);
}

static int write_text(const char *path, const struct generation *g, struct err *e)
{
	auto_str struct str text = {.max = RECORD_MAX_BYTES + 1};

	add_line(&text, generation_head_to_json(g));
	for (size_t i = 0; i < g->n; i++) {
		if (!g->v[i].text) {
			add_line(&text, generation_entry_to_json(&g->v[i]));
			continue;
		}
		str_add(&text, g->v[i].text);
		str_add(&text, "\n");
	}
	return record_write_text(path, str_text(&text), text.len, e);
}

/*
 * What is in the way of a new directory: the same number from a sync that died before it switched
 * `current`. Anything else is a mistake of ours.
 */
static int clear_way(const struct store *s, int64_t number, const char *dir, struct err *e)
{
	int64_t top = 0, current = 0;

	if (!file_exists(dir))
		return 0;
	if (highest(s, &top, e) < 0 || current_read(s, &current, e) < 0)
		return -1;
	if (number != top || number == current)
		return err_set(e, ERR_BROKEN, 0,
			       "generation %" PRId64 " is there already and never changes", number);
	return tree_remove(dir, e);
}

int generation_write(const struct store *s, const struct generation *g, struct err *e)
{
	auto_free char *dir = layout_generation(s, g->number);
	auto_free char *tmp = store_path(s, building);
	auto_free char *record = path_join(tmp, "generation.json");
	auto_free char *above = store_path(s, "generations");

	if (g->number < 1)
		return err_set(e, ERR_BROKEN, 0, "a generation needs a number");
	if (tree_remove(tmp, e) < 0 || dir_make(tmp, 0700, e) < 0 || write_text(record, g, e) < 0)
		return err_wrap(e, "write generation %" PRId64, g->number);
	if (clear_way(s, g->number, dir, e) < 0)
		return -1;
	if (rename(tmp, dir) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot put %s in place", dir);
	return path_sync(above, e);
}

int generation_remove(const struct store *s, int64_t number, struct err *e)
{
	auto_free char *dir = layout_generation(s, number);
	auto_free char *tmp = store_path(s, leaving);
	auto_free char *above = store_path(s, "generations");
	int64_t next = 0, current = 0;

	/* Before asking whether it is there: a removal that was cut off has left this behind. */
	if (tree_remove(tmp, e) < 0)
		return -1;
	if (!file_exists(dir))
		return 0;
	if (current_read(s, &current, e) < 0)
		return -1;
	if (number == current)
		return err_set(e, ERR_BROKEN, 0, "generation %" PRId64 " is the current one",
			       number);
	if (generation_next(s, &next, e) < 0)
		return -1;
	if (number == next - 1) {
		auto_free char *path = store_path(s, "last-number");
		auto_json cJSON *j = cJSON_CreateObject();

		json_set_int(j, "number", number);
		if (record_write(path, j, e) < 0)
			return -1;
	}
	if (rename(dir, tmp) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", dir);
	if (path_sync(above, e) < 0)
		return -1;
	return tree_remove(tmp, e);
}
