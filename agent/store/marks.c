/*
 * marks - marks/<project>.<digest>.json: content that failed here. The name says what is marked, so
 * that a damaged mark still holds its content back and `retry` can still remove it.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char suffix[] = ".json", odd_prefix[] = "+";

enum { DIGEST_LEN = DIGEST_HEX_SIZE - 1 };

static bool is_plain(const char *project, const char *digest)
{
	return path_is_project_name(project) && strlen(digest) == DIGEST_LEN &&
	       digest[strspn(digest, "0123456789abcdef")] == '\0';
}

static char *file_name(const char *project, const char *digest)
{
	char hex[DIGEST_HEX_SIZE];

	if (is_plain(project, digest))
		return xasprintf("%s.%s%s", project, digest, suffix);
	/* What could not be a file name, or could be another mark's. */
	struct digest *d = digest_new();
	digest_add(d, project, strlen(project));
	digest_add(d, digest, strlen(digest));
	digest_end(d, hex);
	return xasprintf("%s%s%s", odd_prefix, hex, suffix);
}

static char *mark_path(const struct store *s, const char *project, const char *digest)
{
	auto_free char *name = file_name(project, digest);

	return path_join3(s->root, "marks", name);
}

static int clip(int64_t v)
{
	if (v < 0)
		return 0;
	return v > INT_MAX ? INT_MAX : (int)v;
}

static void from_json(const cJSON *j, const char *project, const char *digest, struct mark *m)
{
	*m = (struct mark){
		.project = xstrdup(json_str(j, "project", project)),
		.digest = xstrdup(json_str(j, "digest", digest)),
		.reason = xstrdup_null(json_str(j, "reason", NULL)),
		.when = json_int(j, "when", 0),
		.attempts = clip(json_int(j, "attempts", 0)),
		.manual = json_bool(j, "manual", false),
		.policy = xstrdup_null(json_str(j, "policy", NULL)),
	};
	(void)snprintf(m->commit, sizeof(m->commit), "%s", json_str(j, "commit", ""));
}

/* A mark that cannot be read holds as well as one that can: trying again is what it is there to
 * prevent. */
static void from_damage(const char *project, const char *digest, const struct err *why,
			struct mark *m)
{
	*m = (struct mark){
		.project = xstrdup(project),
		.digest = xstrdup(digest),
		.reason = xasprintf("it is marked, but the reason was lost (%.200s)", why->cause),
		.attempts = INT_MAX,
	};
}

/* *found false: the file is not there. */
static int read_file(const char *path, const char *project, const char *digest, struct mark *out,
		     bool *found, struct err *e)
{
	auto_json cJSON *j = NULL;
	struct err why = ERR_INIT;

	if (record_read(path, &j, &why) < 0) {
		if (why.kind != ERR_BROKEN) {
			*e = why;
			return -1;
		}
		*found = true;
		from_damage(project, digest, &why, out);
		return 0;
	}
	*found = j != NULL;
	if (j)
		from_json(j, project, digest, out);
	return 0;
}

int mark_read(const struct store *s, const char *project, const char *digest, struct mark *out,
	      bool *found, struct err *e)
{
	auto_free char *path = mark_path(s, project, digest);

	return read_file(path, project, digest, out, found, e);
}

int mark_write(const struct store *s, const struct mark *m, struct err *e)
{
	auto_free char *dir = store_path(s, "marks");
	auto_free char *path = mark_path(s, m->project, m->digest);
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "project", m->project);
	json_set_str(j, "digest", m->digest);
	json_set_str(j, "reason", m->reason);
	json_set_str(j, "commit", m->commit);
	json_set_int(j, "when", m->when);
	json_set_int(j, "attempts", m->attempts);
	json_set_bool(j, "manual", m->manual);
	json_set_str(j, "policy", m->policy);
	if (layout_make_dir(dir, e) < 0)
		return -1;
	return record_write(path, j, e);
}

int mark_remove(const struct store *s, const char *project, const char *digest, struct err *e)
{
	auto_free char *path = mark_path(s, project, digest);

	return file_remove(path, e);
}

/* What a file name says; "" for both where it is a hash. */
static void split_name(const char *name, char **project, char **digest)
{
	size_t len = strlen(name), tail = 1 + DIGEST_LEN + strlen(suffix);

	if (str_starts(name, odd_prefix) || len <= tail || name[len - tail] != '.') {
		*project = xstrdup("");
		*digest = xstrdup("");
		return;
	}
	*project = xstrndup(name, len - tail);
	*digest = xstrndup(name + len - tail + 1, DIGEST_LEN);
}

int marks_of(const struct store *s, const char *project, struct mark **out, size_t *n,
	     struct err *e)
{
	auto_free char *dir = store_path(s, "marks");
	auto_strv struct strv names = STRV_INIT;

	if (file_exists(dir) && dir_list(dir, LAYOUT_MAX_NAMES, &names, e) < 0)
		return -1;
	struct mark *v = xcalloc(names.n + 1, sizeof(*v));
	size_t count = 0;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);
		auto_free char *of = NULL, *digest = NULL;
		bool found = false;

		if (!str_ends(names.v[i], suffix))
			continue;
		split_name(names.v[i], &of, &digest);
		/* The name is enough to leave most of them unread. */
		if (project && of[0] != '\0' && strcmp(of, project) != 0)
			continue;
		if (read_file(path, of, digest, &v[count], &found, e) < 0) {
			marks_done(v, count);
			return -1;
		}
		if (!found)
			continue;
		if (project && strcmp(v[count].project, project) != 0)
			mark_done(&v[count]);
		else
			count++;
	}
	*out = v;
	*n = count;
	return 0;
}

void mark_done(struct mark *m)
{
	free(m->project);
	free(m->digest);
	free(m->reason);
	free(m->policy);
	*m = (struct mark){.when = 0};
}

void marks_done(struct mark *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mark_done(&v[i]);
	free(v);
}
