/*
 * duration - "90s", "5m", "1h30m", "7d", "250ms" to milliseconds and back; sizes likewise.
 * Depends on: err.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* A unit is required ("90" is ERR_REJECTED), 0 is written "0s"; at most ten years. */
int duration_parse(const char *text, int64_t *ms, struct err *e);
/* For people: "850 ms", "12.3 s", "3 m 20 s", "3 d 4 h". Returns buf. */
const char *duration_text(int64_t ms, char *buf, size_t size);
/* As it would be written in a settings file: "90s", "3m", "250ms". Returns buf. */
const char *duration_key(int64_t ms, char *buf, size_t size);
/* "10MB", "1GiB", "500k", "4096" to bytes (powers of 1024). */
int size_parse(const char *text, uint64_t *bytes, struct err *e);
const char *size_text(uint64_t bytes, char *buf, size_t size);
