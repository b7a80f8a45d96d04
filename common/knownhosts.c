/*
 * knownhosts - reading OpenSSH's known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Certificate
 * authorities
 * (@cert-authority) are not supported: libssh2 takes no host certificates.
 * Depends on: err, mem, file, str, libcrypto.
 */
#include "common/knownhosts.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

#include <fnmatch.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 * 1024 * 1024, KEY_MAX = 16 * 1024, SHA1_SIZE = 20, SHA1_TEXT = 28 };

int knownhosts_open(const char *file, const char *host, int port, struct knownhosts *out,
		    struct err *e)
{
	struct knownhosts k = {.host = NULL};

	if (file_read(file, FILE_MAX, &k.text, NULL, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "source.known_hosts_file");
	}
	if (port == 0 || port == 22)
		k.host = xstrdup(host);
	k.host_port = xasprintf("[%s]:%d", host, port == 0 ? 22 : port);
	*out = k;
	return 0;
}

void knownhosts_done(struct knownhosts *k)
{
	free(k->text);
	free(k->host);
	free(k->host_port);
}

struct listed {
	bool revoked;
	const char *hosts, *type, *key; /* each ends at white space */
	size_t hosts_len, type_len, key_len;
};

static const char *word(const char **s, const char *end, size_t *len)
{
	const char *at = *s;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	const char *stop = at;
	while (stop < end && *stop != ' ' && *stop != '\t' && *stop != '\r')
		stop++;
	*len = (size_t)(stop - at);
	*s = stop;
	return at;
}

static bool split(const char *s, const char *end, struct listed *l)
{
	*l = (struct listed){.revoked = false};
	l->hosts = word(&s, end, &l->hosts_len);
	if (l->hosts_len == 0 || l->hosts[0] == '#')
		return false;
	if (l->hosts[0] == '@') {
		l->revoked = l->hosts_len == 8 && memcmp(l->hosts, "@revoked", 8) == 0;
		if (!l->revoked)
			return false; /* @cert-authority */
		l->hosts = word(&s, end, &l->hosts_len);
	}
	l->type = word(&s, end, &l->type_len);
	l->key = word(&s, end, &l->key_len);
	return l->key_len > 0;
}

/* "|1|salt|hash": HMAC-SHA1 of the name with the salt as key. */
static bool hashed_is(const char *field, size_t len, const char *name)
{
	unsigned char salt[SHA1_TEXT], made[EVP_MAX_MD_SIZE];
	char text[SHA1_TEXT + 1];
	unsigned int made_len = 0;

	if (len != 3 + SHA1_TEXT + 1 + SHA1_TEXT || field[3 + SHA1_TEXT] != '|')
		return false;
	if (EVP_DecodeBlock(salt, (const unsigned char *)field + 3, SHA1_TEXT) < SHA1_SIZE)
		return false;
	if (!HMAC(EVP_sha1(), salt, SHA1_SIZE, (const unsigned char *)name, strlen(name), made,
		  &made_len))
		return false;
	(void)EVP_EncodeBlock((unsigned char *)text, made, (int)made_len);
	return made_len == SHA1_SIZE && memcmp(text, field + 3 + SHA1_TEXT + 1, SHA1_TEXT) == 0;
}

static bool pattern_fits(const char *pattern, const char *name)
{
	/* In a name "[host]:22" brackets are plain characters; patterns have only "*" and "?". */
	auto_str struct str p = STR_INIT;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '[' || *pattern == ']' || *pattern == '\\')
			str_addc(&p, '\\');
		str_addc(&p, *pattern);
	}
	return fnmatch(str_text(&p), name, FNM_CASEFOLD) == 0;
}

static bool names_fit(const struct listed *l, const char *name)
{
	bool fits = false;
	const char *end = l->hosts + l->hosts_len;

	if (!name)
		return false;
	if (l->hosts_len > 3 && memcmp(l->hosts, "|1|", 3) == 0)
		return hashed_is(l->hosts, l->hosts_len, name);
	for (const char *s = l->hosts; s < end;) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		bool negated = *s == '!';
		auto_free char *pattern = xstrndup(s + negated, (size_t)(stop - s) - negated);

		if (pattern_fits(pattern, name)) {
			if (negated)
				return false;
			fits = true;
		}
		s = stop + (comma != NULL);
	}
	return fits;
}

/* The next line for this host from *at on; false at the end. */
static bool next(const struct knownhosts *k, const char **at, struct listed *l)
{
	while (**at != '\0') {
		const char *s = *at, *end = s + strcspn(s, "\n");

		*at = *end == '\n' ? end + 1 : end;
		if (split(s, end, l) && (names_fit(l, k->host) || names_fit(l, k->host_port)))
			return true;
	}
	return false;
}

void knownhosts_types(const struct knownhosts *k, struct strv *types)
{
	const char *at = k->text;
	struct listed l;

	while (next(k, &at, &l)) {
		auto_free char *type = xstrndup(l.type, l.type_len);

		if (!l.revoked)
			(void)strv_add_once(types, type);
	}
}

enum knownhosts_answer knownhosts_check(const struct knownhosts *k, const void *key, size_t len)
{
	enum knownhosts_answer answer = KNOWNHOSTS_UNLISTED;
	const unsigned char *raw = key;
	const char *at = k->text;
	struct listed l;

	if (len < 4 || len > KEY_MAX)
		return KNOWNHOSTS_UNLISTED;
	size_t type_len =
		(size_t)raw[0] << 24 | (size_t)raw[1] << 16 | (size_t)raw[2] << 8 | raw[3];
	if (type_len > len - 4)
		return KNOWNHOSTS_UNLISTED;
	auto_free char *text = xmalloc(len * 4 / 3 + 8);
	size_t text_len = (size_t)EVP_EncodeBlock((unsigned char *)text, raw, (int)len);
	while (next(k, &at, &l)) {
		bool same = l.key_len == text_len && memcmp(l.key, text, text_len) == 0;

		if (same && l.revoked)
			return KNOWNHOSTS_REVOKED;
		if (l.revoked)
			continue;
		if (same)
			answer = KNOWNHOSTS_MATCH; /* go on: it may be revoked further down */
		else if (answer == KNOWNHOSTS_UNLISTED && l.type_len == type_len &&
			 memcmp(l.type, raw + 4, type_len) == 0)
			answer = KNOWNHOSTS_CHANGED;
	}
	return answer;
}
