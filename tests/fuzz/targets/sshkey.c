/*
 * sshkey - a private key's file.
 * Depends on: fuzz, sshkey.
 */
#include "tests/fuzz/fuzz.h"

#include "common/sshkey.h"

void fuzz_one(const char *text, size_t len)
{
	struct sshkey key = {.seed = {0}};
	unsigned char signature[SSHKEY_SIGNATURE];

	(void)len;
	if (sshkey_read(text, &key) == SSHKEY_ED25519)
		FUZZ_CHECK(sshkey_sign(&key, "x", 1, signature));
	sshkey_forget(&key);
}
