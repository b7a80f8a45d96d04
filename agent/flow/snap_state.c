/*
 * snap_state - what an open trial knows of its copies, as it stands in the intent. A name is never
 * given another meaning: an intent may be read by a newer agent than the one that wrote it.
 * Depends on: snap.h.
 */
#include "agent/flow/snap.h"

#include "common/mem.h"

#include <string.h>

static void exchange_done(struct exchange *x)
{
	free(x->name);
	free(x->mount);
	free(x->path);
	free(x->driver);
	free(x->from);
	free(x->built);
	free(x->identity);
	free(x->aside);
}

void snap_exchanges_done(struct snap_state *s)
{
	for (size_t i = 0; i < s->n_exchanges; i++)
		exchange_done(&s->exchanges[i]);
	free(s->exchanges);
	s->exchanges = NULL;
	s->n_exchanges = 0;
	free(TAKE(s->stage));
	free(TAKE(s->aside_id));
}

void snap_drop_exchange(struct snap_state *s, size_t i)
{
	exchange_done(&s->exchanges[i]);
	memmove(&s->exchanges[i], &s->exchanges[i + 1],
		(s->n_exchanges - i - 1) * sizeof(*s->exchanges));
	s->n_exchanges--;
}

void snap_holds_done(struct snap_state *s)
{
	for (size_t i = 0; i < s->n_holds; i++) {
		free(s->holds[i].id);
		free(s->holds[i].name);
		free(s->holds[i].service);
		free(s->holds[i].policy);
	}
	free(s->holds);
	s->holds = NULL;
	s->n_holds = 0;
}

void snap_state_done(struct snap_state *s)
{
	if (s->snapshot.id)
		snapshot_done(&s->snapshot);
	strv_done(&s->auto_restore);
	strv_done(&s->left);
	strv_done(&s->dropped);
	snap_holds_done(s);
	snap_exchanges_done(s);
	free(s->from_id);
	memset(s, 0, sizeof(*s));
}

void snap_stage(struct snap_state *s, const char *stage)
{
	free(s->stage);
	s->stage = xstrdup(stage);
}

static cJSON *hold_to_json(const struct hold *h)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "id", h->id);
	json_set_str(o, "name", h->name);
	json_set_str(o, "service", h->service);
	json_set_str(o, "policy", h->policy);
	json_set_bool(o, "paused", h->paused);
	json_set_bool(o, "leave", h->leave);
	return o;
}

static cJSON *exchange_to_json(const struct exchange *x)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", x->name);
	json_set_str(o, "mount", x->mount);
	json_set_str(o, "path", x->path);
	json_set_str(o, "driver", x->driver);
	json_set_str(o, "from", x->from);
	json_set_str(o, "built", x->built);
	json_set_str(o, "identity", x->identity);
	json_set_str(o, "aside", x->aside);
	json_set_bool(o, "consume", x->consume);
	return o;
}

void snap_state_to_json(const struct snap_state *s, cJSON *intent)
{
	cJSON *o, *list;

	if (!s->snapshot.id && !s->stage && s->left.n == 0)
		return;
	o = cJSON_AddObjectToObject(intent, "data");
	if (s->snapshot.id)
		cJSON_AddItemToObject(o, "snapshot", snapshot_to_json(&s->snapshot));
	json_set_strv(o, "auto_restore", &s->auto_restore);
	json_set_strv(o, "left", &s->left);
	if (s->dropped.n > 0)
		json_set_strv(o, "dropped", &s->dropped);
	list = cJSON_AddArrayToObject(o, "holds");
	for (size_t i = 0; i < s->n_holds; i++)
		cJSON_AddItemToArray(list, hold_to_json(&s->holds[i]));
	json_set_str(o, "stage", s->stage);
	json_set_bool(o, "undoing", s->undoing);
	json_set_bool(o, "by_hand", s->by_hand);
	json_set_str(o, "aside_id", s->aside_id);
	json_set_str(o, "from_id", s->from_id);
	list = cJSON_AddArrayToObject(o, "exchanges");
	for (size_t i = 0; i < s->n_exchanges; i++)
		cJSON_AddItemToArray(list, exchange_to_json(&s->exchanges[i]));
}

static void holds_from_json(const cJSON *list, struct snap_state *s)
{
	const cJSON *h = NULL;

	if (!list || !list->child)
		return;
	s->holds = xcalloc((size_t)cJSON_GetArraySize(list), sizeof(*s->holds));
	cJSON_ArrayForEach (h, list) {
		s->holds[s->n_holds++] = (struct hold){
			.id = xstrdup(json_str(h, "id", "")),
			.name = xstrdup(json_str(h, "name", "")),
			.service = xstrdup(json_str(h, "service", "")),
			.policy = xstrdup_null(json_str(h, "policy", NULL)),
			.paused = json_bool(h, "paused", false),
			.leave = json_bool(h, "leave", false),
		};
	}
}

static void exchanges_from_json(const cJSON *list, struct snap_state *s)
{
	const cJSON *x = NULL;

	if (!list || !list->child)
		return;
	s->exchanges = xcalloc((size_t)cJSON_GetArraySize(list), sizeof(*s->exchanges));
	cJSON_ArrayForEach (x, list) {
		s->exchanges[s->n_exchanges++] = (struct exchange){
			.name = xstrdup(json_str(x, "name", "")),
			.mount = xstrdup_null(json_str(x, "mount", NULL)),
			.path = xstrdup(json_str(x, "path", "")),
			.driver = xstrdup(json_str(x, "driver", "")),
			.from = xstrdup(json_str(x, "from", "")),
			.built = xstrdup_null(json_str(x, "built", NULL)),
			.identity = xstrdup_null(json_str(x, "identity", NULL)),
			.aside = xstrdup_null(json_str(x, "aside", NULL)),
			.consume = json_bool(x, "consume", false),
		};
	}
}

void snap_state_from_json(const cJSON *intent, struct snap_state *s)
{
	const cJSON *o = json_obj(intent, "data");

	memset(s, 0, sizeof(*s));
	if (!o)
		return;
	if (json_obj(o, "snapshot"))
		snapshot_from_json(json_obj(o, "snapshot"), &s->snapshot);
	json_get_strv(o, "auto_restore", &s->auto_restore);
	json_get_strv(o, "left", &s->left);
	json_get_strv(o, "dropped", &s->dropped);
	holds_from_json(json_arr(o, "holds"), s);
	s->stage = xstrdup_null(json_str(o, "stage", NULL));
	s->undoing = json_bool(o, "undoing", false);
	s->by_hand = json_bool(o, "by_hand", false);
	s->aside_id = xstrdup_null(json_str(o, "aside_id", NULL));
	s->from_id = xstrdup_null(json_str(o, "from_id", NULL));
	exchanges_from_json(json_arr(o, "exchanges"), s);
}
