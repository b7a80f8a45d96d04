/*
 * refpick - choosing one ref among those offered. Depends on: mem, str.
 */
#include "common/refpick.h"

#include "common/mem.h"
#include "common/str.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const char heads[] = "refs/heads/", tags[] = "refs/tags/", peel_mark[] = "^{}";

void refpick_init(struct refpick *p, const char *branch, const char *tag)
{
	*p = (struct refpick){.branch = branch ? branch : "main", .tag = tag};
}

void refpick_done(struct refpick *p)
{
	free(p->name);
	p->name = NULL;
}

bool refpick_is_id(const char *s, size_t len)
{
	if (len != 40 && len != 64)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return true;
}

static void set_id(struct refpick *p, const char *id)
{
	size_t len = strlen(id);

	if (refpick_is_id(id, len))
		memcpy(p->id, id, len + 1);
}

static bool fits(const struct refpick *p, const char *name)
{
	if (!p->tag)
		return str_starts(name, heads) && strcmp(name + sizeof(heads) - 1, p->branch) == 0;
	if (!str_starts(name, tags) || fnmatch(p->tag, name + sizeof(tags) - 1, 0) != 0)
		return false;
	return !p->name || strverscmp(name, p->name) >= 0;
}

void refpick_offer(struct refpick *p, const char *name, const char *id, const char *peeled)
{
	if (str_ends(name, peel_mark)) {
		size_t len = strlen(name) - (sizeof(peel_mark) - 1);

		if (p->name && strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			set_id(p, id);
		return;
	}
	if (!refpick_is_id(id, strlen(id)) || !fits(p, name))
		return;
	char *copy = xstrdup(name); /* it may be our own */
	free(p->name);
	p->name = copy;
	set_id(p, id);
	memcpy(p->object, p->id, sizeof(p->object));
	if (peeled)
		set_id(p, peeled);
}

char *refpick_prefix(const struct refpick *p)
{
	if (!p->tag)
		return xasprintf("%s%s", heads, p->branch);
	return xasprintf("%s%.*s", tags, (int)strcspn(p->tag, "*?[\\"), p->tag);
}
