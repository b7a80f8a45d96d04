/*
 * metrics - how things stand as a Prometheus text file, for node_exporter's textfile collector.
 * Pure: the sync fills it from the records, and the daemon, which must not read a generation of a
 * thousand projects at every poll, only changes single values in the text. Depends on: common.
 * To add a metric: a row in metrics.c; names are an interface: never change one.
 */
#pragma once

#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_state { METRIC_GOOD, METRIC_HELD, METRIC_MISSING, METRIC_DEGRADED, METRIC_STATES };

struct metrics_project {
	const char *name;
	enum metric_state state;
	int64_t deployed; /* wall clock; 0: never */
};

struct metrics {
	const char *version;
	int64_t generation;
	int64_t made; /* wall clock of the generation; 0: none */
	bool held;    /* everything: suspended, or after a rollback */
	int64_t last_sync;
	bool last_good;
	bool has_source, source_up;
	int64_t source_seen;  /* 0: never */
	int64_t source_moved; /* 0: never */
	struct metrics_project *v;
	size_t n;
};

void metrics_text(struct str *out, const struct metrics *m);

#define METRIC_SOURCE_UP   "mdc_source_up"
#define METRIC_SOURCE_SEEN "mdc_source_last_seen_timestamp_seconds"
/* The value of a metric without labels in such a text; `otherwise` if it is not in it. */
int64_t metrics_value(const char *text, const char *name, int64_t otherwise);
/* The same text with another value for that metric. False if it is not in it. */
bool metrics_change(struct str *out, const char *text, const char *name, int64_t value);
