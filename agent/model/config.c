/*
 * config - reading agent.yaml: defaults, the whole, and what only makes sense of several keys
 * together. The table of keys is in config_rows.c, URLs are judged in config_url.c. Depends on:
 * common, keys, settings.
 */
#include "agent/model/config.h"

#include "agent/model/config_parts.h"
#include "agent/model/places.h"
#include "common/mem.h"
#include "common/path.h"

#include <stdio.h>
#include <string.h>

static void set_defaults(struct config *c, const char *file)
{
	enum { SECOND = 1000, MINUTE = 60 * SECOND };
	static const int64_t day_ms = 24LL * 60 * MINUTE;

	*c = (struct config){.file = xstrdup(file), .parallel = 2};
	settings_init(&c->defaults);
	c->source.poll_ms = MINUTE;
	c->source.timeout_ms = 2 * MINUTE;
	c->retention = (struct retention_config){.generations = 10,
						 .snapshots = 5,
						 .failed_data_ms = 7 * day_ms,
						 .snapshot_share = 20};
	c->snapshots.min_free = 5;
	c->verify.max_commits = 1000;
}

/* What needs to be known whether it was given is filled in only after reading. */
static void fill_in(struct config *c)
{
	char host[256] = "localhost";

	if (!c->host) {
		if (gethostname(host, sizeof(host) - 1) < 0)
			(void)snprintf(host, sizeof(host), "localhost");
		c->host = xstrdup(host);
	}
	if (!c->state_dir)
		c->state_dir = place_state(c->file);
	if (!c->runtime_dir)
		c->runtime_dir = place_runtime(c->file);
	if (!c->gc_roots_dir)
		c->gc_roots_dir = xstrdup("/nix/var/nix/gcroots/mdc-agent");
	if (!c->source.path)
		c->source.path = xstrdup(".");
	if (!c->source.branch && !c->source.tag)
		c->source.branch = xstrdup("main");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct declared_project *)a)->name,
		      ((const struct declared_project *)b)->name);
}

static int check_limits(const struct yaml_node *root, const struct key_context *c,
			const struct config *cf)
{
	const struct yaml_node *source = yaml_get(root, "source");
	const struct yaml_node *v = yaml_get(root, "parallel");
	int rc = 0;

	if (v && (cf->parallel < 1 || cf->parallel > 64))
		rc |= key_refuse(v, c, "parallel: expected a number from 1 to 64, not %d",
				 cf->parallel);
	v = yaml_get(source, "poll");
	if (v && cf->source.poll_ms < 5000)
		rc |= key_refuse(
			v, c, "source.poll is shorter than 5s: servers would throttle this host");
	v = yaml_get(source, "timeout");
	if (v && cf->source.timeout_ms < 1000)
		rc |= key_refuse(v, c, "source.timeout is shorter than 1s: no fetch could succeed");
	v = yaml_get(yaml_get(root, "retention"), "generations");
	if (v && cf->retention.generations < 1)
		rc |= key_refuse(
			v, c, "retention.generations must be 1 or more: the current one is needed");
	v = yaml_get(root, "runtime_dir");
	if (v && cf->state_dir && cf->runtime_dir && strcmp(cf->state_dir, cf->runtime_dir) == 0)
		rc |= key_refuse(v, c, "runtime_dir is the same as state_dir: use two directories");
	return rc < 0 ? -1 : 0;
}

static int check_empty(const struct yaml_node *root, const struct key_context *c,
		       const struct config *cf)
{
	/* `projects: {}` is a word: the last one is to be taken down. A file without the key may be
	 * half written. */
	if (cf->source.url || cf->n_projects > 0 || yaml_pair_of(root, "projects"))
		return 0;
	return key_refuse(
		root, c,
		"there is nothing to do: set source.url to the config repository, such as "
		"https://git.example.org/me/homelab.git, or declare projects with compose_files "
		"(`projects: {}` takes down what was declared before)");
}

int config_read(const struct yaml_node *root, const char *file, struct diags *d, struct config *out,
		struct err *e)
{
	auto_diags struct diags own = DIAGS_INIT;
	auto_config struct config c;
	struct key_context at = {.file = file, .diags = d ? d : &own};
	size_t before = at.diags->n;

	set_defaults(&c, file);
	int rc = keys_read(root, config_rows(), &c, &at);
	if (root->kind == YAML_MAP) {
		rc |= check_limits(root, &at, &c);
		rc |= config_check_source(root, &at, &c.source);
		rc |= config_check_verify(root, &at, &c.source, &c.verify);
		rc |= config_check_forge(root, &at, &c.source, &c.reports.forge);
	}
	if (rc == 0)
		rc = check_empty(root, &at, &c);
	if (rc < 0) {
		for (size_t i = before; i < at.diags->n; i++) {
			const struct diag *f = &at.diags->v[i];
			if (f->level == DIAG_ERROR)
				return err_set(e, ERR_USAGE, 0, "%s:%d:%d: %s", f->file, f->line,
					       f->column, f->text);
		}
		return err_set(e, ERR_USAGE, 0, "%s: too many findings to show", file);
	}
	if (c.n_projects > 0)
		qsort(c.projects, c.n_projects, sizeof(*c.projects), by_name);
	fill_in(&c);
	*out = c;
	c = (struct config){.file = NULL};
	return 0;
}

static void source_done(struct source_config *s)
{
	free(s->url);
	free(s->branch);
	free(s->tag);
	free(s->path);
	free(s->username);
	free(s->token_file);
	free(s->ssh_key_file);
	free(s->known_hosts_file);
	free(s->ca_file);
	free(s->flake_attribute);
}

void config_done(struct config *c)
{
	free(c->file);
	free(c->digest);
	source_done(&c->source);
	config_verify_done(&c->verify);
	free(c->host);
	free(c->socket);
	free(c->compose);
	free(c->state_dir);
	free(c->runtime_dir);
	free(c->metrics_file);
	free(c->gc_roots_dir);
	settings_done(&c->defaults);
	reports_config_done(&c->reports);
	free(c->snapshots.dir);
	free(c->snapshots.command);
	policy_done(&c->policy);
	free(c->secrets.age_key_file);
	free(c->secrets.sops_env_file);
	free(c->secrets.exec);
	for (size_t i = 0; i < c->n_projects; i++) {
		free(c->projects[i].name);
		settings_done(&c->projects[i].settings);
	}
	free(c->projects);
	*c = (struct config){.file = NULL};
}
