/*
 * receiver_files - secrets, tokens, headers and templates, read at each run: a new one counts at
 * once.
 * Depends on: receiver, file.
 */
#include "agent/notify/receiver.h"

#include "agent/model/template.h"
#include "common/file.h"
#include "common/mem.h"

#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 64 * 1024, HEADERS_MAX = 32 };

static int read_file(const char *key, const char *path, bool secret, char **text, struct err *e)
{
	struct stat st;

	if (file_read(path, FILE_MAX_BYTES, text, NULL, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "%s", key);
	}
	if (secret && (stat(path, &st) < 0 || (st.st_mode & 077) != 0)) {
		explicit_bzero(*text, strlen(*text));
		free(TAKE(*text));
		return err_set(e, ERR_USAGE, 0, "%s: others may read %s: chmod 600 %s", key, path,
			       path);
	}
	return 0;
}

int receiver_token_read(const char *file, char **out, struct err *e)
{
	auto_free char *text = NULL;

	if (read_file("token_file", file, true, &text, e) < 0 || !text)
		return -1;
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0')
		return err_set(e, ERR_USAGE, 0, "token_file: %s is empty", file);
	*out = TAKE(text);
	return 0;
}

/* Those that are ours to say: a second one would make the request ambiguous. */
static bool is_ours(const char *line)
{
	static const char *const names[] = {
		"host:",    "content-length:", "transfer-encoding:", "content-type:",
		"webhook-", "expect:",         "connection:"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int add_header(const char *file, int number, const char *line, struct strv *out,
		      struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$%&'*+-.^_`|~";
	size_t n = strspn(line, letters);

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (n == 0 || line[n] != ':')
		return err_set(e, ERR_USAGE, 0,
			       "headers_file: %s:%d is not of the form `Name: value`", file,
			       number);
	if (is_ours(line))
		return err_set(e, ERR_USAGE, 0, "headers_file: %s:%d: %.*s is set by mdc-agent",
			       file, number, (int)n, line);
	if (out->n >= HEADERS_MAX)
		return err_set(e, ERR_USAGE, 0, "headers_file: %s has more than %d headers", file,
			       HEADERS_MAX);
	strv_push(out, line);
	return 0;
}

static int read_headers(const char *file, struct strv *out, struct err *e)
{
	auto_free char *text = NULL;
	int number = 1;

	if (read_file("headers_file", file, true, &text, e) < 0 || !text)
		return -1;
	for (char *p = text; *p; number++) {
		size_t n = strcspn(p, "\n");
		bool last = p[n] == '\0';

		p[n] = '\0';
		p[strcspn(p, "\r")] = '\0';
		if (add_header(file, number, p, out, e) < 0)
			return -1;
		p += n + !last;
	}
	return 0;
}

static int read_secret(const char *file, struct receiver_keys *k, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (read_file("secret_file", file, true, &text, e) < 0 || !text)
		return -1;
	len = strlen(text);
	int bad = sign_secret(text, len, &k->secret, &k->secret_len, e);
	explicit_bzero(text, len);
	return bad ? err_wrap(e, "secret_file %s", file) : 0;
}

int receiver_keys_read(const struct webhook_config *w, struct receiver_keys *out, struct err *e)
{
	auto_receiver_keys struct receiver_keys k = {.secret = NULL};

	if (w->secret_file && read_secret(w->secret_file, &k, e) < 0)
		return -1;
	if (w->token_file && receiver_token_read(w->token_file, &k.token, e) < 0)
		return -1;
	if (w->headers_file && read_headers(w->headers_file, &k.headers, e) < 0)
		return -1;
	if (w->text_file && (read_file("template_file", w->text_file, false, &k.text, e) < 0 ||
			     template_check(k.text, e) < 0))
		return -1;
	*out = TAKE_STRUCT(k);
	return 0;
}

void receiver_keys_done(struct receiver_keys *k)
{
	if (k->secret)
		explicit_bzero(k->secret, k->secret_len);
	if (k->token)
		explicit_bzero(k->token, strlen(k->token));
	free(k->secret);
	free(k->token);
	free(k->text);
	strv_done(&k->headers);
	*k = (struct receiver_keys){.secret = NULL};
}
