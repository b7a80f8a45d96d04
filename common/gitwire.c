/*
 * gitwire - Git's packet lines. Everything read here comes from a server and is bounded.
 * Depends on: err, str, refpick.
 */
#include "common/gitwire.h"

#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PACKET_MAX = 65520,    /* Git's own limit */
	PACKETS_MAX = 1000000, /* refs of one repository */
	REF_NAME_MAX = 1024,
};

static int hex_length(const char *s)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;

		if (d < 0)
			return -1;
		n = n * 16 + d;
	}
	return n;
}

enum gitwire_kind gitwire_take(const char *buf, size_t n, struct gitwire_packet *out)
{
	if (n < 4)
		return GITWIRE_MORE;
	int size = hex_length(buf);
	if (size < 0 || size == 3 || size > PACKET_MAX)
		return GITWIRE_BAD;
	*out = (struct gitwire_packet){.data = buf + 4, .size = 4};
	if (size < 3)
		return size == 0 ? GITWIRE_FLUSH : size == 1 ? GITWIRE_DELIM : GITWIRE_END;
	if (n < (size_t)size)
		return GITWIRE_MORE;
	out->size = (size_t)size;
	out->len = (size_t)size - 4;
	if (out->len > 0 && out->data[out->len - 1] == '\n')
		out->len--;
	return GITWIRE_DATA;
}

void gitwire_add(struct str *to, const char *fmt, ...)
{
	auto_str struct str text = {.max = PACKET_MAX - 4};
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	str_addf(to, "%04zx", text.len + 4);
	str_addn(to, str_text(&text), text.len);
}

void gitwire_add_flush(struct str *to)
{
	str_add(to, "0000");
}

void gitwire_add_delim(struct str *to)
{
	str_add(to, "0001");
}

void gitwire_add_ls_refs(struct str *to, const struct refpick *p, const char *format)
{
	auto_free char *prefix = refpick_prefix(p);

	gitwire_add(to, "command=ls-refs\n");
	gitwire_add(to, "agent=mdc-agent\n");
	if (format[0] != '\0')
		gitwire_add(to, "object-format=%s\n", format);
	gitwire_add_delim(to);
	gitwire_add(to, "peel\n");
	gitwire_add(to, "ref-prefix %s\n", prefix);
	gitwire_add_flush(to);
}

static bool begins(const struct gitwire_packet *p, const char *word)
{
	size_t n = strlen(word);

	return p->len >= n && memcmp(p->data, word, n) == 0;
}

/* "<id> <name>" with "\0capabilities" (protocol 0) or " peeled:<id>" (2) behind. False if it is no
 * ref. */
static bool offer(struct refpick *pick, const struct gitwire_packet *p)
{
	char id[GIT_HEX_SIZE], peeled[GIT_HEX_SIZE] = "", name[REF_NAME_MAX + 1];
	const char *end = p->data + p->len, *space = memchr(p->data, ' ', p->len);
	size_t id_len = space ? (size_t)(space - p->data) : 0;

	if (!space || !refpick_is_id(p->data, id_len))
		return false;
	memcpy(id, p->data, id_len);
	id[id_len] = '\0';
	const char *s = ++space;
	while (s < end && *s != ' ' && *s != '\0')
		s++;
	size_t len = (size_t)(s - space);
	if (len > REF_NAME_MAX)
		return true; /* nobody means that one */
	memcpy(name, space, len);
	name[len] = '\0';
	const char *mark = memmem(s, (size_t)(end - s), " peeled:", 8);
	if (mark &&
	    refpick_is_id(mark + 8,
			  strnlen(mark + 8, (size_t)(end - mark) - 8) < id_len ? 0 : id_len)) {
		memcpy(peeled, mark + 8, id_len);
		peeled[id_len] = '\0';
	}
	refpick_offer(pick, name, id, peeled[0] != '\0' ? peeled : NULL);
	return true;
}

static int no_git(const struct gitwire_refs *r, struct err *e)
{
	return err_set(e, ERR_RETRY, 0,
		       "%s does not answer like a Git server; is the path in source.url right?",
		       r->where);
}

static void note_format(struct gitwire_refs *r, const struct gitwire_packet *p)
{
	static const char key[] = "object-format=";

	if (begins(p, key) && p->len - (sizeof(key) - 1) < sizeof(r->format)) {
		size_t n = p->len - (sizeof(key) - 1);

		memcpy(r->format, p->data + sizeof(key) - 1, n);
		r->format[n] = '\0';
		if (strcmp(r->format, "sha256") != 0)
			r->format[0] = '\0';
	}
}

static int on_data(struct gitwire_refs *r, const struct gitwire_packet *p, struct err *e)
{
	if (begins(p, "ERR ")) {
		auto_free char *raw = xstrndup(p->data + 4, p->len - 4);
		auto_free char *text = str_printable(raw, 300);

		return err_set(e, ERR_RETRY, 0, "%s says: %s", r->where, text);
	}
	bool first = !r->begun;

	r->begun = true;
	if (r->v2) {
		note_format(r, p);
		return 0;
	}
	if (first && begins(p, "# service=")) {
		r->service = true;
		r->begun = false;
		return 0;
	}
	if (first && begins(p, "version 2")) {
		r->v2 = true;
		return 0;
	}
	if (offer(r->pick, p))
		return 0;
	/* Shallow lines and unborn branches say nothing to us. */
	if (begins(p, "version 1") || begins(p, "shallow ") || begins(p, "unborn "))
		return 0;
	return no_git(r, e);
}

static int on_packet(struct gitwire_refs *r, enum gitwire_kind kind, const struct gitwire_packet *p,
		     struct err *e)
{
	if (++r->packets > PACKETS_MAX)
		return err_set(e, ERR_RETRY, 0, "%s lists more than %d refs", r->where,
			       PACKETS_MAX);
	if (kind == GITWIRE_DATA)
		return on_data(r, p, e);
	if (kind == GITWIRE_FLUSH && r->service && !r->begun && !r->done) {
		r->service = false; /* the flush behind "# service=" */
		return 0;
	}
	if (!r->begun && !r->answer && kind != GITWIRE_FLUSH)
		return no_git(r, e);
	r->done = true;
	return 0;
}

int gitwire_feed(struct gitwire_refs *r, const char *data, size_t n, struct err *e)
{
	/* Only an incomplete packet is kept between pieces: at most PACKET_MAX bytes. */
	str_addn(&r->rest, data, n);
	const char *at = str_text(&r->rest);
	size_t left = r->rest.len;

	while (!r->done) {
		struct gitwire_packet p;
		enum gitwire_kind kind = gitwire_take(at, left, &p);

		if (kind == GITWIRE_MORE)
			break;
		if (kind == GITWIRE_BAD)
			return no_git(r, e);
		if (on_packet(r, kind, &p, e) < 0)
			return -1;
		at += p.size;
		left -= p.size;
	}
	if (r->done)
		left = 0;
	if (left > 0 && at != r->rest.s)
		memmove(r->rest.s, at, left);
	r->rest.len = left;
	return 0;
}

int gitwire_finish(const struct gitwire_refs *r, struct err *e)
{
	if (r->done)
		return 0;
	if (!r->begun && !r->service)
		return no_git(r, e);
	return err_set(e, ERR_RETRY, 0, "%s ended its answer in the middle", r->where);
}

void gitwire_refs_done(struct gitwire_refs *r)
{
	str_done(&r->rest);
}
