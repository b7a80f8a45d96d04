/*
 * template - the text of a webhook with {{field}} in it: fields of the event and nothing else, no
 * logic, no files. Pure.
 * Depends on: common.
 */
#pragma once

#include "common/err.h"
#include "common/str.h"

#include <cjson/cJSON.h>

enum template_escape {
	TEMPLATE_PLAIN,
	TEMPLATE_JSON, /* values as inside of a JSON string */
	TEMPLATE_FORM, /* percent-encoded */
};
enum template_escape template_escape_of(const char *content_type);

/* ERR_USAGE with what is wrong: an unknown field, {{ without }}. */
int template_check(const char *text, struct err *e);
/* entry is a line of the history. A field it does not have is empty; a list is its lines. */
void template_fill(const char *text, const cJSON *entry, enum template_escape how, struct str *out);
