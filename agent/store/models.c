/*
 * models - projects/<name>/models/<digest>.json: what was given to Compose. The file is the
 * canonical text itself, with no header, because Compose reads it; its name is the checksum.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MODEL_MAX_BYTES = 64 * 1024 * 1024 };

static const char suffix[] = ".json";

char *store_model_path(const struct store *s, const char *project, const char *digest)
{
	return xasprintf("%s/projects/%s/models/%s%s", s->root, project, digest, suffix);
}

static bool is_digest(const char *text)
{
	return strlen(text) == DIGEST_HEX_SIZE - 1 &&
	       text[strspn(text, "0123456789abcdef")] == '\0';
}

/* A file of that name with other content is replaced: the disk had it wrong. */
static bool have_it(const char *path, const char *text)
{
	auto_free char *there = NULL;
	struct err ignored = ERR_INIT;

	return file_read(path, MODEL_MAX_BYTES, &there, NULL, &ignored) == 0 &&
	       strcmp(there, text) == 0;
}

int model_write(const struct store *s, const char *project, const cJSON *model,
		char digest[DIGEST_HEX_SIZE], struct err *e)
{
	auto_free char *text = json_canonical(model);
	auto_free char *project_dir = layout_project(s, project, NULL);
	auto_free char *dir = layout_project(s, project, "models");
	char hex[DIGEST_HEX_SIZE];

	digest_text(text, hex);
	auto_free char *path = store_model_path(s, project, hex);
	if (!have_it(path, text) &&
	    (layout_make_dir(project_dir, e) < 0 || layout_make_dir(dir, e) < 0 ||
	     file_replace(path, text, strlen(text), 0600, e) < 0))
		return err_wrap(e, "record the model of %s", project);
	memcpy(digest, hex, sizeof(hex));
	return 0;
}

int model_read(const struct store *s, const char *project, const char *digest, cJSON **out,
	       struct err *e)
{
	char hex[DIGEST_HEX_SIZE];
	auto_free char *text = NULL;
	size_t len = 0;

	if (!is_digest(digest))
		return err_set(e, ERR_BROKEN, 0, "project %s: \"%.64s\" is not a model's digest",
			       project, digest);
	auto_free char *path = store_model_path(s, project, digest);
	if (file_read(path, MODEL_MAX_BYTES, &text, &len, e) < 0) {
		if (e->errnum == ENOENT || e->kind == ERR_REJECTED)
			e->kind = ERR_BROKEN;
		return err_wrap(e, "the model of %s", project);
	}
	digest_bytes(text, len, hex);
	if (strcmp(hex, digest) != 0)
		return err_set(e, ERR_BROKEN, 0,
			       "%s is damaged: its content does not match its name", path);
	if (json_parse(text, len, out, e) < 0) {
		e->kind = ERR_BROKEN;
		return err_wrap(e, "%s", path);
	}
	return 0;
}

int model_list(const struct store *s, const char *project, struct strv *out, struct err *e)
{
	auto_free char *dir = layout_project(s, project, "models");
	auto_strv struct strv all = STRV_INIT, digests = STRV_INIT;

	if (file_exists(dir) && dir_list(dir, LAYOUT_MAX_NAMES, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		size_t len = strlen(all.v[i]);

		if (!str_ends(all.v[i], suffix))
			continue;
		all.v[i][len - strlen(suffix)] = '\0';
		if (is_digest(all.v[i]))
			strv_push(&digests, all.v[i]);
	}
	strv_copy(out, &digests);
	return 0;
}

int model_remove(const struct store *s, const char *project, const char *digest, struct err *e)
{
	auto_free char *path = store_model_path(s, project, digest);
	auto_free char *models = layout_project(s, project, "models");
	auto_free char *dir = layout_project(s, project, NULL);

	if (file_remove(path, e) < 0)
		return -1;
	/* With the last one the project's directory goes, if nothing else is in it. */
	if (rmdir(models) == 0)
		(void)rmdir(dir);
	return 0;
}
