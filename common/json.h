/*
 * json - typed getters over cJSON, with limits on what comes from outside.
 * Depends on: err.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

AUTO_PTR(cJSON_Delete, cJSON)
#define auto_json AUTO(cJSON_Delete_at)

/* Parse len bytes; trailing white space is fine, anything else after the value is an error.
 * ERR_REJECTED. */
int json_parse(const char *text, size_t len, cJSON **out, struct err *e);

/* Borrowed values; the default is given when the member is missing or has another type. */
const char *json_str(const cJSON *o, const char *name, const char *otherwise);
int64_t json_int(const cJSON *o, const char *name, int64_t otherwise);
bool json_bool(const cJSON *o, const char *name, bool otherwise);
const cJSON *json_obj(const cJSON *o, const char *name); /* NULL if it is not an object */
const cJSON *json_arr(const cJSON *o, const char *name); /* NULL if it is not an array */
const cJSON *json_path(const cJSON *o,
		       const char *dotted); /* "State.Health.Status"; NULL if missing */

/* Setters that replace a member; s == NULL removes it. Integers are exact up to 15 digits (cJSON's
 * text form). */
void json_set_str(cJSON *o, const char *name, const char *s);
void json_set_int(cJSON *o, const char *name, int64_t v);
void json_set_bool(cJSON *o, const char *name, bool v);
void json_set_strv(cJSON *o, const char *name, const struct strv *l);
void json_get_strv(const cJSON *o, const char *name,
		   struct strv *out); /* appends; skips non-strings */

/* Text without white space; the caller frees. Member order is kept. */
char *json_text(const cJSON *v);
/* Text with members sorted at every level: equal for equal values. The caller frees. */
char *json_canonical(const cJSON *v);
