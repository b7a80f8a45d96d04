/*
 * secrets_put - decrypts what a record needs, at apply or at boot, and removes what none needs any
 * more. The ciphertext comes from the object store, so the way back has it too. Depends on:
 * secrets.h.
 */
#include "agent/flow/secrets.h"

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { FILE_MAX = 1024 * 1024, NAMES_MAX = 10000, DEPTH_MAX = 32 };
static const char model_name[] = ".model.json";

/* One record whose secrets are being opened. */
struct opening {
	struct sync *sync;
	const struct active *a;
	cJSON *model;
	const cJSON *need;
	char *temp; /* ciphertext */
	bool write;
	struct secret_table *table;
};

static int check_memory(const struct config *c, struct err *e)
{
	struct statfs fs;

	if (dir_make(c->runtime_dir, 0755, e) < 0)
		return -1;
	if (statfs(c->runtime_dir, &fs) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", c->runtime_dir);
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		return err_set(
			e, ERR_RETRY, 0,
			"runtime_dir %s is not a tmpfs: decrypted secrets would be written to a "
			"disk; set runtime_dir to a directory below /run",
			c->runtime_dir);
	return 0;
}

static bool same_there(const char *path, const char *text, size_t len)
{
	char *there = NULL;
	struct err ignored = ERR_INIT;
	size_t have = 0;
	bool same = file_read(path, FILE_MAX, &there, &have, &ignored) == 0 && have == len &&
		    memcmp(there, text, len) == 0;

	secret_forget(there, have);
	return same;
}

/* Readable for every user of a container that mounts it; the directories above are root's alone. */
static int put_file(const char *path, const char *text, size_t len, struct err *e)
{
	auto_free char *dir = path_dir(path);

	if (same_there(path, text, len))
		return 0;
	(void)rmdir(path); /* the engine makes a directory where a mounted file is missing */
	if (dir_make(dir, 0700, e) < 0 || file_replace_unsynced(path, text, len, 0444, e) < 0)
		return -1;
	return chmod(path, 0444) < 0 ? err_set(e, ERR_RETRY, errno, "cannot write %s", path) : 0;
}

static int take(struct opening *o, const cJSON *item, bool env, char *text, size_t len,
		struct err *e)
{
	auto_free char *to = secrets_path(o->sync->config, o->a->want.name, item->string);
	auto_secret_values struct secret_values v = {.n = 0};

	if (!env)
		return o->write ? put_file(to, text, len, e) : 0;
	if (secret_values_parse(text, &v, e) < 0)
		return err_wrap(e, "%s", item->string);
	secret_table_add(o->table, item->valuestring, &v);
	return 0;
}

static int open_one(struct opening *o, const cJSON *item, bool env, struct err *e)
{
	auto_free char *name = secrets_name(&o->a->want, item->string);
	auto_free char *file = path_join3(o->temp, item->valuestring, path_base(item->string));
	char *text = NULL;
	size_t len = 0;

	if (secret_open(o->sync->config, name, file, &text, &len, e) < 0)
		return -1;
	int rc = take(o, item, env, text, len, e);

	secret_forget(text, len);
	return rc;
}

static void add_export(const cJSON *list, struct strv *paths, struct export_file *x, size_t *n)
{
	const cJSON *i;

	cJSON_ArrayForEach (i, list) {
		strv_pushf(paths, "%s/%s", i->valuestring, path_base(i->string));
		x[(*n)++] =
			(struct export_file){.path = paths->v[paths->n - 1], .id = i->valuestring};
	}
}

static int fetch_ciphertext(struct opening *o, struct err *e)
{
	const cJSON *env = json_obj(o->need, "env"), *files = json_obj(o->need, "files");
	size_t most = (size_t)cJSON_GetArraySize(env) + (size_t)cJSON_GetArraySize(files), n = 0;
	auto_free struct export_file *x = xcalloc(most + 1, sizeof(*x));
	auto_strv struct strv paths = STRV_INIT;

	add_export(env, &paths, x, &n);
	add_export(files, &paths, x, &n);
	if (tree_remove(o->temp, e) < 0 || dir_make(o->temp, 0700, e) < 0)
		return -1;
	return export_files(o->sync, o->temp, x, n, e);
}

static int open_all(struct opening *o, struct err *e)
{
	const cJSON *i = NULL;

	if (fetch_ciphertext(o, e) < 0)
		return -1;
	cJSON_ArrayForEach (i, json_obj(o->need, "env"))
		if (open_one(o, i, true, e) < 0)
			return -1;
	cJSON_ArrayForEach (i, json_obj(o->need, "files"))
		if (open_one(o, i, false, e) < 0)
			return -1;
	return 0;
}

/* The model as Compose is to read it. */
static int write_model(struct opening *o, char **path, struct err *e)
{
	auto_free char *dir = secrets_dir(o->sync->config, o->a->want.name);
	auto_free char *to = path_join(dir, model_name);

	if (secret_table_fill(o->table, o->model, e) < 0 || dir_make(dir, 0700, e) < 0)
		return -1;
	char *text = json_text(o->model);
	size_t len = strlen(text);
	int rc = file_replace_unsynced(to, text, len, 0600, e);

	secret_forget(text, len);
	if (rc == 0)
		*path = TAKE(to);
	return rc;
}

static int opening_begin(struct sync *s, const struct active *a, struct opening *o, struct err *e)
{
	auto_free char *stage = s->dry ? path_join3(s->scratch, "stage", a->want.name)
				       : store_stage_dir(s->store, a->want.name);

	*o = (struct opening){.sync = s, .a = a};
	if (!a->model[0])
		return 0;
	if (model_read(s->store, a->want.name, a->model, &o->model, e) < 0)
		return -1;
	o->need = json_obj(o->model, SECRETS_KEY);
	o->temp = path_join(stage, "secrets");
	o->table = secret_table_new();
	return o->need ? check_memory(s->config, e) : 0;
}

static void opening_done(struct opening *o)
{
	struct err ignored = ERR_INIT;

	if (o->need)
		(void)tree_remove(o->temp, &ignored);
	free(o->temp);
	if (o->table)
		secret_table_free(o->table);
	cJSON_Delete(o->model);
}

int secrets_put(struct sync *s, const struct active *a, char **model, struct err *e)
{
	struct opening o;
	int rc = opening_begin(s, a, &o, e);

	o.write = true;
	if (rc == 0 && o.need)
		rc = open_all(&o, e);
	if (rc == 0 && model && o.need && json_obj(o.need, "env") && json_obj(o.need, "env")->child)
		rc = write_model(&o, model, e);
	opening_done(&o);
	return rc;
}

void secrets_filled_done(const char *model)
{
	if (model)
		(void)unlink(model);
}

int secrets_check(struct sync *s, const struct active *a, struct err *e)
{
	struct opening o;
	int rc = opening_begin(s, a, &o, e);

	if (rc == 0 && o.need)
		rc = open_all(&o, e);
	opening_done(&o);
	return rc;
}

/* Remove the files below dir that the record does not name. */
static void prune(const struct config *c, const char *project, const char *dir, const cJSON *files,
		  int depth)
{
	auto_strv struct strv names = STRV_INIT, wanted = STRV_INIT;
	struct err ignored = ERR_INIT;
	const cJSON *i;
	struct stat st;

	cJSON_ArrayForEach (i, files)
		strv_push_own(&wanted, secrets_path(c, project, i->string));
	if (depth > DEPTH_MAX || dir_list(dir, NAMES_MAX, &names, &ignored) < 0)
		return;
	for (size_t n = 0; n < names.n; n++) {
		auto_free char *path = path_join(dir, names.v[n]);

		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			prune(c, project, path, files, depth + 1);
		else if (!strv_has(&wanted, path))
			(void)unlink(path);
	}
	(void)rmdir(dir);
}

void secrets_prune(struct sync *s, const char *project, const struct active *keep)
{
	auto_free char *dir = secrets_dir(s->config, project);
	auto_json cJSON *model = NULL;
	struct err ignored = ERR_INIT;

	if (!file_exists(dir))
		return;
	if (!keep) {
		(void)tree_remove(dir, &ignored);
		return;
	}
	if (keep->model[0] && model_read(s->store, project, keep->model, &model, &ignored) == 0)
		prune(s->config, project, dir, json_obj(json_obj(model, SECRETS_KEY), "files"), 0);
}
