/*
 * sshkey - reading an unencrypted ed25519 key in OpenSSH's own format, and signing with it. libssh2
 * could do that too, but has libcrypto search all its decoders first: 10 M instructions, a third of
 * a whole poll. Depends on: libcrypto.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SSHKEY_PART = 32, SSHKEY_SIGNATURE = 64, SSHKEY_BLOB = 4 + 11 + 4 + SSHKEY_PART };

struct sshkey {
	unsigned char seed[SSHKEY_PART];
	unsigned char blob[SSHKEY_BLOB]; /* the public half as ssh sends it */
};

enum sshkey_form {
	SSHKEY_ED25519,   /* read */
	SSHKEY_ENCRYPTED, /* has a passphrase */
	SSHKEY_RSA,
	SSHKEY_OTHER, /* something else, maybe no key at all */
};

/* text: the file, zero-terminated. *out is filled for SSHKEY_ED25519 only. */
enum sshkey_form sshkey_read(const char *text, struct sshkey *out);
bool sshkey_sign(const struct sshkey *k, const void *data, size_t len,
		 unsigned char signature[SSHKEY_SIGNATURE]);
void sshkey_forget(struct sshkey *k);
