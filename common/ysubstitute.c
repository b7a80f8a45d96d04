/*
 * ysubstitute - see the header. The scanner of libyaml says where a scalar stands and what it
 * means; only its text is replaced. Depends on: err, mem, str, strv, file, libyaml.
 */
#include "common/ysubstitute.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <yaml.h>

enum { FILE_MAX_BYTES = 64 * 1024, HIDDEN_MIN = 4, OUT_MAX = 16 * 1024 * 1024 };

void substitutions_done(struct substitutions *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		if (s->v[i].value && s->v[i].secret)
			explicit_bzero(s->v[i].value, strlen(s->v[i].value));
		free(s->v[i].value);
	}
	free(s->v);
	strv_done(&s->hidden);
	*s = (struct substitutions){.n = 0};
}

/* ---- values ---- */
static struct substitution *add(struct substitutions *s, const char *entry, size_t key_len)
{
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n] = (struct substitution){.key = xstrndup(entry, key_len)};
	return &s->v[s->n++];
}

/* Does "${key}" stand at `at`? Its length, or 0. */
static size_t key_at(const struct substitution *x, const char *at)
{
	size_t n = strlen(x->key);

	if (strncmp(at, "${", 2) != 0 || strncmp(at + 2, x->key, n) != 0 || at[n + 2] != '}')
		return 0;
	return n + 3;
}

/* The first substitution from `from` on whose key stands at `at`. */
static const struct substitution *find(const struct substitutions *s, size_t from, const char *at,
				       size_t *len)
{
	for (size_t i = from; i < s->n; i++) {
		*len = key_at(&s->v[i], at);
		if (*len > 0)
			return &s->v[i];
	}
	return NULL;
}

static int read_value(const char *path, char **out, struct err *e)
{
	size_t len = 0;
	char *text = NULL;

	if (file_read(path, FILE_MAX_BYTES, &text, &len, e) < 0)
		return -1;
	if (strlen(text) != len) {
		free(text);
		return err_set(e, ERR_REJECTED, 0, "%s is no text: it holds a zero byte", path);
	}
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	*out = text;
	return 0;
}

/* A text may name a file's key: it is a secret then, too. files_from: index of the first file. */
static void fill_texts(struct substitutions *s, size_t files_from)
{
	for (size_t i = 0; i < files_from; i++) {
		auto_str struct str out = {.max = OUT_MAX};

		for (const char *p = s->v[i].value; *p != '\0';) {
			size_t len = 0;
			const struct substitution *x = find(s, files_from, p, &len);

			if (x)
				str_add(&out, x->value);
			else
				str_addc(&out, *p);
			s->v[i].secret |= x != NULL;
			p += x ? len : 1;
		}
		free(s->v[i].value);
		s->v[i].value = str_take(&out);
	}
}

static int longest_first(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static void hide(struct substitutions *s, const char *value, size_t n)
{
	auto_str struct str doubled = STR_INIT;

	if (n < HIDDEN_MIN)
		return;
	auto_free char *plain = xstrndup(value, n);

	for (size_t i = 0; i < n; i++)
		str_addf(&doubled, "%s%c", value[i] == '$' ? "$" : "", value[i]);
	(void)strv_add_once(&s->hidden, plain);
	(void)strv_add_once(&s->hidden, str_text(&doubled));
}

/* The value as a whole, and each line of it: logs come in lines. */
static void hide_all(struct substitutions *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *p = s->v[i].value;

		if (!s->v[i].secret)
			continue;
		hide(s, p, strlen(p));
		while (*p != '\0') {
			size_t n = strcspn(p, "\n");

			hide(s, p, n);
			p += n + (p[n] == '\n');
		}
	}
	if (s->hidden.n > 1)
		qsort(s->hidden.v, s->hidden.n, sizeof(*s->hidden.v), longest_first);
}

int substitutions_read(const struct strv *texts, const struct strv *files,
		       struct substitutions *out, struct err *e)
{
	auto_substitutions struct substitutions s = {.n = 0};

	for (size_t i = 0; i < texts->n; i++) {
		size_t n = strcspn(texts->v[i], "=");

		add(&s, texts->v[i], n)->value = xstrdup(texts->v[i] + n + 1);
	}
	for (size_t i = 0; i < files->n; i++) {
		size_t n = strcspn(files->v[i], "=");
		struct substitution *x = add(&s, files->v[i], n);

		x->secret = true;
		if (read_value(files->v[i] + n + 1, &x->value, e) < 0)
			return err_wrap(e, "substitutions_from_files: %s", x->key);
	}
	fill_texts(&s, texts->n);
	hide_all(&s);
	*out = s;
	s = (struct substitutions){.n = 0};
	return 0;
}

/* ---- YAML ---- */
/*
 * In [${a}] the braces would be YAML's own: so each ${key} first becomes a word that nothing else
 * in the text is, and the words are replaced in scalars and put back elsewhere.
 */
enum { MARK_SIZE = 24 };

struct output {
	const struct substitutions *values;
	char mark[MARK_SIZE]; /* a word is this, a number and an 'x' */
	struct str text;
	const char *from; /* the input, with words */
	size_t done;      /* bytes of it that are in text */
	size_t byte;      /* of the character ... */
	size_t character; /* ... with this number: libyaml counts these */
};

static void choose_mark(char mark[MARK_SIZE], const char *text)
{
	unsigned long long n = 0;

	do {
		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			n++;
		(void)snprintf(mark, MARK_SIZE, "mdc%016llxn", n);
	} while (strstr(text, mark));
}

static char *put_words(const struct substitutions *s, const char *mark, const char *text)
{
	struct str out = {.max = OUT_MAX};

	while (*text != '\0') {
		size_t len = 0;
		const struct substitution *x = find(s, 0, text, &len);

		if (x)
			str_addf(&out, "%s%zux", mark, (size_t)(x - s->v));
		else
			str_addc(&out, *text);
		text += x ? len : 1;
	}
	return str_take(&out);
}

/* The substitution whose word stands at `at`, or NULL. */
static const struct substitution *word_at(const struct output *o, const char *at, size_t *len)
{
	size_t n = strlen(o->mark);
	char *end = NULL;

	if (strncmp(at, o->mark, n) != 0)
		return NULL;
	size_t i = strtoul(at + n, &end, 10);

	*len = (size_t)(end - at) + 1;
	return *end == 'x' && i < o->values->n ? &o->values->v[i] : NULL;
}

/* What is no scalar, with the keys as they were. */
static void copy_until(struct output *o, size_t end)
{
	while (o->done < end) {
		size_t len = 1;
		const struct substitution *x = word_at(o, o->from + o->done, &len);

		if (x)
			str_addf(&o->text, "${%s}", x->key);
		else
			str_addc(&o->text, o->from[o->done]);
		o->done += x ? len : 1;
	}
}

/* Bytes before the character with this number; numbers only grow. */
static size_t byte_of(struct output *o, size_t character, size_t len)
{
	while (o->character < character && o->byte < len) {
		o->byte++;
		while (o->byte < len && ((unsigned char)o->from[o->byte] & 0xc0) == 0x80)
			o->byte++;
		o->character++;
	}
	return o->byte;
}

/* One character of a double-quoted scalar. Other than ASCII is left to be judged by who reads. */
static void add_quoted(struct str *out, char c, bool dollar)
{
	unsigned char u = (unsigned char)c;

	if (c == '"' || c == '\\')
		str_addf(out, "\\%c", c);
	else if (u < 0x20 || u == 0x7f)
		str_addf(out, "\\x%02x", u);
	else
		str_addf(out, "%s%c", dollar && c == '$' ? "$" : "", c);
}

/* Line separators of Unicode would be folded: they are written as escapes. 0: it is none. */
static size_t add_break(struct str *out, const char *p)
{
	if (strncmp(p, "\xc2\x85", 2) == 0) {
		str_add(out, "\\N");
		return 2;
	}
	if (strncmp(p, "\xe2\x80\xa8", 3) == 0 || strncmp(p, "\xe2\x80\xa9", 3) == 0) {
		str_add(out, p[2] == '\xa8' ? "\\L" : "\\P");
		return 3;
	}
	return 0;
}

static void add_text(struct str *out, const char *text, size_t n, bool dollar)
{
	for (size_t i = 0; i < n;) {
		size_t skip = add_break(out, text + i);

		if (skip == 0)
			add_quoted(out, text[i], dollar);
		i += skip > 0 ? skip : 1;
	}
}

/* The scalar's value with words replaced, quoted; false: none is in it. key: it is a key of a map,
 * which Compose does not interpolate. */
static bool quote(const struct output *o, const char *value, bool key, struct str *out)
{
	bool any = false;

	str_addc(out, '"');
	while (*value != '\0') {
		size_t len = strcspn(value + 1, "m") + 1;
		const struct substitution *x = word_at(o, value, &len);

		if (x)
			add_text(out, x->value, strlen(x->value), !key);
		else
			add_text(out, value, len, false);
		any |= x != NULL;
		value += len;
	}
	str_addc(out, '"');
	return any;
}

static void replace(struct output *o, const yaml_token_t *t, bool key, size_t len)
{
	auto_str struct str quoted = {.max = OUT_MAX};

	if (!quote(o, (const char *)t->data.scalar.value, key, &quoted))
		return;
	size_t start = byte_of(o, t->start_mark.index, len);
	size_t end = byte_of(o, t->end_mark.index, len);

	copy_until(o, start);
	str_add(&o->text, str_text(&quoted));
	for (size_t i = start; i < end; i++)
		if (o->from[i] == '\n')
			str_addc(&o->text, '\n');
	o->done = end;
}

static bool scan_all(struct output *o, yaml_parser_t *p, size_t len)
{
	for (bool key = false, more = true; more;) {
		yaml_token_t t;

		if (!yaml_parser_scan(p, &t))
			return false;
		more = t.type != YAML_STREAM_END_TOKEN && t.type != YAML_NO_TOKEN;
		if (t.type == YAML_SCALAR_TOKEN)
			replace(o, &t, key, len);
		/* An anchor or a tag may stand between. */
		key = t.type == YAML_KEY_TOKEN ||
		      (key && (t.type == YAML_ANCHOR_TOKEN || t.type == YAML_TAG_TOKEN));
		yaml_token_delete(&t);
	}
	return true;
}

char *substitute_yaml(const struct substitutions *s, const char *text, size_t len)
{
	struct output o = {.values = s, .text = {.max = OUT_MAX}};
	yaml_parser_t p;

	if (s->n == 0 || !strstr(text, "${") || !yaml_parser_initialize(&p))
		return xstrndup(text, len);
	choose_mark(o.mark, text);
	auto_free char *words = put_words(s, o.mark, text);
	size_t n = strlen(words);

	o.from = words;
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)words, n);
	bool good = scan_all(&o, &p, n);

	yaml_parser_delete(&p);
	if (good)
		copy_until(&o, n);
	else
		str_done(&o.text);
	return good ? str_take(&o.text) : xstrndup(text, len);
}

char *substitutions_mask(const struct substitutions *s, const char *text)
{
	auto_str struct str out = STR_INIT;

	while (*text != '\0') {
		const char *found = NULL;

		for (size_t i = 0; i < s->hidden.n && !found; i++)
			if (str_starts(text, s->hidden.v[i]))
				found = s->hidden.v[i];
		if (found)
			str_add(&out, "***");
		else
			str_addc(&out, *text);
		text += found ? strlen(found) : 1;
	}
	return str_take(&out);
}
