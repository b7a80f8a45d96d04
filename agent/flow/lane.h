/*
 * lane - what lane.c and lane_survey.c share.
 * Depends on: deliver.h.
 */
#pragma once

#include "agent/flow/deliver.h"
#include "common/clock.h"

struct lane {
	const struct lane_job *job;
	struct cursor cursor;
	int64_t waiting, delivered;
	struct deadline until; /* longer it does not work at a time */
};

bool lane_informational(const cJSON *entry); /* may be given up first */
bool lane_wants(const struct lane_job *j, const struct cursor *c, const cJSON *entry);
void lane_tell(const struct lane *l, enum event ev, const char *reason);
/* Seconds until the next try after so many failures in a row, with jitter. */
int64_t lane_backoff_s(int failures, bool refused, unsigned int random);

/* Count what waits; give up the oldest where there is too much (lane_survey.c). */
int lane_survey(struct lane *l, struct err *e);
