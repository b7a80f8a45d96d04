/*
 * record - a text on disk, JSON but for generations, that is whole or absent:
 * "MDC1 <length> <crc32c>\n" and the text.
 * Depends on: file, json.
 */
#pragma once

#include "common/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { RECORD_MAX_BYTES = 64 * 1024 * 1024 };

/* file_replace() of the JSON with header, mode 0600. json is borrowed. */
int record_write(const char *path, const cJSON *json, struct err *e);

/*
 * *out is the parsed JSON (the caller frees with cJSON_Delete), or NULL if the file does not exist.
 * ERR_BROKEN if header, length, checksum or JSON is wrong.
 */
int record_read(const char *path, cJSON **out, struct err *e);

/* The same for a text of any form; len bytes. */
int record_write_text(const char *path, const char *text, size_t len, struct err *e);
/* *out is the text, zero-terminated (the caller frees), or NULL if the file does not exist. */
int record_read_text(const char *path, char **out, size_t *len, struct err *e);

unsigned int record_crc32c(const void *data, size_t len); /* Castagnoli; "123456789" is e3069283 */
