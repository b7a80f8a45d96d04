/*
 * model_words - one changed setting of a service in words. For this directory only.
 * Depends on: common, model.
 */
#pragma once

#include "agent/engine/model.h"

/* The image as the Compose file names it, beside its pin; Compose ignores keys that begin with x-.
 */
#define MODEL_KEY_IMAGE "x-mdc-image"

/* Adds one line or more to reasons: what changed in `key` from one definition of the service to the
 * other. */
void model_words(const char *key, const cJSON *old, const cJSON *new, struct strv *reasons);

/*
 * Does the new definition name the same image without a pin? While a plan is made, images are not
 * pulled or built yet: whether the same name now means another image shows later.
 */
bool model_words_is_pending(const cJSON *old, const cJSON *new);
