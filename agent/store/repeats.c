/*
 * repeats - repeats.json: which failures go on, so that a person is told once and not at every
 * poll. Nothing in it is worth an fsync: what is lost is told once more.
 *   {"source.unreachable||": {"since": 1763500000, "times": 41, "open": true,
 *     "tells": [{"sum": "c0ffee00", "at": 1763500000, "n": 1}]}}
 * Depends on: common, model/event.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	HOURLY = 3,      /* that often after an hour, then after a day */
	HOUR_MAX = 3,    /* tells of one key in an hour, whatever its reasons */
	REASONS_MAX = 8, /* that are told apart for one key */
	FILE_MAX_BYTES = 4 * 1024 * 1024,
	REASON_MAX_BYTES = 4096,
	ID_DIGITS = 12, /* hex digits in a row: an id */
};

/* ---- the same reason ---- */
static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* How many characters from s on are a number or an id; 0: a word like any other. */
static size_t volatile_part(const char *s)
{
	size_t n = strspn(s, "0123456789");
	size_t hex = strspn(s, "0123456789abcdef");

	return hex >= ID_DIGITS ? hex : n;
}

/* "dial tcp 10.0.0.1:5000 after 12s" and the same with :5001 and 13s are one failure. */
static unsigned int sum_of(const char *reason)
{
	auto_str struct str plain = {.max = REASON_MAX_BYTES};
	bool inside = false; /* a word: "web1" and "web2" are two */

	for (const char *p = reason; *p != '\0';) {
		size_t n = inside ? 0 : volatile_part(p);

		if (n > 0) {
			str_addc(&plain, '#');
			p += n;
			continue;
		}
		inside = is_word(*p);
		str_addc(&plain, *p++);
	}
	return record_crc32c(str_text(&plain), plain.len);
}

/* ---- the file ---- */
/* Empty if there is no file, or it is damaged: then things are told once more. Never NULL. */
static cJSON *read_all(const struct store *s)
{
	auto_free char *path = store_path(s, "repeats.json"), *text = NULL;
	struct err ignored = ERR_INIT;
	auto_json cJSON *j = NULL;
	size_t len = 0;

	if (access(path, F_OK) == 0 && file_read(path, FILE_MAX_BYTES, &text, &len, &ignored) == 0)
		(void)json_parse(text, len, &j, &ignored);
	if (j && cJSON_IsObject(j))
		return TAKE(j);
	cJSON *fresh = cJSON_CreateObject();

	if (!fresh)
		abort(); /* no memory */
	return fresh;
}

static int write_all(const struct store *s, const cJSON *j, struct err *e)
{
	auto_free char *path = store_path(s, "repeats.json");

	if (!j->child) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(e, ERR_RETRY, errno, "cannot remove %s", path);
		return 0;
	}
	auto_free char *text = json_text(j);

	return file_replace_unsynced(path, text, strlen(text), 0600, e);
}

static char *key_text(const struct repeat_key *k)
{
	return xasprintf("%s|%s|%s", event_kind(k->event)->name, k->project ? k->project : "",
			 k->subject ? k->subject : "");
}

/* What is over, and was told so long ago that it does not count any more. */
static void forget_old(cJSON *all, int64_t now)
{
	for (cJSON *x = all->child, *next; x; x = next) {
		bool recent = false;
		const cJSON *t;

		next = x->next;
		cJSON_ArrayForEach (t, json_arr(x, "tells"))
			recent |= now - json_int(t, "at", 0) < HOUR;
		if (!json_bool(x, "open", false) && !recent)
			cJSON_Delete(cJSON_DetachItemViaPointer(all, x));
	}
}

/* ---- the rule ---- */
static cJSON *told_of(cJSON *tells, const char *sum, int64_t now, int *recent)
{
	cJSON *t, *found = NULL, *oldest = NULL;

	*recent = 0;
	cJSON_ArrayForEach (t, tells) {
		int64_t at = json_int(t, "at", 0);

		if (at > now) { /* the clock went back */
			json_set_int(t, "at", now);
			at = now;
		}
		*recent += now - at < HOUR;
		if (str_eq(json_str(t, "sum", ""), sum))
			found = t;
		if (!oldest || at < json_int(oldest, "at", 0))
			oldest = t;
	}
	if (!found && cJSON_GetArraySize(tells) >= REASONS_MAX)
		cJSON_Delete(cJSON_DetachItemViaPointer(tells, oldest));
	return found;
}

static bool is_due(const cJSON *told, int64_t now)
{
	int64_t n = json_int(told, "n", 0);

	return !told || now - json_int(told, "at", 0) >= (n <= HOURLY ? HOUR : DAY);
}

static bool tell_now(cJSON *entry, const char *reason, int64_t now)
{
	cJSON *tells = cJSON_GetObjectItemCaseSensitive(entry, "tells");
	char sum[16];
	int recent = 0;

	(void)snprintf(sum, sizeof(sum), "%08x", sum_of(reason ? reason : ""));
	if (!cJSON_IsArray(tells)) {
		cJSON_DeleteItemFromObject(entry, "tells");
		tells = cJSON_AddArrayToObject(entry, "tells");
	}
	cJSON *told = told_of(tells, sum, now, &recent);

	if (!is_due(told, now) || recent >= HOUR_MAX)
		return false;
	if (!told) {
		told = cJSON_CreateObject();
		json_set_str(told, "sum", sum);
		cJSON_AddItemToArray(tells, told);
	}
	json_set_int(told, "at", now);
	json_set_int(told, "n", json_int(told, "n", 0) + 1);
	return true;
}

static void fill(const cJSON *entry, struct repeat_state *out)
{
	out->since = json_int(entry, "since", 0);
	out->times = json_int(entry, "times", 0);
}

int repeat_failed(const struct store *s, const struct repeat_key *k, const char *reason,
		  struct repeat_state *out, struct err *e)
{
	auto_free char *name = key_text(k);
	int64_t now = clock_wall();
	int lock = -1;

	(void)history_lock(s, &lock);
	auto_json cJSON *all = read_all(s);

	forget_old(all, now);
	cJSON *x = cJSON_GetObjectItemCaseSensitive(all, name);

	if (!x)
		x = cJSON_AddObjectToObject(all, name);
	if (!json_bool(x, "open", false)) {
		json_set_bool(x, "open", true);
		json_set_bool(x, "told", false);
		json_set_int(x, "since", now);
		json_set_int(x, "times", 0);
	}
	json_set_int(x, "times", json_int(x, "times", 0) + 1);
	out->tell = tell_now(x, reason, now);
	if (out->tell)
		json_set_bool(x, "told", true);
	fill(x, out);
	int rc = write_all(s, all, e);

	lock_drop(lock);
	return rc;
}

int repeat_over(const struct store *s, const struct repeat_key *k, struct repeat_state *out,
		struct err *e)
{
	auto_free char *name = key_text(k), *path = store_path(s, "repeats.json");
	int lock = -1, rc = 0;

	*out = (struct repeat_state){.tell = false};
	if (access(path, F_OK) < 0)
		return 0;
	(void)history_lock(s, &lock);
	auto_json cJSON *all = read_all(s);
	cJSON *x = cJSON_GetObjectItemCaseSensitive(all, name);

	if (json_bool(x, "open", false)) {
		fill(x, out);
		out->tell = json_bool(x, "told", false);
		/* Kept closed for an hour: what fails every minute for a second is told no more
		 * often than what fails all the time. */
		json_set_bool(x, "open", false);
		forget_old(all, clock_wall());
		rc = write_all(s, all, e);
	}
	lock_drop(lock);
	return rc;
}

static void visit(const char *event, const char *project, const char *subject,
		  void (*each)(const struct repeat_key *k, void *arg), void *arg)
{
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct repeat_key k = {
			.event = (enum event)i, .project = project, .subject = subject};

		if (str_eq(event_kind(k.event)->name, event))
			each(&k, arg);
	}
}

int repeat_each(const struct store *s, void (*each)(const struct repeat_key *k, void *arg),
		void *arg, struct err *e)
{
	auto_json cJSON *all = read_all(s);
	const cJSON *x;

	(void)e;
	cJSON_ArrayForEach (x, all) {
		auto_free char *name = xstrdup(x->string);
		char *project = strchr(name, '|'), *subject = NULL;

		if (!json_bool(x, "open", false) || !project)
			continue;
		*project++ = '\0';
		subject = strchr(project, '|');
		if (!subject)
			continue;
		*subject++ = '\0';
		visit(name, project[0] ? project : NULL, subject[0] ? subject : NULL, each, arg);
	}
	return 0;
}
