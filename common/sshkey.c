/*
 * sshkey - "openssh-key-v1": magic, cipher, kdf, kdf options, number of keys, public blob, private
 * part. Depends on: mem, libcrypto.
 */
#include "common/sshkey.h"

#include "common/auto.h"
#include "common/mem.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char end[] = "-----END OPENSSH PRIVATE KEY-----";
static const char magic[] = "openssh-key-v1"; /* its zero is part of it */
static const char ed25519[] = "ssh-ed25519";

struct reader {
	const unsigned char *p;
	size_t left;
};

static bool take_u32(struct reader *r, uint32_t *v)
{
	if (r->left < 4)
		return false;
	*v = (uint32_t)r->p[0] << 24 | (uint32_t)r->p[1] << 16 | (uint32_t)r->p[2] << 8 | r->p[3];
	r->p += 4;
	r->left -= 4;
	return true;
}

static bool take_string(struct reader *r, struct reader *s)
{
	uint32_t n;

	if (!take_u32(r, &n) || n > r->left)
		return false;
	*s = (struct reader){r->p, n};
	r->p += n;
	r->left -= n;
	return true;
}

static bool is_text(const struct reader *s, const char *text)
{
	return s->left == strlen(text) && memcmp(s->p, text, s->left) == 0;
}

/* The text between the marks, decoded. The caller frees; NULL if there is none. */
static unsigned char *decode(const char *text, size_t *len)
{
	const char *s = strstr(text, begin);

	s = s ? s + sizeof(begin) - 1 : NULL; /* the dashes of one mark are not the other's too */
	const char *stop = s ? strstr(s, end) : NULL;

	if (!stop)
		return NULL;
	size_t n = 0, room = (size_t)(stop - s);
	auto_free unsigned char *plain = xmalloc(room + 4);
	unsigned char *out = xmalloc(room + 4);

	for (; s < stop; s++) {
		if (*s != '\n' && *s != '\r' && *s != ' ')
			plain[n++] = (unsigned char)*s;
	}
	int got = EVP_DecodeBlock(out, plain, (int)n);
	explicit_bzero(plain, n);
	if (got < 0) {
		free(out);
		return NULL;
	}
	*len = (size_t)got;
	return out;
}

/* check numbers, type, public half, private half (seed and public half again) */
static bool take_private(struct reader r, struct sshkey *out)
{
	struct reader type, pub, priv;
	uint32_t a, b;

	if (!take_u32(&r, &a) || !take_u32(&r, &b) || a != b || !take_string(&r, &type) ||
	    !is_text(&type, ed25519) || !take_string(&r, &pub) || pub.left != SSHKEY_PART ||
	    !take_string(&r, &priv) || priv.left != (size_t)2 * SSHKEY_PART)
		return false;
	memcpy(out->seed, priv.p, SSHKEY_PART);
	return true;
}

/* The outer parts; -1 if it is not that format. */
static int take_parts(struct reader r, struct reader *cipher, struct reader *pub,
		      struct reader *priv)
{
	struct reader kdf, options;
	uint32_t count;

	if (r.left < sizeof(magic) || memcmp(r.p, magic, sizeof(magic)) != 0)
		return -1;
	r.p += sizeof(magic);
	r.left -= sizeof(magic);
	if (!take_string(&r, cipher) || !take_string(&r, &kdf) || !take_string(&r, &options) ||
	    !take_u32(&r, &count) || count != 1)
		return -1;
	return take_string(&r, pub) && take_string(&r, priv) ? 0 : -1;
}

static enum sshkey_form take_key(struct reader r, struct sshkey *out)
{
	struct reader cipher, pub, priv, type;

	if (take_parts(r, &cipher, &pub, &priv) < 0)
		return SSHKEY_OTHER;
	if (!is_text(&cipher, "none"))
		return SSHKEY_ENCRYPTED;
	struct reader in = pub;
	if (!take_string(&in, &type))
		return SSHKEY_OTHER;
	if (is_text(&type, "ssh-rsa"))
		return SSHKEY_RSA;
	if (pub.left != SSHKEY_BLOB || !is_text(&type, ed25519) || !take_private(priv, out))
		return SSHKEY_OTHER;
	memcpy(out->blob, pub.p, SSHKEY_BLOB);
	return SSHKEY_ED25519;
}

enum sshkey_form sshkey_read(const char *text, struct sshkey *out)
{
	size_t len = 0;
	unsigned char *raw = decode(text, &len);

	if (!raw) {
		if (strstr(text, "ENCRYPTED"))
			return SSHKEY_ENCRYPTED;
		return strstr(text, "BEGIN RSA") ? SSHKEY_RSA : SSHKEY_OTHER;
	}
	enum sshkey_form form = take_key((struct reader){raw, len}, out);
	explicit_bzero(raw, len);
	free(raw);
	return form;
}

bool sshkey_sign(const struct sshkey *k, const void *data, size_t len,
		 unsigned char signature[SSHKEY_SIGNATURE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->seed, SSHKEY_PART);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t made = SSHKEY_SIGNATURE;
	bool ok = key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(ctx, signature, &made, data, len) == 1 && made == SSHKEY_SIGNATURE;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

void sshkey_forget(struct sshkey *k)
{
	explicit_bzero(k->seed, sizeof(k->seed));
}
