/*
 * judge - goes through a model and gathers what the policy has to say.
 * Depends on: parts.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHAT_MAX = 400 };

bool judge_cares(const struct judging *j, enum policy_rule r)
{
	return j->words[r].action != POLICY_ALLOW;
}

bool judge_listed(const struct judging *j, enum policy_rule r, const char *value)
{
	const struct strv *l = &j->words[r].list;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], value) == 0 || fnmatch(l->v[i], value, FNM_NOESCAPE) == 0)
			return true;
	return false;
}

char *judge_text(const cJSON *v)
{
	if (cJSON_IsString(v))
		return xstrdup(v->valuestring);
	if (cJSON_IsNumber(v))
		return xasprintf("%.15g", v->valuedouble);
	if (cJSON_IsBool(v))
		return xstrdup(cJSON_IsTrue(v) ? "true" : "false");
	return xstrdup("");
}

static char *allowing(const struct judging *j, enum policy_rule r, const char *entry)
{
	const struct policy_row *row = policy_row(r);

	if (!entry || row->lists[0] == '\0')
		return xasprintf("policy: {projects: {%s: {%s: allow}}}", j->call->project,
				 row->name);
	auto_free char *shown = str_printable(entry, WHAT_MAX);

	return xasprintf("policy: {projects: {%s: {%s: [\"%s\"]}}}", j->call->project, row->name,
			 shown);
}

static char *section_word(const char *section)
{
	size_t n = strlen(section);

	return xstrndup(section, n > 0 && section[n - 1] == 's' ? n - 1 : n);
}

/* The same thing said twice helps nobody: a range of ports, a file mounted by every service. */
static bool said(const struct judging *j, enum policy_rule r, const char *what)
{
	for (size_t i = 0; i < j->out->n; i++)
		if (j->out->v[i].rule == r && strcmp(j->out->v[i].what, what) == 0)
			return true;
	return false;
}

void judge_add(struct judging *j, enum policy_rule r, const struct policy_place *p,
	       const char *entry, const char *fmt, ...)
{
	struct policy_findings *out = j->out;
	auto_str struct str text = STR_INIT;
	va_list ap;

	if (!judge_cares(j, r))
		return;
	if (p->name) {
		auto_free char *word = section_word(p->section);

		str_addf(&text, "%s %s: ", word, p->name);
	}
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	auto_free char *what = str_printable(str_text(&text), WHAT_MAX);

	if (out->n >= POLICY_FINDINGS_MAX || said(j, r, what)) {
		out->cut |= out->n >= POLICY_FINDINGS_MAX;
		out->denied += out->n >= POLICY_FINDINGS_MAX && j->words[r].action == POLICY_DENY;
		return;
	}
	out->v = xreallocarray(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct policy_finding){
		.rule = r,
		.action = j->words[r].action,
		.section = xstrdup(p->section),
		.name = xstrdup_null(p->name),
		.key = xstrdup_null(p->key),
		.text = xstrdup_null(p->text),
		.other = xstrdup_null(p->other),
		.what = TAKE(what),
		.allow = allowing(j, r, entry),
	};
	out->denied += j->words[r].action == POLICY_DENY;
}

void policy_findings_done(struct policy_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct policy_finding *x = &f->v[i];
		char *const texts[] = {x->section, x->name, x->key,  x->text,
				       x->other,   x->what, x->allow};

		for (size_t k = 0; k < COUNT_OF(texts); k++)
			free(texts[k]);
	}
	free(f->v);
	*f = (struct policy_findings){.n = 0};
}

void policy_judge(const struct policy_call *c, const cJSON *model, struct policy_findings *out)
{
	struct judging j = {.call = c, .model = model, .out = out};
	const cJSON *service;

	for (int r = 0; r < POLICY_RULES; r++)
		policy_word(c->policy, c->project, (enum policy_rule)r, &j.words[r]);
	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		judge_service(&j, service);
		judge_namespaces(&j, service);
		judge_mounts(&j, service);
		judge_build(&j, service);
		judge_ports(&j, service);
	}
	judge_volumes(&j);
	judge_contents(&j);
	judge_networks(&j);
	judge_unknown(&j);
	for (int r = 0; r < POLICY_RULES; r++)
		policy_word_done(&j.words[r]);
}
