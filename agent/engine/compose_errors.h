/*
 * compose_errors - what Compose's exit code and words mean for us. For this directory and its tests
 * only. Depends on: common.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>

enum compose_step {
	COMPOSE_RENDER,
	COMPOSE_PULL,
	COMPOSE_BUILD,
	COMPOSE_UP,
	COMPOSE_DOWN,
	COMPOSE_STOP,
};

/*
 * What Compose said, without progress and warnings, on one line and printable; the caller frees.
 * Never NULL,
 * "" if it said nothing.
 */
char *compose_words(enum compose_step step, const char *text);

/* The kind of a failure by exit code and words. */
enum err_kind compose_kind(enum compose_step step, int code, const char *words);

/* Do these words say that the connection to the engine was lost? */
bool compose_lost_engine(const char *words);

/* What to do about it, to be put behind the words; "" if there is nothing to say. */
const char *compose_advice(enum compose_step step, const char *words);
