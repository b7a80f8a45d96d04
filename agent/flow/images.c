/*
 * images - every image of a project onto this host, named in the model so that it always means the
 * same bits. Depends on: staging.h, engine.
 */
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { PULL_MS = 30 * 60 * 1000, BUILD_MS = 60 * 60 * 1000 };

/* Length of the name in "host:5000/name:tag@digest": up to the tag or the digest. */
static size_t name_len(const char *ref)
{
	size_t n = strcspn(ref, "@");
	const char *slash = memrchr(ref, '/', n);
	const char *from = slash ? slash : ref;
	const char *colon = memchr(from, ':', n - (size_t)(from - ref));

	return colon ? (size_t)(colon - ref) : n;
}

/* Is it the name of this digest? Podman writes out what is short for Docker's own registry. */
static bool is_named(const char *digest, size_t n, const char *name, size_t name_n)
{
	static const char *const meant[] = {"", "docker.io/library/", "docker.io/"};

	for (size_t i = 0; i < COUNT_OF(meant); i++) {
		size_t skip = strlen(meant[i]);

		if (n == skip + name_n && str_starts(digest, meant[i]) &&
		    strncmp(digest + skip, name, name_n) == 0)
			return true;
	}
	return false;
}

/* The pin: name:tag@digest where the registry gave one for that name, else the image's id. The
 * caller frees. */
static char *pin_of(const char *ref, const struct image_info *i)
{
	size_t n = name_len(ref);

	if (strchr(ref, '@'))
		return xstrdup(ref);
	for (size_t k = 0; k < i->digests.n; k++) {
		const char *d = i->digests.v[k], *at = strchr(d, '@');

		if (at && is_named(d, (size_t)(at - d), ref, n))
			return xasprintf("%s%s", ref, at);
	}
	return xstrdup(i->id);
}

static enum pull_policy policy_of(const struct staging *g, const struct model_service *m)
{
	if (m->pull_policy && strcmp(m->pull_policy, "always") == 0)
		return PULL_ALWAYS;
	if (m->pull_policy && strcmp(m->pull_policy, "never") == 0)
		return PULL_NEVER;
	return g->want->settings.pull;
}

static int sort_out(struct staging *g, const struct model_services *all, struct strv *pull,
		    struct strv *build, struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct model_service *m = &all->v[i];
		auto_image_info struct image_info info = {.id = NULL};
		enum pull_policy policy = policy_of(g, m);
		bool found = false;

		if (staging_loads(g, m->name))
			continue;
		if (m->builds) {
			strv_push(build, m->name);
			continue;
		}
		if (engine_image(g->sync->engine, m->image, &info, &found, e) < 0)
			return -1;
		if (!found && policy == PULL_NEVER)
			return err_set(
				e, ERR_REJECTED, 0,
				"service %s: image %s is not on this host and `pull` is `never`",
				m->name, m->image);
		if (!found || policy == PULL_ALWAYS)
			strv_push(pull, m->name);
	}
	return 0;
}

struct line_to {
	struct staging *g;
	const char *step;
};

static void show_line(const char *line, void *arg)
{
	struct line_to *l = arg;
	auto_free char *text = str_printable(line, 80);

	job_show(l->g->job, l->step, text);
}

static int fetch_images(struct staging *g, const struct strv *pull, const struct strv *build,
			struct err *e)
{
	auto_free char *path = xasprintf("%s.json", g->root);
	auto_free char *text = json_text(g->model);
	struct line_to to = {.g = g, .step = "pull"};
	struct compose_call call = {.project = project_compose_name(g->want),
				    .model = path,
				    .timeout_ms = PULL_MS,
				    .on_line = show_line,
				    .arg = &to};

	if (pull->n == 0 && build->n == 0)
		return 0;
	if (g->sync->dry) {
		for (size_t i = 0; i < pull->n; i++)
			strv_pushf(&g->trial->notes, "the image of service %s will be pulled",
				   pull->v[i]);
		for (size_t i = 0; i < build->n; i++)
			strv_pushf(&g->trial->notes, "the image of service %s will be built",
				   build->v[i]);
		return 0;
	}
	if (file_replace_unsynced(path, text, strlen(text), 0600, e) < 0)
		return -1;
	job_show(g->job, "pull", NULL);
	if (pull->n > 0 && compose_pull(g->sync->engine, &call, pull, e) < 0)
		return err_wrap(e, "pull");
	if (build->n == 0)
		return 0;
	call.timeout_ms = BUILD_MS;
	to.step = "build";
	job_show(g->job, "build", NULL);
	if (compose_build(g->sync->engine, &call, build, e) < 0)
		return err_wrap(e, "build");
	return 0;
}

static int pin_service(struct staging *g, const struct model_service *m, struct err *e)
{
	auto_image_info struct image_info info = {.id = NULL};
	struct active *a = &g->trial->new;
	auto_free char *loaded = NULL;
	bool found = false;

	if (staging_loaded(g, m->name, &loaded, e) < 0)
		return -1;
	if (staging_loads(g, m->name) && !loaded)
		return 0; /* asking only: it is loaded when it is deployed */
	if (engine_image(g->sync->engine, loaded ? loaded : m->image, &info, &found, e) < 0)
		return -1;
	if (!found && g->sync->dry)
		return 0;
	if (!found)
		return err_set(e, ERR_RETRY, 0,
			       "service %s: image %s is not on this host although %s succeeded",
			       m->name, m->image, m->builds ? "its build" : "the pull");
	if (!g->sync->dry && engine_image_keep(g->sync->engine, info.id, e) < 0)
		return -1;
	a->images = xreallocarray(a->images, a->n_images + 1, sizeof(*a->images));
	struct pinned_image *p = &a->images[a->n_images++];

	*p = (struct pinned_image){
		.service = xstrdup(m->name),
		.ref = xstrdup(m->image),
		.pin = m->builds || loaded ? xstrdup(info.id) : pin_of(m->image, &info),
		.id = xstrdup(info.id),
	};
	model_pin(g->model, p);
	return 0;
}

int staging_images(struct staging *g, struct err *e)
{
	auto_model_services struct model_services all = {.n = 0};
	auto_strv struct strv pull = STRV_INIT, build = STRV_INIT;

	model_services(g->model, project_compose_name(g->want), &all);
	if (sort_out(g, &all, &pull, &build, e) < 0 || fetch_images(g, &pull, &build, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (pin_service(g, &all.v[i], e) < 0)
			return -1;
	return 0;
}

int images_present(struct engine *g, const struct active *a, char **missing, struct err *e)
{
	*missing = NULL;
	for (size_t i = 0; i < a->n_images && !*missing; i++) {
		auto_image_info struct image_info info = {.id = NULL};
		bool found = false;

		if (engine_image(g, a->images[i].pin, &info, &found, e) < 0)
			return -1;
		if (!found || !str_eq(info.id, a->images[i].id))
			*missing = xasprintf("%s (service %s)", a->images[i].ref,
					     a->images[i].service);
	}
	return 0;
}
