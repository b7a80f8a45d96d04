/*
 * model_label - gives every service mdc.managed, and mdc.inputs where it mounts files: Compose does
 * not notice when the content of a bind mount, config or secret changes, but it recreates a service
 * whose label changed.
 *
 * Only files that come from the repository count below a bind mount: what a container writes there
 * must not have it recreated. Nothing that differs between two generations of equal content may get
 * in. Depends on: common, model, compose_variables.
 */
#include "agent/engine/model.h"

#include "agent/engine/compose_variables.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <string.h>

enum { HOST_FILE_MAX = 1024 * 1024 };

/* A file from the repository by its absolute path. */
struct tracked {
	char *path;
	const struct live_file *file;
};

struct labeller {
	const cJSON *model;
	const char *live;
	struct tracked *v; /* sorted by path */
	size_t n;
};

/* What one service mounts. */
struct inputs {
	struct digest *digest; /* NULL until there is something */
};

static void add(struct inputs *in, const char *text)
{
	if (!in->digest)
		in->digest = digest_new();
	digest_add(in->digest, text, strlen(text));
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tracked *)a)->path, ((const struct tracked *)b)->path);
}

/* Files elsewhere in the repository are "../.elsewhere/..." from live/<project>: fold that. */
static char *absolute(const char *live, const char *path)
{
	auto_free char *rest = NULL;

	if (path_resolve(live, path, &rest) < 0)
		return path_join(live, path);
	return xasprintf("/%s", rest);
}

static void track(struct labeller *l, const char *live, const struct live_file *files, size_t n)
{
	while (*live == '/')
		live++;
	l->v = xcalloc(n + 1, sizeof(*l->v));
	l->n = n;
	for (size_t i = 0; i < n; i++)
		l->v[i] = (struct tracked){absolute(live, files[i].path), &files[i]};
	if (n > 1)
		qsort(l->v, n, sizeof(*l->v), by_path);
}

static void labeller_done(struct labeller *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
}

static const struct live_file *find(const struct labeller *l, const char *path)
{
	char *key = absolute("", path + strspn(path, "/"));
	const struct tracked want = {.path = key};
	const struct tracked *t = bsearch(&want, l->v, l->n, sizeof(*l->v), by_path);

	free(key);
	return t ? t->file : NULL;
}

/* Everything tracked at or below a mount's source, by path relative to it. */
static void add_tree(const struct labeller *l, const char *source, const char *target,
		     struct inputs *in)
{
	auto_free char *root = absolute("", source + strspn(source, "/"));
	size_t len = strlen(root);
	bool first = true;

	if (len == 1 || path_below(root, "/proc") || path_below(root, "/sys"))
		return;
	for (size_t i = 0; i < l->n; i++) {
		const char *path = l->v[i].path;

		if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
			continue;
		if (first) {
			add(in, "mount");
			add(in, target);
			first = false;
		}
		add(in, path + len);
		add(in, l->v[i].file->id);
		add(in, l->v[i].file->executable ? "x" : "-");
	}
}

static void add_mounts(const struct labeller *l, const cJSON *service, struct inputs *in)
{
	const cJSON *mount = NULL;

	cJSON_ArrayForEach (mount, json_arr(service, "volumes")) {
		const char *type = json_str(mount, "type", "");
		const char *source = json_str(mount, "source", "");
		const cJSON *volume = json_obj(json_obj(l->model, "volumes"), source);

		/* A local volume may be a bind mount in disguise. */
		if (strcmp(type, "volume") == 0)
			source = json_str(json_obj(volume, "driver_opts"), "device", "");
		else if (strcmp(type, "bind") != 0)
			continue;
		if (source[0] == '/')
			add_tree(l, source, json_str(mount, "target", ""), in);
	}
}

/*
 * A file on the host by its content. Compose removes the old container before it finds that a file
 * of a config or secret is missing, so that is found here, before anything is touched. What is
 * there but is too large or no plain file is left to Compose.
 */
static int add_host_file(const struct labeller *l, const char *path, struct inputs *in,
			 struct err *e)
{
	auto_free char *data = NULL;
	struct err why = ERR_INIT;
	char hex[DIGEST_HEX_SIZE];
	size_t len = 0;

	if (file_read(path, HOST_FILE_MAX, &data, &len, &why) == 0) {
		digest_bytes(data, len, hex);
		explicit_bzero(data, len);
		add(in, hex);
		return 0;
	}
	if (why.errnum != ENOENT && why.errnum != ENOTDIR)
		return 0;
	if (path_below(path, l->live))
		return err_set(e, ERR_REJECTED, 0,
			       "its file %s is neither in the repository nor on this host",
			       path + strlen(l->live) + (path[strlen(l->live)] == '/' ? 1 : 0));
	return err_set(e, ERR_RETRY, 0, "its file %s does not exist on this host", path);
}

static int add_definition(const struct labeller *l, const cJSON *definition, struct inputs *in,
			  struct err *e)
{
	const char *path = json_str(definition, "file", NULL);
	const char *content = json_str(definition, "content", NULL);
	const char *variable = json_str(definition, "environment", NULL);
	const struct live_file *file = path ? find(l, path) : NULL;

	if (file) {
		add(in, file->id);
		return 0;
	}
	if (path)
		return add_host_file(l, path, in, e);
	if (variable)
		content = compose_variable(l->model, variable);
	add(in, content ? content : "");
	return 0;
}

/* The service's uses of one section, "configs" or "secrets". */
static int add_section(const struct labeller *l, const cJSON *service, const char *section,
		       struct inputs *in, struct err *e)
{
	const cJSON *use = NULL;

	cJSON_ArrayForEach (use, json_arr(service, section)) {
		const char *name = json_str(use, "source", "");
		const cJSON *definition = json_obj(json_obj(l->model, section), name);

		if (!definition || json_bool(definition, "external", false))
			continue;
		add(in, section);
		add(in, name);
		if (add_definition(l, definition, in, e) < 0)
			return err_wrap(e, "service %s: %s %s", service->string, section, name);
	}
	return 0;
}

/* Labels as a map; older Compose prints a list of "k=v". */
static cJSON *labels_of(cJSON *service)
{
	cJSON *labels = cJSON_GetObjectItemCaseSensitive(service, "labels");
	cJSON *map, *item = NULL;

	if (cJSON_IsObject(labels))
		return labels;
	map = cJSON_CreateObject();
	cJSON_ArrayForEach (item, labels) {
		const char *text = cJSON_GetStringValue(item);
		const char *equals = text ? strchr(text, '=') : NULL;
		auto_free char *name =
			text ? xstrndup(text, equals ? (size_t)(equals - text) : strlen(text))
			     : NULL;

		if (name)
			json_set_str(map, name, equals ? equals + 1 : "");
	}
	cJSON_DeleteItemFromObjectCaseSensitive(service, "labels");
	if (!cJSON_AddItemToObject(service, "labels", map))
		abort();
	return map;
}

static int label_service(const struct labeller *l, cJSON *service, struct err *e)
{
	struct inputs in = {.digest = NULL};
	char hex[DIGEST_HEX_SIZE];
	bool any;

	add_mounts(l, service, &in);
	int bad = add_section(l, service, "configs", &in, e);

	if (bad == 0)
		bad = add_section(l, service, "secrets", &in, e);
	any = in.digest != NULL;
	if (any)
		digest_end(in.digest, hex);
	if (bad < 0)
		return -1;
	cJSON *labels = labels_of(service);

	json_set_str(labels, "mdc.managed", "1");
	json_set_str(labels, "mdc.inputs", any ? hex : NULL);
	return 0;
}

int model_label(cJSON *model, const char *live, const struct live_file *files, size_t n,
		struct err *e)
{
	cJSON *services = cJSON_GetObjectItemCaseSensitive(model, "services");
	struct labeller l = {.model = model, .live = live};
	cJSON *service = NULL;
	int bad = 0;

	track(&l, live, files, n);
	for (service = services ? services->child : NULL; service && bad == 0;
	     service = service->next) {
		if (cJSON_IsObject(service))
			bad = label_service(&l, service, e);
	}
	labeller_done(&l);
	return bad;
}
