/*
 * plan - the list of what would happen, sorted by project.
 * Depends on: common.
 */
#include "agent/model/plan.h"

#include "common/json.h"
#include "common/mem.h"

#include <string.h>

static const char *const actions[] = {
	[PLAN_KEEP] = "keep",       [PLAN_ADD] = "add",       [PLAN_CHANGE] = "change",
	[PLAN_REMOVE] = "remove",   [PLAN_REPAIR] = "repair", [PLAN_HELD] = "held",
	[PLAN_BLOCKED] = "blocked",
};

const char *plan_action_name(enum plan_action a)
{
	return (size_t)a < COUNT_OF(actions) ? actions[a] : "unknown";
}

/* Index of the project, or of the place where it belongs. */
static size_t place(const struct plan *p, const char *project, bool *there)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(p->v[mid].project, project);
		if (order == 0) {
			*there = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*there = false;
	return low;
}

struct plan_item *plan_add(struct plan *p, const char *project, enum plan_action a)
{
	bool there;
	size_t at = place(p, project, &there);

	if (there) {
		p->v[at].action = a;
		return &p->v[at];
	}
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	memmove(&p->v[at + 1], &p->v[at], (p->n - at) * sizeof(*p->v));
	p->v[at] = (struct plan_item){.project = xstrdup(project), .action = a};
	p->n++;
	return &p->v[at];
}

struct plan_item *plan_find(const struct plan *p, const char *project)
{
	bool there;
	size_t at = place(p, project, &there);

	return there ? &p->v[at] : NULL;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].project);
		strv_done(&p->v[i].reasons);
		strv_done(&p->v[i].notes);
		strv_done(&p->v[i].services);
	}
	free(p->v);
	*p = (struct plan){.n = 0};
}

cJSON *plan_to_json(const struct plan *p)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < p->n; i++) {
		cJSON *item = cJSON_CreateObject();
		json_set_str(item, "project", p->v[i].project);
		json_set_str(item, "action", plan_action_name(p->v[i].action));
		json_set_strv(item, "reasons", &p->v[i].reasons);
		json_set_strv(item, "notes", &p->v[i].notes);
		json_set_strv(item, "services", &p->v[i].services);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}
