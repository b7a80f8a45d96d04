/*
 * declared - the evaluator for agent.yaml's own projects: Compose files anywhere on this host. With
 * no source at all this is the classic mode. Depends on: scan, common/file.
 */
#include "agent/eval/scan.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/ysubstitute.h"

#include <stdio.h>
#include <string.h>

enum { DOWN_TIMEOUT_MS = 120 * 1000 };

/* What the project's tree is made of: its Compose files, and a digest of each env file. */
struct bundle {
	struct strv names;
	char **data;
	size_t *lens;
};

static void bundle_done(struct bundle *b)
{
	for (size_t i = 0; i < b->names.n; i++)
		free(b->data[i]);
	free(b->data);
	free(b->lens);
	strv_done(&b->names);
}

static void bundle_add(struct bundle *b, char *name, char *data, size_t len)
{
	size_t n = b->names.n;

	b->data = xreallocarray(b->data, n + 1, sizeof(*b->data));
	b->lens = xreallocarray(b->lens, n + 1, sizeof(*b->lens));
	b->data[n] = data;
	b->lens[n] = len;
	strv_push_own(&b->names, name);
}

/* A file that cannot be read makes the project bad; it is named, and the agent's other work goes
 * on. */
static char *read_host_file(struct scan *s, const char *path, size_t *len)
{
	struct err why = ERR_INIT;
	char *text = NULL;

	if (file_read(path, COMPOSE_MAX_BYTES, &text, len, &why) == 0)
		return text;
	scan_note(s, DIAG_ERROR, path, NULL,
		  "project '%s' cannot be read: %s; correct its files in agent.yaml", s->p->name,
		  why.cause);
	return NULL;
}

/* What is stored is the file as it is; what is looked at has the values in it. */
static void read_compose_file(struct scan *s, const char *path, const struct substitutions *values,
			      struct bundle *b)
{
	static const struct yaml_limits limits = {.max_bytes = 4 * COMPOSE_MAX_BYTES};
	struct yaml_node *root = NULL;
	struct err why = ERR_INIT;
	size_t len = 0;
	char *text = read_host_file(s, path, &len);

	if (!text)
		return;
	auto_free char *filled = substitute_yaml(values, text, len);

	if (yaml_parse(filled, strlen(filled), path, &limits, &root, &why) < 0)
		eval_cause(&s->d, path, s->p->name, why.cause);
	else
		(void)scan_keep(s, root, path);
	char *name = xasprintf("%zu-%s", s->p->files.n, path_base(path));
	strv_push(&s->p->files, name);
	bundle_add(b, name, text, len);
}

static void read_env_file(struct scan *s, const char *path, struct bundle *b)
{
	char digest[DIGEST_HEX_SIZE];
	size_t len = 0;
	auto_free char *text = read_host_file(s, path, &len);

	if (!text)
		return;
	env_parse(text, &s->env);
	digest_bytes(text, len, digest);
	bundle_add(b, xasprintf("env-%zu", s->p->env_files.n), xstrdup(digest), strlen(digest));
	strv_push(&s->p->env_files, path);
}

/* Another value is other content. Only its digest is kept. */
static void add_values(const struct substitutions *values, struct bundle *b)
{
	for (size_t i = 0; i < values->n; i++) {
		char digest[DIGEST_HEX_SIZE];

		digest_text(values->v[i].value, digest);
		bundle_add(b, xasprintf("value-%zu", i), xstrdup(digest), strlen(digest));
	}
}

static int store(struct eval *ev, const struct bundle *b, char id[OBJECT_ID_SIZE], struct err *e)
{
	if (ev->in->store_tree)
		return ev->in->store_tree(ev->in->store_ctx, (const char *const *)b->names.v,
					  (const char *const *)b->data, b->lens, b->names.n, id, e);
	struct digest *d = digest_new();
	for (size_t i = 0; i < b->names.n; i++) {
		digest_add(d, b->names.v[i], strlen(b->names.v[i]));
		digest_add(d, b->data[i], b->lens[i]);
	}
	digest_end(d, id);
	return 0;
}

static int walk(struct scan *s, struct err *e)
{
	for (size_t i = 0; i < s->n_roots; i++) {
		struct place p = {.s = s, .file = s->files[i], .dir = "/", .runs = true};
		if (s->roots[i]->kind != YAML_MAP) {
			scan_note(s, DIAG_ERROR, p.file, s->roots[i],
				  "is not a Compose file: expected a map with 'services', not a %s",
				  yaml_kind_name(s->roots[i]->kind));
			continue;
		}
		scan_top_keys(&p, s->roots[i]);
		if (scan_file(&p, s->roots[i], e) < 0)
			return -1;
	}
	scan_check_names(s);
	return 0;
}

static int read_all(struct scan *s, const struct declared_project *d,
		    const struct substitutions *values, struct err *e)
{
	AUTO(bundle_done) struct bundle b = {.data = NULL};
	struct project *p = s->p;

	for (size_t i = 0; i < d->settings.compose_files.n; i++)
		read_compose_file(s, d->settings.compose_files.v[i], values, &b);
	add_values(values, &b);
	settings_merge(&p->settings, &d->settings);
	for (size_t i = s->n_roots; i > 0; i--)
		scan_own(s, s->roots[i - 1], s->files[i - 1], &p->own);
	settings_merge(&p->settings, &p->own);
	settings_merge(&p->settings, &s->ev->in->config->defaults);
	settings_finish(&p->settings);
	if (p->settings.host.down_timeout_ms == DURATION_UNSET)
		p->settings.host.down_timeout_ms = DOWN_TIMEOUT_MS;
	/* Env files are the host's own: defaults and x-mdc, which mean the repository's, do not
	 * count. */
	strv_copy(&p->settings.env_files, &d->settings.env_files);
	for (size_t i = 0; i < p->settings.env_files.n; i++)
		read_env_file(s, p->settings.env_files.v[i], &b);
	return b.names.n > 0 ? store(s->ev, &b, p->tree, e) : 0;
}

/* No value of a file may stand in what is shown. */
static void mask_findings(const struct substitutions *values, struct diags *d)
{
	for (size_t i = 0; values->hidden.n > 0 && i < d->n; i++) {
		char *masked = substitutions_mask(values, d->v[i].text);

		free(d->v[i].text);
		d->v[i].text = masked;
	}
}

static void read_values(struct scan *s, const struct host_settings *h, struct substitutions *out)
{
	struct err why = ERR_INIT;

	if (substitutions_read(&h->substitutions, &h->substitutions_from_files, out, &why) == 0)
		return;
	char text[sizeof(why.cause) + sizeof(why.trail)];

	scan_note(s, DIAG_ERROR, s->ev->in->config->file, NULL, "project '%s': %s", s->p->name,
		  err_text(&why, text, sizeof(text)));
}

int declared_evaluate(struct eval *ev, const struct declared_project *d, struct err *e)
{
	auto_substitutions struct substitutions values = {.n = 0};
	struct project p;
	struct scan s;

	project_init(&p);
	p.name = xstrdup(d->name);
	p.path = path_dir(d->settings.compose_files.v[0]);
	p.declared = true;
	scan_init(&s, ev, &p);
	s.on_host = true;
	read_values(&s, &d->settings.host, &values);
	int rc = read_all(&s, d, &values, e);
	if (rc == 0)
		rc = walk(&s, e);
	if (rc == 0) {
		mask_findings(&values, &s.d);
		scan_close(&s);
		eval_add(ev, &p);
	}
	scan_done(&s);
	project_done(&p);
	return rc;
}

static int run(struct eval *ev, struct err *e)
{
	const struct config *c = ev->in->config;

	for (size_t i = 0; i < c->n_projects; i++) {
		strv_push(&ev->names, c->projects[i].name);
		if (declared_evaluate(ev, &c->projects[i], e) < 0)
			return -1;
	}
	return 0;
}

const struct evaluator evaluator_declared = {.name = "declared", .run = run};
