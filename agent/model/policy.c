/*
 * policy - the table of rules, and what holds for a project: its preset, overridden by single
 * rules, overridden by the project's own. Depends on: common. To add a rule: a row in policy.def,
 * and who looks for it in agent/policy.
 */
#include "agent/model/policy.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

#define ALLOW POLICY_ALLOW
#define WARN  POLICY_WARN
#define DENY  POLICY_DENY
#define POLICY_RULE(id, word, lists, a, a_list, b, b_list, c, c_list, text)                        \
	[POLICY_##id] = {word, lists, {{a, a_list}, {b, b_list}, {c, c_list}}, text},
static const struct policy_row rows[POLICY_RULES] = {
#include "agent/model/policy.def"
};
#undef POLICY_RULE

static const char *const presets[] = {
	[POLICY_OPEN] = "open", [POLICY_STANDARD] = "standard", [POLICY_STRICT] = "strict"};
static const char *const actions[] = {
	[POLICY_ALLOW] = "allow", [POLICY_WARN] = "warn", [POLICY_DENY] = "deny"};

const struct policy_row *policy_row(enum policy_rule r)
{
	return &rows[(unsigned)r < POLICY_RULES ? r : 0];
}

const char *policy_preset_name(enum policy_preset p)
{
	return presets[(unsigned)p < COUNT_OF(presets) ? p : 0];
}

const char *policy_action_name(enum policy_action a)
{
	return actions[(unsigned)a < COUNT_OF(actions) ? a : 0];
}

static void add_words(struct strv *to, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		if (n > 0)
			strv_push_own(to, xstrndup(words, n));
		words += n + (words[n] == ' ');
	}
}

static void add_list(struct strv *to, const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		strv_push(to, list->v[i]);
}

static const struct policy_setting *of_project(const struct policy *p, const char *project,
					       enum policy_rule r)
{
	for (size_t i = 0; project && i < p->n_projects; i++)
		if (strcmp(p->projects[i].name, project) == 0)
			return &p->projects[i].rules[r];
	return NULL;
}

void policy_word(const struct policy *p, const char *project, enum policy_rule r,
		 struct policy_word *out)
{
	const struct policy_setting *all = &p->rules[r], *own = of_project(p, project, r);
	unsigned preset = (unsigned)p->preset < POLICY_PRESETS ? p->preset : POLICY_STRICT;

	*out = (struct policy_word){.action = rows[r].presets[preset].action};
	if (all->set)
		out->action = all->action;
	/* Who writes "deny" does not mean what `open` lets pass. */
	if (all->set && all->action == POLICY_DENY && preset == POLICY_OPEN)
		preset = POLICY_STANDARD;
	if (all->listed)
		add_list(&out->list, &all->list);
	else
		add_words(&out->list, rows[r].presets[preset].list);
	if (!own || !own->set)
		return;
	out->by_project = true;
	add_list(&out->list, &own->list);
	/* A list adds to what holds for all: where that is no more than a warning, it stays one. */
	if (!own->listed)
		out->action = own->action;
}

void policy_word_done(struct policy_word *w)
{
	strv_done(&w->list);
}

static void settings_done(struct policy_setting *v)
{
	for (size_t i = 0; i < POLICY_RULES; i++)
		strv_done(&v[i].list);
}

void policy_done(struct policy *p)
{
	settings_done(p->rules);
	for (size_t i = 0; i < p->n_projects; i++) {
		settings_done(p->projects[i].rules);
		free(p->projects[i].name);
	}
	free(p->projects);
	for (size_t i = 0; i < p->n_signers; i++) {
		free(p->signers[i].images);
		free(p->signers[i].key);
	}
	free(p->signers);
	*p = (struct policy){.preset = POLICY_OPEN};
}

/* ---- digest ---- */
static void add_text(struct digest *d, const char *text)
{
	digest_add(d, text, strlen(text) + 1);
}

static void add_settings(struct digest *d, const struct policy_setting *v)
{
	for (size_t i = 0; i < POLICY_RULES; i++) {
		if (!v[i].set)
			continue;
		add_text(d, rows[i].name);
		add_text(d, actions[v[i].action]);
		add_text(d, v[i].listed ? "list" : "");
		for (size_t k = 0; k < v[i].list.n; k++)
			add_text(d, v[i].list.v[k]);
		add_text(d, "");
	}
}

void policy_digest(const struct policy *p, char out[DIGEST_HEX_SIZE])
{
	struct digest *d = digest_new();

	add_text(d, policy_preset_name(p->preset));
	add_settings(d, p->rules);
	for (size_t i = 0; i < p->n_projects; i++) {
		add_text(d, p->projects[i].name);
		add_settings(d, p->projects[i].rules);
	}
	for (size_t i = 0; i < p->n_signers; i++) {
		add_text(d, p->signers[i].images);
		add_text(d, p->signers[i].key);
		add_text(d, p->signers[i].log ? "log" : "");
	}
	digest_end(d, out);
}
