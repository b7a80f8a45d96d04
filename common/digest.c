/*
 * digest - SHA-256 in hex.
 * Depends on: libcrypto, mem.
 */
#include "common/digest.h"

#include "common/mem.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct digest {
	EVP_MD_CTX *ctx;
};

static void to_hex(const unsigned char raw[SHA256_DIGEST_LENGTH], char out[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[DIGEST_HEX_SIZE - 1] = '\0';
}

/* SHA-256 cannot fail but for want of memory, and then we end as common/mem.c does. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

void digest_bytes(const void *data, size_t len, char out[DIGEST_HEX_SIZE])
{
	unsigned char raw[SHA256_DIGEST_LENGTH];

	must(SHA256(data, len, raw) != NULL);
	to_hex(raw, out);
}

void digest_text(const char *s, char out[DIGEST_HEX_SIZE])
{
	digest_bytes(s, strlen(s), out);
}

struct digest *digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx && EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
	return d;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	unsigned char size[8];

	/* The length in front, high byte first, ends one part and begins the next. */
	for (size_t i = 0; i < sizeof(size); i++)
		size[i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
	must(EVP_DigestUpdate(d->ctx, size, sizeof(size)));
	if (len > 0)
		must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_end(struct digest *d, char out[DIGEST_HEX_SIZE])
{
	unsigned char raw[SHA256_DIGEST_LENGTH];

	must(EVP_DigestFinal_ex(d->ctx, raw, NULL));
	to_hex(raw, out);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}
