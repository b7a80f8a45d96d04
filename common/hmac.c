/*
 * hmac - see hmac.h.
 * Depends on: libcrypto, mem, str.
 */
#include "common/hmac.h"

#include "common/mem.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

void hmac_sha256(const void *key, size_t key_len, const struct str *data,
		 unsigned char out[HMAC_SIZE])
{
	unsigned int len = 0;

	/* It cannot fail but for want of memory, and then we end as common/mem.c does. */
	if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)str_text(data), data->len,
		  out, &len) ||
	    len != HMAC_SIZE)
		abort();
}

char *base64_text(const void *data, size_t len)
{
	char *out = xmalloc((len + 2) / 3 * 4 + 1);

	(void)EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return out;
}

int base64_bytes(const char *text, unsigned char **out, size_t *len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strspn(text, alphabet), pad = (4 - n % 4) % 4;
	size_t tail = strspn(text + n, "=");

	if (text[n + tail] != '\0' || pad == 3 || (tail != 0 && tail != pad))
		return -1;
	auto_free char *whole = xmalloc(n + pad + 1);
	memcpy(whole, text, n);
	memset(whole + n, '=', pad);
	whole[n + pad] = '\0';
	auto_free unsigned char *bytes = xmalloc((n + pad) / 4 * 3 + 1);
	int got = EVP_DecodeBlock(bytes, (const unsigned char *)whole, (int)(n + pad));
	explicit_bzero(whole, n);
	if (got < 0)
		return -1;
	*len = (size_t)got - pad;
	*out = TAKE(bytes);
	return 0;
}
