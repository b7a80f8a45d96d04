/*
 * secrets_stage - encrypted files of a project while it is staged: env files of the mirror get
 * placeholders for their values, and what containers mount is pointed at the plaintext's place. One
 * that cannot be decrypted stops the deployment only if the project uses it: a directory may hold
 * files for other hosts. Depends on: secrets.h.
 */
#include "agent/flow/secrets.h"

#include "agent/engine/model.h"
#include "agent/model/secret.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { SECRETS_MAX = 200 };

#define NO_ENV "@mdc-no-env-file-"

static const char beside[] = "../.elsewhere/";

/* The rest of a path of active.files that is elsewhere in the repository; NULL if it is the
 * project's. */
static const char *elsewhere_part(const char *path)
{
	const char *rest = str_starts(path, beside) ? strchr(path + strlen(beside), '/') : NULL;

	return rest ? rest + 1 : NULL;
}

char *secrets_name(const struct project *w, const char *path)
{
	const char *rest = elsewhere_part(path);

	if (rest || !w->path || strcmp(w->path, ".") == 0)
		return xstrdup(rest ? rest : path);
	return path_join(w->path, path);
}

char *secrets_dir(const struct config *c, const char *project)
{
	return path_join3(c->runtime_dir, "secrets", project);
}

char *secrets_path(const struct config *c, const char *project, const char *path)
{
	auto_free char *dir = secrets_dir(c, project);
	const char *rest = elsewhere_part(path);

	return rest ? path_join3(dir, ".elsewhere", rest) : path_join(dir, path);
}

static char *live_path(const struct staging *g, const char *path)
{
	const char *rest = elsewhere_part(path);

	return rest ? path_join(g->elsewhere, rest) : path_join(g->live, path);
}

/* What Compose reads in the file's place. One that is no env file is never read: should it be, it
 * must not pass for one, and Compose's error repeats this line. */
static int write_stand_in(const struct secret_file *f, size_t number, struct err *e)
{
	auto_str struct str text = STR_INIT;

	if (!f->is_env)
		str_addf(&text, NO_ENV "%zu-\n", number);
	for (size_t i = 0; i < f->values.n; i++) {
		char mark[64] = "";

		if (f->values.values[i][0] != '\0')
			secret_placeholder(f->file->id, f->values.names[i], mark);
		str_addf(&text, "%s=%s\n", f->values.names[i], mark);
	}
	return file_replace_unsynced(f->mirror, str_text(&text), text.len, 0600, e);
}

static int prepare(struct staging *g, const struct live_file *file, struct secrets *s,
		   struct err *e)
{
	const struct config *c = g->sync->config;
	const char *rest = elsewhere_part(file->path);
	auto_free char *name = secrets_name(g->want, file->path);
	struct err why = ERR_INIT;
	char said[sizeof(why.cause) + sizeof(why.trail)];
	char *text = NULL;
	size_t len = 0;

	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	struct secret_file *f = &s->v[s->n++];

	*f = (struct secret_file){.file = file,
				  .mirror = rest ? path_join(g->root, rest)
						 : path_join(g->directory, file->path)};
	if (secret_open(c, name, f->mirror, &text, &len, &why) < 0) {
		f->why = xstrdup(err_text(&why, said, sizeof(said)));
	} else {
		f->is_env = secret_values_parse(text, &f->values, &why) == 0;
	}
	secret_forget(text, len);
	return write_stand_in(f, s->n, e);
}

int secrets_prepare(struct staging *g, struct secrets *s, struct err *e)
{
	const struct active *a = &g->trial->new;

	for (size_t i = 0; i < a->n_files && !g->want->declared; i++) {
		enum secret_kind kind = secret_kind(a->files[i].path);

		/* Without a program to ask, such a name means nothing. */
		if (kind == SECRET_NONE || (kind == SECRET_ASKED && !g->sync->config->secrets.exec))
			continue;
		if (s->n == SECRETS_MAX)
			return err_set(e, ERR_REJECTED, 0,
				       "the project has more than %d encrypted files", SECRETS_MAX);
		if (prepare(g, &a->files[i], s, e) < 0)
			return -1;
	}
	return 0;
}

void secrets_explain(const struct secrets *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct secret_file *f = &s->v[i];
		auto_free char *mark = xasprintf(NO_ENV "%zu-", i + 1);

		if (f->is_env || !strstr(e->cause, mark))
			continue;
		if (f->why)
			err_set(e, ERR_RETRY, 0, "%s", f->why);
		else
			err_set(e, ERR_REJECTED, 0,
				"%s is used as an env file, but its decrypted text is not made of "
				"NAME=value lines",
				f->file->path);
		return;
	}
}

void secrets_done(struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].mirror);
		free(s->v[i].why);
		secret_values_done(&s->v[i].values);
	}
	free(s->v);
	*s = (struct secrets){.n = 0};
}

static bool says(const cJSON *model, const char *text)
{
	const cJSON *child = NULL;

	if (cJSON_IsString(model))
		return strcmp(model->valuestring, text) == 0;
	cJSON_ArrayForEach (child, model)
		if (says(child, text))
			return true;
	return false;
}

static bool fills(const struct secret_file *f, const char *text)
{
	for (size_t i = 0; i < f->values.n; i++) {
		char mark[64];

		secret_placeholder(f->file->id, f->values.names[i], mark);
		if (strstr(text, mark))
			return true;
	}
	return false;
}

static int redirect_file(struct staging *g, const struct secret_file *f, cJSON *files,
			 struct err *e)
{
	auto_free char *live = live_path(g, f->file->path);
	auto_free char *to = secrets_path(g->sync->config, g->want->name, f->file->path);

	if (!says(g->model, live))
		return 0;
	if (f->why)
		return err_set(e, ERR_RETRY, 0, "%s", f->why);
	model_relocate(g->model, live, to);
	json_set_str(files, f->file->path, f->file->id);
	return 0;
}

int secrets_redirect(struct staging *g, const struct secrets *s, struct err *e)
{
	auto_json cJSON *need = cJSON_CreateObject();
	cJSON *env = cJSON_AddObjectToObject(need, "env");
	cJSON *files = cJSON_AddObjectToObject(need, "files");
	auto_free char *text = s->n > 0 ? json_text(g->model) : NULL;

	for (size_t i = 0; i < s->n; i++) {
		if (redirect_file(g, &s->v[i], files, e) < 0)
			return -1;
		if (fills(&s->v[i], text))
			json_set_str(env, s->v[i].file->path, s->v[i].file->id);
	}
	if ((env->child || files->child) &&
	    !cJSON_AddItemToObject(g->model, SECRETS_KEY, TAKE(need)))
		abort();
	return 0;
}
