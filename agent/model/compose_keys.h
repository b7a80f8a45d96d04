/*
 * compose_keys - which keys of a Compose file are known. Evaluation finds typing mistakes by it,
 * the policy what no rule speaks of. Depends on: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

extern const char *const compose_top_keys[], *const compose_service_keys[];
extern const size_t compose_top_count, compose_service_count;

/* Known, or beginning with x-. */
bool compose_top_key(const char *key);
bool compose_service_key(const char *key);
