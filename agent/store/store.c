/*
 * store - opening the state directory, and the paths in it.
 * Depends on: common.
 * A new directory is a row of `directories`; a new kind of record is a file of its own beside this
 * one.
 */
#include "agent/store/layout.h"
#include "agent/store/outbox.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION_MAX_BYTES = 64 };

static const char *const directories[] = {"projects", "generations",     "marks",
					  "live",     "live/.elsewhere", "stage"};

/* What may be there before the version file is: locks are taken before anything is opened. */
static const char *const early_names[] = {"lock", "daemon.lock", "lost+found"};

char *store_path(const struct store *s, const char *name)
{
	return path_join(s->root, name);
}

char *store_live_dir(const struct store *s, const char *project)
{
	return path_join3(s->root, "live", project);
}

char *store_elsewhere_dir(const struct store *s, const char *project)
{
	return path_join3(s->root, "live/.elsewhere", project);
}

char *store_stage_dir(const struct store *s, const char *project)
{
	return path_join3(s->root, "stage", project);
}

char *layout_project(const struct store *s, const char *project, const char *name)
{
	if (!name)
		return path_join3(s->root, "projects", project);
	return xasprintf("%s/projects/%s/%s", s->root, project, name);
}

char *layout_generation(const struct store *s, int64_t number)
{
	return xasprintf("%s/generations/%" PRId64, s->root, number);
}

int layout_make_dir(const char *path, struct err *e)
{
	auto_free char *above = path_dir(path);

	if (file_exists(path))
		return 0;
	if (dir_make(path, 0700, e) < 0)
		return -1;
	return path_sync(above,
			 e); /* else a power cut could take the directory with a record in it */
}

int layout_project_write(const struct store *s, const char *project, const char *name,
			 const cJSON *json, struct err *e)
{
	auto_free char *dir = layout_project(s, project, NULL);
	auto_free char *path = path_join(dir, name);

	if (layout_make_dir(dir, e) < 0)
		return -1;
	return record_write(path, json, e);
}

int layout_damaged(struct err *e, const char *way_out)
{
	if (e->kind == ERR_BROKEN) {
		struct err cause = *e;

		(void)err_set(e, ERR_BROKEN, 0, "%.600s; %s", cause.cause, way_out);
		memcpy(e->trail, cause.trail, sizeof(e->trail));
		e->errnum = cause.errnum;
	}
	return -1;
}

static bool is_early(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(early_names); i++)
		if (strcmp(early_names[i], name) == 0)
			return true;
	return false;
}

/* A typing mistake in state_dir must not make us the owner of somebody's directory. */
static int check_unclaimed(const char *root, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (dir_list(root, LAYOUT_MAX_NAMES, &names, e) < 0)
		return err_wrap(e, "open the state directory");
	for (size_t i = 0; i < names.n; i++)
		if (!is_early(names.v[i]))
			return err_set(
				e, ERR_USAGE, 0,
				"%s holds %s but no file `version`, so it is not a state "
				"directory of mdc-agent: set state_dir to an empty directory",
				root, names.v[i]);
	return 0;
}

/* *found false: there is no version file. */
static int check_version(const char *root, bool *found, struct err *e)
{
	auto_free char *path = path_join(root, "version"), *text = NULL;
	struct err why = ERR_INIT;

	*found = true;
	if (file_read(path, VERSION_MAX_BYTES, &text, NULL, &why) < 0) {
		if (why.errnum == ENOENT) {
			*found = false;
			return 0;
		}
		*e = why;
		return -1;
	}
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, LAYOUT_VERSION) == 0)
		return 0;
	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 10)
		return err_set(
			e, ERR_USAGE, 0, /* the wrong program: nothing is broken */
			"%s was written by a newer version of mdc-agent (format %s, this one "
			"knows %s): install that version again; nothing was changed",
			root, text, LAYOUT_VERSION);
	return err_set(
		e, ERR_BROKEN, 0,
		"%s is damaged: it should hold \"%s\"; put that in if no newer mdc-agent has "
		"run here",
		path, LAYOUT_VERSION);
}

static int make_missing(const struct store *s, bool versioned, struct err *e)
{
	if (!versioned) {
		auto_free char *path = store_path(s, "version");

		if (check_unclaimed(s->root, e) < 0)
			return -1;
		/* First, so that everything else in here is known to be ours. */
		if (file_replace(path, LAYOUT_VERSION "\n", 2, 0600, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT_OF(directories); i++) {
		auto_free char *dir = store_path(s, directories[i]);

		if (layout_make_dir(dir, e) < 0)
			return -1;
	}
	return 0;
}

int store_open(const struct config *c, bool create, struct store **out, struct err *e)
{
	auto_store struct store *s = xcalloc(1, sizeof(*s));
	bool versioned = false;
	struct err ignored = ERR_INIT;

	s->root = xstrdup(c->state_dir);
	if (create && !file_exists(s->root) && dir_make(s->root, 0700, e) < 0)
		return err_wrap(e, "make the state directory");
	if (!file_exists(s->root))
		return err_set(e, ERR_USAGE, 0,
			       "there is no state directory %s: nothing was ever synced here, run "
			       "`mdc-agent sync` first or name another agent.yaml with --config",
			       s->root);
	if (check_version(s->root, &versioned, e) < 0)
		return -1;
	if (create && make_missing(s, versioned, e) < 0)
		return -1;
	/* Reports must not be in the way of a deployment: without a cursor they begin later. */
	if (create)
		(void)outbox_open(s, c, &ignored);
	*out = TAKE(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	free(s->root);
	free(s);
}
