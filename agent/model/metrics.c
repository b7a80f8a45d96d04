/*
 * metrics - see metrics.h.
 * Depends on: common.
 */
#include "agent/model/metrics.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

static void head(struct str *out, const char *name, const char *help)
{
	str_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void one(struct str *out, const char *name, const char *help, int64_t value)
{
	head(out, name, help);
	str_addf(out, "%s %lld\n", name, (long long)value);
}

/* In a label's value only these three need an escape. */
static void label(struct str *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\\' || *p == '"')
			str_addf(out, "\\%c", *p);
		else if (*p == '\n')
			str_add(out, "\\n");
		else
			str_addc(out, *p);
	}
}

static void states(struct str *out, const struct metrics *m)
{
	static const char *const names[METRIC_STATES] = {[METRIC_GOOD] = "good",
							 [METRIC_HELD] = "held",
							 [METRIC_MISSING] = "missing",
							 [METRIC_DEGRADED] = "degraded"};
	size_t counts[METRIC_STATES] = {0};

	for (size_t i = 0; i < m->n; i++)
		counts[m->v[i].state]++;
	head(out, "mdc_projects",
	     "Projects by state: good; held at older content; missing, never came up; degraded.");
	for (size_t i = 0; i < METRIC_STATES; i++)
		str_addf(out, "mdc_projects{state=\"%s\"} %zu\n", names[i], counts[i]);
}

static void add_project(struct str *out, const char *name, const struct metrics_project *p,
			int64_t value)
{
	str_addf(out, "%s{project=\"", name);
	label(out, p->name);
	str_addf(out, "\"} %lld\n", (long long)value);
}

static void projects(struct str *out, const struct metrics *m)
{
	static const char good[] = "mdc_project_good";
	static const char deployed[] = "mdc_project_deployed_timestamp_seconds";
	bool any = false;

	if (m->n == 0)
		return;
	head(out, good, "1 if the project is deployed as the repository wants it.");
	for (size_t i = 0; i < m->n; i++) {
		add_project(out, good, &m->v[i], m->v[i].state == METRIC_GOOD);
		any |= m->v[i].deployed > 0;
	}
	if (!any)
		return;
	head(out, deployed, "When what runs of the project was deployed.");
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].deployed > 0)
			add_project(out, deployed, &m->v[i], m->v[i].deployed);
}

void metrics_text(struct str *out, const struct metrics *m)
{
	head(out, "mdc_agent_info", "The version of mdc-agent that wrote this.");
	str_add(out, "mdc_agent_info{version=\"");
	label(out, m->version);
	str_add(out, "\"} 1\n");
	one(out, "mdc_generation", "Number of the current generation; 0 if there is none.",
	    m->generation);
	if (m->made > 0)
		one(out, "mdc_generation_timestamp_seconds",
		    "When the current generation was made.", m->made);
	states(out, m);
	one(out, "mdc_held", "1 while nothing is applied: suspended, or held after a rollback.",
	    m->held);
	one(out, "mdc_last_sync_timestamp_seconds",
	    "End of the last sync that found something to do.", m->last_sync);
	one(out, "mdc_last_sync_success",
	    "1 if that sync ended without an error; what stays held is in mdc_projects.",
	    m->last_good);
	if (m->has_source)
		one(out, METRIC_SOURCE_UP, "1 if the config repository answered when last asked.",
		    m->source_up);
	if (m->has_source && m->source_seen > 0)
		one(out, METRIC_SOURCE_SEEN,
		    "When the config repository answered last; the daemon keeps it up to date.",
		    m->source_seen);
	if (m->has_source && m->source_moved > 0)
		one(out, "mdc_source_moved_timestamp_seconds",
		    "When the last new commit came that was not refused.", m->source_moved);
	projects(out, m);
}

/* Where the value of this metric begins, NULL if it is not there. */
static const char *find(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, n) == 0 && p[n] == ' ')
			return p + n + 1;
	}
	return NULL;
}

int64_t metrics_value(const char *text, const char *name, int64_t otherwise)
{
	const char *at = find(text, name);

	return at ? strtoll(at, NULL, 10) : otherwise;
}

bool metrics_change(struct str *out, const char *text, const char *name, int64_t value)
{
	const char *at = find(text, name);

	if (!at)
		return false;
	str_addn(out, text, (size_t)(at - text));
	str_addf(out, "%lld", (long long)value);
	str_add(out, at + strcspn(at, "\n"));
	return true;
}
