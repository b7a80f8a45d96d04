/*
 * state - JSON read as each of the things that stand in records. The first byte says which. What
 * was read and is written again must read the same.
 * Depends on: fuzz, model.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/flow/snap.h"
#include "agent/model/generation.h"
#include "agent/model/project.h"
#include "agent/model/snapshot.h"
#include "common/json.h"

#include <string.h>

static cJSON *as_active(const cJSON *j)
{
	struct active a;

	active_from_json(j, &a);
	cJSON *out = active_to_json(&a);
	active_done(&a);
	return out;
}

static cJSON *as_generation(const cJSON *j)
{
	struct generation g;

	generation_from_json(j, &g);
	cJSON *out = generation_to_json(&g);
	generation_done(&g);
	return out;
}

static cJSON *as_snapshot(const cJSON *j)
{
	struct snapshot s;

	snapshot_from_json(j, &s);
	cJSON *out = snapshot_to_json(&s);
	snapshot_done(&s);
	return out;
}

static cJSON *as_projects(const cJSON *j)
{
	struct projects l;

	projects_from_json(j, &l);
	cJSON *out = projects_to_json(&l);
	projects_done(&l);
	return out;
}

static cJSON *as_snap_state(const cJSON *j)
{
	struct snap_state s;
	cJSON *out = cJSON_CreateObject();

	snap_state_from_json(j, &s);
	snap_state_to_json(&s, out);
	snap_state_done(&s);
	return out;
}

static cJSON *(*const kinds[])(const cJSON *j) = {as_active, as_generation, as_snapshot,
						  as_projects, as_snap_state};

void fuzz_one(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	auto_json cJSON *j = NULL;

	if (len < 1 || json_parse(text + 1, len - 1, &j, &e) < 0)
		return;
	size_t kind = (unsigned char)text[0] % (sizeof(kinds) / sizeof(kinds[0]));
	auto_json cJSON *once = kinds[kind](j);
	auto_json cJSON *twice = kinds[kind](once);
	auto_free char *a = json_text(once);
	auto_free char *b = json_text(twice);

	FUZZ_CHECK(strcmp(a, b) == 0);
}
