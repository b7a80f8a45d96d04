/*
 * model_words - one changed setting of a service in words. For this directory only.
 * Depends on: common, model.
 */
#pragma once

#include "agent/engine/model.h"

/* Adds one line or more to reasons. old and new are the values of `key`, NULL where there was or is
 * none. */
void model_words(const char *service, const char *key, const cJSON *old, const cJSON *new,
		 struct strv *reasons);

/* "name:1 → name:2" of two references as they stand in models, digests left out where tags tell the
 * difference. */
char *model_words_image(const char *old, const char *new);

/* Is `new` just `old` without its digest: not pulled yet, so nothing is known of a change? */
bool model_words_is_pending(const char *old, const char *new);
