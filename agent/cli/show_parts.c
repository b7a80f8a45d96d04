/*
 * show_parts - commits and differences of generations, as several verbs show them.
 * Depends on: flow, model.
 */
#include "agent/cli/show.h"

#include <stdio.h>
#include <string.h>

const char *show_short_id(const char *id, char buf[SHORT_ID_SIZE])
{
	snprintf(buf, SHORT_ID_SIZE, "%s", id && *id ? id : "-");
	return buf;
}

void show_commit(struct str *out, const struct commit_info *c)
{
	char id[SHORT_ID_SIZE];
	auto_free char *subject = text_first(c->subject);

	if (!*c->id) {
		str_add(out, "no commit");
		return;
	}
	str_add(out, show_short_id(c->id, id));
	if (*subject)
		str_addf(out, " \"%s\"", subject);
}

void show_holder(struct str *out, const char *text)
{
	long pid = 0;
	char what[128] = "";

	if (sscanf(text, "%ld %*s %127[^\n]", &pid, what) < 1 || pid <= 0) {
		str_add(out, "another process");
		return;
	}
	auto_free char *safe = str_printable(what, 64);

	str_addf(out, "process %ld", pid);
	if (*safe)
		str_addf(out, " (%s)", safe);
}

/* A project that never came up is not there. */
static bool is_there(const struct generation_entry *g)
{
	return g && g->status != ENTRY_MISSING;
}

enum change show_change_of(const struct generation_entry *from, const struct generation_entry *to)
{
	if (!is_there(from))
		return is_there(to) ? CHANGE_ADD : CHANGE_NONE;
	if (!is_there(to))
		return CHANGE_REMOVE;
	if (strcmp(from->active.want.digest, to->active.want.digest) != 0 ||
	    strcmp(from->active.model, to->active.model) != 0)
		return CHANGE_CONTENT;
	return CHANGE_NONE;
}

static void add_change(struct str *out, char sign, const char *name)
{
	auto_free char *safe = str_printable(name, 64);

	str_addf(out, "%s%c%s", out->len > 0 ? " " : "", sign, safe);
}

void show_changes(struct str *out, const struct generation *from, const struct generation *to)
{
	auto_str struct str list = STR_INIT;

	for (size_t i = 0; i < to->n; i++) {
		const struct generation_entry *was =
			from ? generation_find(from, to->v[i].name) : NULL;
		enum change c = show_change_of(was, &to->v[i]);

		if (c == CHANGE_ADD)
			add_change(&list, '+', to->v[i].name);
		else if (c == CHANGE_CONTENT)
			add_change(&list, '~', to->v[i].name);
		else if (c == CHANGE_REMOVE)
			add_change(&list, '-', to->v[i].name);
	}
	for (size_t i = 0; from && i < from->n; i++) {
		const struct generation_entry *now = generation_find(to, from->v[i].name);

		if (!now && show_change_of(&from->v[i], NULL) == CHANGE_REMOVE)
			add_change(&list, '-', from->v[i].name);
	}
	for (size_t i = 0; i < to->n; i++) {
		if (to->v[i].status != ENTRY_GOOD)
			add_change(&list, '!', to->v[i].name);
	}
	str_add(out, str_text(&list));
}
