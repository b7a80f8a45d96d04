/*
 * hmac - HMAC-SHA256, and base64 (RFC 4648), through libcrypto.
 * Depends on: libcrypto, mem, str.
 */
#pragma once

#include "common/str.h"

#include <stddef.h>

enum { HMAC_SIZE = 32 };

void hmac_sha256(const void *key, size_t key_len, const struct str *data,
		 unsigned char out[HMAC_SIZE]);

char *base64_text(const void *data, size_t len); /* the caller frees */
/* -1 if the text is not base64; padding may be missing. *out is the caller's. */
int base64_bytes(const char *text, unsigned char **out, size_t *len);
