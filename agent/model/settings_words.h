/*
 * settings_words - the words of settings' enums; index 0 is "", unset. Private to settings*.c.
 * Depends on: nothing.
 */
#pragma once

#include <stddef.h>

struct settings_words {
	const char *const *v;
	size_t n;
};
extern const struct settings_words settings_pull, settings_on_remove, settings_quiesce,
	settings_restore, settings_driver, settings_flag;
