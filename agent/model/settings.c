/*
 * settings - one table of fields from which clean-up, merging and JSON are made.
 * Depends on: common, keys, settings_words.
 * To add a key: a row in fields[] here and one in settings_rows.c.
 */
#include "agent/model/settings.h"

#include "agent/model/settings_words.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

#define WORDS(name, ...)                                                                           \
	static const char *const name##_v[] = {"", __VA_ARGS__};                                   \
	const struct settings_words settings_##name = {name##_v, COUNT_OF(name##_v)}
WORDS(pull, "always", "missing", "never");
WORDS(on_remove, "down", "stop", "keep");
WORDS(quiesce, "stop", "pause", "none");
WORDS(restore, "auto", "manual", "never");
WORDS(driver, "auto", "btrfs", "reflink", "copy", "zfs", "command");
WORDS(flag, "no", "yes");

enum field_kind { TEXT, LIST, TIME, WORD, FILLED };

/* FILLED is a bool that says a list was given even though it is empty; it stands after its list. */
static const struct field {
	const char *name; /* in JSON; the same as the dotted name of the key */
	enum field_kind kind;
	size_t at;
	const struct settings_words *words; /* WORD */
} fields[] = {
#define AT(member) offsetof(struct settings, member)
	{"path", TEXT, AT(path), NULL},
	{"files", LIST, AT(files), NULL},
	{"compose_files", LIST, AT(compose_files), NULL},
	{"hosts", LIST, AT(hosts), NULL},
	{"after", LIST, AT(after), NULL},
	{"env_files", LIST, AT(env_files), NULL},
	{"profiles", LIST, AT(profiles), NULL},
	{"profiles.given", FILLED, AT(has_profiles), NULL},
	{"pull", WORD, AT(pull), &settings_pull},
	{"on_remove", WORD, AT(on_remove), &settings_on_remove},
	{"health.timeout_ms", TIME, AT(health.timeout_ms), NULL},
	{"health.settle_ms", TIME, AT(health.settle_ms), NULL},
	{"health.http", LIST, AT(health.http), NULL},
	{"health.units", LIST, AT(health.units), NULL},
	{"snapshot.all_volumes", WORD, AT(snapshot.all_volumes), &settings_flag},
	{"snapshot.volumes", LIST, AT(snapshot.volumes), NULL},
	{"snapshot.paths", LIST, AT(snapshot.paths), NULL},
	{"snapshot.quiesce", WORD, AT(snapshot.quiesce), &settings_quiesce},
	{"snapshot.restore", WORD, AT(snapshot.restore), &settings_restore},
	{"snapshot.restore_by_volume", LIST, AT(snapshot.restore_by_volume), NULL},
	{"snapshot.driver", WORD, AT(snapshot.driver), &settings_driver},
	{"snapshot.driver_by_volume", LIST, AT(snapshot.driver_by_volume), NULL},
	{"hooks.before_snapshot.service", TEXT, AT(before_snapshot.service), NULL},
	{"hooks.before_snapshot.command", LIST, AT(before_snapshot.command), NULL},
	{"hooks.before_snapshot.timeout_ms", TIME, AT(before_snapshot.timeout_ms), NULL},
	{"hooks.after_snapshot.service", TEXT, AT(after_snapshot.service), NULL},
	{"hooks.after_snapshot.command", LIST, AT(after_snapshot.command), NULL},
	{"hooks.after_snapshot.timeout_ms", TIME, AT(after_snapshot.timeout_ms), NULL},
	{"suspend", WORD, AT(suspend), &settings_flag},
	{"adopt", WORD, AT(adopt), &settings_flag},
	{"project_name", TEXT, AT(host.project_name), NULL},
	{"substitutions", LIST, AT(host.substitutions), NULL},
	{"substitutions_from_files", LIST, AT(host.substitutions_from_files), NULL},
	{"images", LIST, AT(host.images), NULL},
	{"down_timeout_ms", TIME, AT(host.down_timeout_ms), NULL},
	{"requires_mounts", LIST, AT(host.requires_mounts), NULL},
	{"host_nix_store.services", LIST, AT(host.store.services), NULL},
	{"host_nix_store.read_only", WORD, AT(host.store.read_only), &settings_flag},
	{"host_nix_store.nix_daemon", WORD, AT(host.store.nix_daemon), &settings_flag},
#undef AT
};

static void *in(const struct settings *s, const struct field *f)
{
	return (char *)(uintptr_t)s + f->at;
}

void settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (fields[i].kind == TIME)
			*(int64_t *)in(s, &fields[i]) = DURATION_UNSET;
}

void settings_done(struct settings *s)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (fields[i].kind == TEXT)
			free(*(char **)in(s, &fields[i]));
		if (fields[i].kind == LIST)
			strv_done(in(s, &fields[i]));
	}
	settings_init(s);
}

static bool is_set(const struct settings *s, const struct field *f)
{
	switch (f->kind) {
	case TEXT:
		return *(char **)in(s, f) != NULL;
	case LIST:
		return ((struct strv *)in(s, f))->n > 0;
	case TIME:
		return *(int64_t *)in(s, f) != DURATION_UNSET;
	case WORD:
		return *(int *)in(s, f) != 0;
	case FILLED:
		return *(bool *)in(s, f);
	}
	return false;
}

static void copy_field(struct settings *into, const struct settings *from, const struct field *f)
{
	switch (f->kind) {
	case TEXT:
		*(char **)in(into, f) = xstrdup(*(char **)in(from, f));
		break;
	case LIST:
		strv_copy(in(into, f), in(from, f));
		break;
	case TIME:
		*(int64_t *)in(into, f) = *(int64_t *)in(from, f);
		break;
	case WORD:
		*(int *)in(into, f) = *(int *)in(from, f);
		break;
	case FILLED:
		*(bool *)in(into, f) = *(bool *)in(from, f);
		break;
	}
}

/* Where two fields say one thing, the more general source must not add to the more special one: the
 * fields that stay away when another one of the pair is set. */
static const struct pair {
	size_t has, with; /* offsets; with is left alone when has was set */
} pairs[] = {
#define AT(member) offsetof(struct settings, member)
	{AT(has_profiles), AT(profiles)},
	{AT(snapshot.all_volumes), AT(snapshot.volumes)},
	{AT(snapshot.restore), AT(snapshot.restore_by_volume)},
	{AT(snapshot.driver), AT(snapshot.driver_by_volume)},
	{AT(before_snapshot.command), AT(before_snapshot.service)},
	{AT(after_snapshot.command), AT(after_snapshot.service)},
#undef AT
};

static bool set_at(const struct settings *s, size_t at)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (fields[i].at == at)
			return is_set(s, &fields[i]);
	return false;
}

void settings_merge(struct settings *into, const struct settings *from)
{
	bool own[COUNT_OF(pairs)];

	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		own[i] = set_at(into, pairs[i].has);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct field *f = &fields[i];
		bool skip = is_set(into, f) || !is_set(from, f);

		for (size_t k = 0; k < COUNT_OF(pairs); k++)
			skip |= own[k] && pairs[k].with == f->at;
		if (!skip)
			copy_field(into, from, f);
	}
}

static bool field_equal(const struct settings *a, const struct settings *b, const struct field *f)
{
	switch (f->kind) {
	case TEXT:
		return str_eq(*(char **)in(a, f), *(char **)in(b, f));
	case LIST:
		return strv_equal(in(a, f), in(b, f));
	case TIME:
		return *(int64_t *)in(a, f) == *(int64_t *)in(b, f);
	case WORD:
		return *(int *)in(a, f) == *(int *)in(b, f);
	case FILLED:
		return *(bool *)in(a, f) == *(bool *)in(b, f);
	}
	return false;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (!field_equal(a, b, &fields[i]))
			return false;
	return true;
}

static void fill_builtin(struct settings *to)
{
	enum { SECOND = 1000, MINUTE = 60 * SECOND };
	struct settings builtin;

	settings_init(&builtin);
	builtin.pull = PULL_MISSING;
	builtin.on_remove = ON_REMOVE_DOWN;
	builtin.health.timeout_ms = 3 * MINUTE;
	builtin.health.settle_ms = 10 * SECOND;
	builtin.snapshot.all_volumes = TRI_YES;
	builtin.snapshot.quiesce = QUIESCE_STOP;
	/* Beside a map that names some volumes this is what the others get; it must not hide the
	 * map. */
	builtin.snapshot.restore = RESTORE_AUTO;
	builtin.before_snapshot.timeout_ms = 5 * MINUTE;
	builtin.after_snapshot.timeout_ms = 5 * MINUTE;
	builtin.suspend = TRI_NO;
	builtin.adopt = TRI_NO;
	*to = builtin; /* no field of it is allocated */
}

void settings_finish(struct settings *s)
{
	struct settings builtin;

	fill_builtin(&builtin);
	settings_merge(s, &builtin);
	settings_done(&builtin);
}

/* skip: fields that are as there are left out; NULL: none. */
static cJSON *write_fields(const struct settings *s, const struct settings *skip)
{
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct field *f = &fields[i];
		if (!is_set(s, f) || (skip && field_equal(s, skip, f)))
			continue;
		if (f->kind == TEXT)
			json_set_str(o, f->name, *(char **)in(s, f));
		else if (f->kind == LIST)
			json_set_strv(o, f->name, in(s, f));
		else if (f->kind == TIME)
			json_set_int(o, f->name, *(int64_t *)in(s, f));
		else if (f->kind == WORD)
			json_set_str(o, f->name, f->words->v[*(unsigned *)in(s, f)]);
		else
			json_set_bool(o, f->name, true);
	}
	return o;
}

cJSON *settings_to_json(const struct settings *s)
{
	return write_fields(s, NULL);
}

cJSON *settings_to_short_json(const struct settings *s)
{
	struct settings builtin;

	fill_builtin(&builtin);
	return write_fields(s, &builtin);
}

static int word_index(const struct settings_words *words, const char *text)
{
	for (size_t i = 1; text && i < words->n; i++)
		if (strcmp(words->v[i], text) == 0)
			return (int)i;
	return 0;
}

static void field_from_json(const cJSON *v, const struct field *f, struct settings *s)
{
	void *to = in(s, f);

	if (f->kind == TEXT && cJSON_IsString(v)) {
		free(*(char **)to);
		*(char **)to = xstrdup(v->valuestring);
	} else if (f->kind == LIST && cJSON_IsArray(v)) {
		const cJSON *item;
		strv_done(to);
		cJSON_ArrayForEach (item, v)
			if (cJSON_IsString(item))
				strv_push(to, item->valuestring);
	} else if (f->kind == TIME && cJSON_IsNumber(v) && v->valuedouble >= 0 &&
		   v->valuedouble < 0x1p53) {
		*(int64_t *)to = (int64_t)v->valuedouble;
	} else if (f->kind == WORD) {
		*(int *)to = word_index(f->words, cJSON_GetStringValue(v));
	} else if (f->kind == FILLED) {
		*(bool *)to = cJSON_IsTrue(v);
	}
}

void settings_from_json(const cJSON *j, struct settings *s)
{
	const cJSON *v;
	size_t next = 0;

	settings_init(s);
	/* We wrote the members in the order of the table: the match is nearly always the next row.
	 */
	cJSON_ArrayForEach (v, j) {
		for (size_t k = 0; v->string && k < COUNT_OF(fields); k++) {
			size_t i = (next + k) % COUNT_OF(fields);
			if (strcmp(fields[i].name, v->string) != 0)
				continue;
			field_from_json(v, &fields[i], s);
			next = i + 1;
			break;
		}
	}
}

const char *quiesce_name(enum quiesce q)
{
	return (size_t)q < settings_quiesce.n ? settings_quiesce.v[q] : "";
}

const char *restore_name(enum restore r)
{
	return (size_t)r < settings_restore.n ? settings_restore.v[r] : "";
}

const char *pull_policy_name(enum pull_policy p)
{
	return (size_t)p < settings_pull.n ? settings_pull.v[p] : "";
}

const char *on_remove_name(enum on_remove r)
{
	return (size_t)r < settings_on_remove.n ? settings_on_remove.v[r] : "";
}

/* The word in "volume=word" of a list; 0: the list does not name it. A path may hold a '='. */
static int word_of(const struct strv *list, const char *volume, const struct settings_words *words)
{
	size_t len = strlen(volume);

	for (size_t i = 0; i < list->n; i++) {
		const char *entry = list->v[i], *sign = strrchr(entry, '=');
		if (sign && (size_t)(sign - entry) == len && strncmp(entry, volume, len) == 0)
			return word_index(words, sign + 1);
	}
	return 0;
}

enum restore settings_restore_of(const struct settings *s, const char *volume)
{
	int own = word_of(&s->snapshot.restore_by_volume, volume, &settings_restore);

	return own > 0 ? (enum restore)own : s->snapshot.restore;
}

const char *settings_driver_of(const struct settings *s, const char *volume)
{
	int own = word_of(&s->snapshot.driver_by_volume, volume, &settings_driver);
	int driver = own > 0 ? own : (int)s->snapshot.driver;

	return driver > DRIVER_AUTO ? settings_driver.v[driver] : NULL;
}
