/*
 * digest - SHA-256 through libcrypto, as lower-case hex.
 * Depends on: libcrypto.
 */
#pragma once

#include <stddef.h>

enum { DIGEST_HEX_SIZE = 65 };

void digest_bytes(const void *data, size_t len, char out[DIGEST_HEX_SIZE]);
void digest_text(const char *s, char out[DIGEST_HEX_SIZE]);

/* Several parts into one digest; each part is length-delimited, so that ("ab","c") is not
 * ("a","bc"). */
struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, char out[DIGEST_HEX_SIZE]); /* frees d */
