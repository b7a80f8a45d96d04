/*
 * pick - a generation that a person named by its number.
 * Depends on: store.
 */
#pragma once

#include "agent/store/store.h"

/* generation_read(), but a number that is not kept is ERR_USAGE: it was mistyped, nothing is
 * damaged. */
int pick_generation(const struct store *s, int64_t number, struct generation *out, struct err *e);
