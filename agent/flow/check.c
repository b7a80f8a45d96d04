/*
 * check - lint a config repository, in CI or before a push: every host's projects, every finding,
 * and Compose's own opinion where the plugin is installed. Needs no engine, no state directory and
 * no root. Depends on: staging.h, eval.
 */
#include "agent/flow/check.h"
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/file.h"
#include "common/gitref.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/yaml.h"

#include <errno.h>
#include <string.h>

enum { COMPOSE_MOST = 200, RENDER_MS = 60000 };

static bool is_hex(const char *s)
{
	return strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

static int find_commit(struct checking *k, const char *ref, struct err *e)
{
	if (ref && is_hex(ref)) {
		snprintf(k->id, sizeof(k->id), "%s", ref);
		return 0;
	}
	auto_free char *name = !ref                       ? xstrdup("HEAD")
			       : str_starts(ref, "refs/") ? xstrdup(ref)
							  : xasprintf("refs/heads/%s", ref);

	if (gitref_read(k->dir, name, k->id, e) < 0)
		return -1;
	return k->id[0]
		       ? 0
		       : err_set(e, ERR_USAGE, 0, "%s has no %s", k->dir, ref ? ref : "commit yet");
}

static int open_repo(struct checking *k, const char *ref, char root[OBJECT_ID_SIZE], struct err *e)
{
	struct source_config src = k->config->source;
	auto_free char *full = realpath(k->dir, NULL);
	auto_free char *bare = path_join(k->scratch, "repo.git");
	struct commit_info c = {.time = 0};

	if (!full)
		return err_set(e, ERR_USAGE, errno, "%s", k->dir);
	src.url = full;
	src.kind = SOURCE_FILE;
	if (find_commit(k, ref, e) < 0 || repo_library_init(e) < 0 ||
	    repo_open(bare, &src, &k->repo, e) < 0)
		return -1;
	if (repo_commit(k->repo, k->id, &c, e) < 0)
		return -1;
	snprintf(root, OBJECT_ID_SIZE, "%s", c.tree);
	commit_info_done(&c);
	return 0;
}

/* A directory with files is read as it stands; a bare repository, or a named commit, from its
 * objects. */
static bool is_bare(const char *dir)
{
	auto_free char *head = path_join(dir, "HEAD"), *objects = path_join(dir, "objects");

	return file_exists(head) && file_exists(objects);
}

static void copy_file(struct repo *r, const char *dir, const struct live_file *f, struct err *e)
{
	struct export_file x = {.path = f->path, .id = f->id, .executable = f->executable};

	(void)repo_export(r, dir, &x, 1, e);
}

/* Where Compose finds the project: the directory itself, or a mirror of what it needs. */
static int mirror(struct checking *k, const struct project *p, char **root, struct err *e)
{
	struct live_file *files = NULL;
	size_t n = 0;
	const char *prefix = strcmp(p->path, ".") == 0 ? NULL : p->path;

	if (k->tree) {
		*root = realpath(k->dir, NULL);
		return 0;
	}
	*root = path_join3(k->scratch, "mirror", p->name);
	if (repo_files(k->repo, p->tree, prefix, &files, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_elsewhere; i++) {
		const struct elsewhere *x = &p->elsewhere[i];

		if (x->kind == ENTRY_DIR) {
			if (repo_files(k->repo, x->id, x->path, &files, &n, e) < 0)
				return -1;
			continue;
		}
		files = xreallocarray(files, n + 1, sizeof(*files));
		files[n] = (struct live_file){.path = xstrdup(x->path)};
		snprintf(files[n++].id, OBJECT_ID_SIZE, "%s", x->id);
	}
	for (size_t i = 0; i < n && e->kind == ERR_NONE; i++)
		copy_file(k->repo, *root, &files[i], e);
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
	return e->kind == ERR_NONE ? 0 : -1;
}

static void add_paths(struct strv *to, const char *dir, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		strv_push_own(to, path_join(dir, names->v[i]));
}

static void ask_compose(struct checking *k, struct engine *g, const struct project *p)
{
	auto_strv struct strv files = STRV_INIT, envs = STRV_INIT;
	auto_free char *root = NULL, *dir = NULL;
	auto_json cJSON *model = NULL;
	struct err e = ERR_INIT;

	if (mirror(k, p, &root, &e) == 0) {
		dir = strcmp(p->path, ".") == 0 ? xstrdup(root) : path_join(root, p->path);
		add_paths(&files, dir, &p->files);
		add_paths(&envs, dir, &p->env_files);
		struct render_call r = {.project = project_compose_name(p),
					.directory = dir,
					.files = &files,
					.env_files = &envs,
					.profiles = &p->settings.profiles,
					.timeout_ms = RENDER_MS};

		if (compose_render(g, &r, &model, &e) == 0) {
			check_policy(k, p, root, model);
			return;
		}
	}
	auto_free char *file = strcmp(p->path, ".") == 0 ? xstrdup(p->files.v[0])
							 : path_join(p->path, p->files.v[0]);

	for (char *at; root && (at = strstr(e.cause, root));)
		memmove(at, at + strlen(root) + 1, strlen(at + strlen(root) + 1) + 1);
	/* Its env files are for the host's eyes. */
	if (dir && check_encrypted(dir, 0))
		diags_add(
			k->diags, DIAG_WARNING, file, 0, 0, p->name,
			"not checked with Compose and policy: it has encrypted files (Compose says: %s)",
			e.cause);
	else
		diags_add(k->diags, DIAG_ERROR, file, 0, 0, p->name, "Compose says: %s", e.cause);
}

static void ask_compose_all(struct checking *k, const struct projects *all)
{
	struct config plugin_only = *k->config;
	auto_engine struct engine *g = NULL;
	struct err e = ERR_INIT;

	plugin_only.socket = (char *)"/nonexistent"; /* resolving a file needs no engine */
	if (engine_open(&plugin_only, &g, &e) < 0 || engine_check_compose(g, &e) < 0) {
		diags_add(k->diags, DIAG_WARNING, ".", 0, 0, NULL, "not checked with Compose: %s",
			  e.cause);
		return;
	}
	for (size_t i = 0; i < all->n && i < COMPOSE_MOST; i++)
		if (!all->v[i].why_bad && !all->v[i].declared && all->v[i].files.n > 0)
			ask_compose(k, g, &all->v[i]);
	if (all->n > COMPOSE_MOST)
		diags_add(k->diags, DIAG_WARNING, ".", 0, 0, NULL,
			  "only the first %d projects were also checked with Compose",
			  COMPOSE_MOST);
}

static int evaluate(struct checking *k, struct tree_reader *reader, const char *root,
		    bool with_compose, size_t *projects)
{
	struct eval_input in = {
		.config = k->config, .reader = reader, .root = root, .all_hosts = true};
	auto_eval_result struct eval_result found = {.atomic = false};
	struct err e = ERR_INIT;

	if (eval_run(&in, k->diags, &found, &e) < 0) {
		if (k->diags->errors == 0)
			diags_add(k->diags, DIAG_ERROR, ".", 0, 0, NULL, "%s", e.cause);
		return 0;
	}
	*projects = found.projects.n;
	for (size_t i = 0; i < found.projects.n; i++)
		check_files(k, &found.projects.v[i]);
	if (with_compose)
		ask_compose_all(k, &found.projects);
	return 0;
}

static int check_in(struct checking *k, const char *ref, bool with_compose, size_t *projects,
		    struct err *e)
{
	char root[OBJECT_ID_SIZE] = "";
	struct tree_reader reader;

	if (ref || is_bare(k->dir)) {
		if (open_repo(k, ref, root, e) < 0)
			return -1;
		reader = repo_reader(k->repo);
	} else {
		if (worktree_open(k->dir, &k->tree, e) < 0)
			return -1;
		reader = worktree_reader(k->tree, root);
	}
	return evaluate(k, &reader, root, with_compose, projects);
}

/* Settings of no host in particular. A source is named because settings without anything to do are
 * refused. */
static int no_host(struct config *out, struct err *e)
{
	static const char text[] = "source: {url: file:///unused}";
	auto_yaml struct yaml_node *root = NULL;

	if (yaml_parse(text, sizeof(text) - 1, "agent.yaml", NULL, &root, e) < 0)
		return -1;
	return config_read(root, "agent.yaml", NULL, out, e);
}

int flow_check(const struct check_options *o, struct diags *d, size_t *projects, struct err *e)
{
	auto_config struct config none = {.file = NULL};
	const char *tmp = getenv("TMPDIR");
	struct checking k = {.dir = o->dir, .diags = d};
	struct err ignored = ERR_INIT;
	int rc;

	*projects = 0;
	if (!o->config && no_host(&none, e) < 0)
		return -1;
	k.config = o->config ? o->config : &none;
	k.policy = o->policy ? o->policy : &k.config->policy;
	k.scratch = xasprintf("%s/mdc-check-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
	if (!mkdtemp(k.scratch)) {
		free(k.scratch);
		return err_set(e, ERR_RETRY, errno, "cannot make a scratch directory");
	}
	rc = check_in(&k, o->ref, o->with_compose, projects, e);
	if (k.repo)
		repo_free(k.repo);
	if (k.tree)
		worktree_close(k.tree);
	(void)tree_remove(k.scratch, &ignored);
	free(k.scratch);
	return rc;
}
