/*
 * plan - what would happen to each project, and why, in words. Plain data: making one changes
 * nothing. Depends on: common.
 */
#pragma once

#include "common/auto.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum plan_action {
	PLAN_KEEP, /* nothing to do */
	PLAN_ADD,
	PLAN_CHANGE,
	PLAN_REMOVE,
	PLAN_REPAIR, /* same content, but what runs differs and drift is `repair`, or a person asked
		      */
	PLAN_HELD,   /* would change, but is marked, suspended or behind a hold */
	PLAN_BLOCKED, /* cannot be deployed: bad settings, name clash, after a failed one */
};

struct plan_item {
	char *project;
	enum plan_action action;
	bool failed_before;   /* held because this very content failed here, or the project is
				 degraded */
	struct strv reasons;  /* "image app: web:1 → web:2", "mounted file conf/a of service web
				 changed" */
	struct strv notes;    /* "data of db: snapshot by btrfs, about 15 ms", "network definition
				 changed: Compose does not apply it" */
	struct strv services; /* that would be created or recreated */
};

struct plan {
	struct plan_item *v; /* sorted by project */
	size_t n;
};

const char *plan_action_name(enum plan_action a);
struct plan_item *plan_add(struct plan *p, const char *project,
			   enum plan_action a); /* borrowed until the next add */
struct plan_item *plan_find(const struct plan *p, const char *project);
void plan_done(struct plan *p);
#define auto_plan AUTO(plan_done)
cJSON *plan_to_json(const struct plan *p); /* a list, one object per project */
