/*
 * gitls - ls-refs over http(s). Depends on: err, mem, file, http, gitwire, giturl.
 */
#include "common/gitls.h"

#include "common/file.h"
#include "common/giturl.h"
#include "common/gitwire.h"
#include "common/http.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum { TOKEN_MAX = 4096, ANSWER_MAX = 64 * 1024 * 1024 };

struct gitls {
	struct gitls_options o;
	char *base;  /* the URL without a final slash */
	char *shown; /* for messages */
	char *token; /* the one the connection was opened with */
	struct http *http;
	bool v2;        /* the server speaks protocol 2: ask it directly */
	char format[8]; /* see gitwire_refs */
};

struct gitls *gitls_open(const struct gitls_options *o)
{
	struct gitls *l = xcalloc(1, sizeof(*l));
	size_t len = strlen(o->url);

	l->o = *o;
	while (len > 0 && o->url[len - 1] == '/')
		len--;
	l->base = xstrndup(o->url, len);
	l->shown = giturl_show(o->url);
	return l;
}

static void forget_token(struct gitls *l)
{
	if (l->token)
		explicit_bzero(l->token, strlen(l->token));
	free(l->token);
	l->token = NULL;
}

void gitls_close(struct gitls *l)
{
	if (l->http)
		http_close(l->http);
	forget_token(l);
	free(l->base);
	free(l->shown);
	free(l);
}

int gitls_token(const char *token_file, char **token, struct err *e)
{
	auto_free char *text = NULL;

	if (file_read(token_file, TOKEN_MAX, &text, NULL, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "source.token_file");
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0')
		return err_set(e, ERR_USAGE, 0, "source.token_file %s is empty", token_file);
	*token = TAKE(text);
	return 0;
}

int gitls_refused(long status, const char *url, bool with_token, struct err *e)
{
	auto_free char *shown = giturl_show(url);

	if ((status == 401 || status == 403) && with_token)
		return err_set(
			e, ERR_USAGE, 0,
			"%s refused the credentials (HTTP %ld): check source.username and the "
			"token in source.token_file",
			shown, status);
	if (status == 401 || status == 403)
		return err_set(
			e, ERR_USAGE, 0,
			"%s wants credentials (HTTP %ld): set source.username and source.token_file",
			shown, status);
	if (status == 404 || status == 410)
		return err_set(e, ERR_USAGE, 0, "%s is not there (HTTP %ld): check source.url%s",
			       shown, status,
			       with_token ? " and what the token may read"
					  : "; a private repository needs source.token_file");
	if (status >= 300 && status < 400)
		return err_set(
			e, ERR_USAGE, 0,
			"%s redirects elsewhere (HTTP %ld), which is not followed: put the final "
			"address into source.url (often the same with .git at the end)",
			shown, status);
	return err_set(e, ERR_RETRY, 0, "%s answered with HTTP status %ld", shown, status);
}

/* Read the token; a changed one needs a new connection, for which it is set once. */
static int connect_with_token(struct gitls *l, struct err *e)
{
	auto_free char *token = NULL;

	if (l->o.token_file && gitls_token(l->o.token_file, &token, e) < 0)
		return -1;
	if (l->http && str_eq(token, l->token)) {
		if (token)
			explicit_bzero(token, strlen(token));
		return 0;
	}
	if (l->http)
		http_close(l->http);
	forget_token(l);
	l->token = TAKE(token);
	l->http = http_open(&(struct http_options){
		.ca_file = l->o.ca_file,
		.user = l->token ? (l->o.username ? l->o.username : "git") : NULL,
		.password = l->token,
	});
	return 0;
}

struct feed {
	struct gitwire_refs *refs;
	struct err *e;
	bool failed;
	size_t got;
};

static int on_piece(const char *data, size_t len, void *arg)
{
	struct feed *f = arg;

	f->got += len;
	if (f->got > ANSWER_MAX) {
		f->failed = true;
		return err_set(f->e, ERR_RETRY, 0, "%s sends more than %d MiB of refs",
			       f->refs->where, ANSWER_MAX / 1024 / 1024);
	}
	if (gitwire_feed(f->refs, data, len, f->e) < 0) {
		f->failed = true;
		return -1;
	}
	return 0;
}

static int exchange(struct gitls *l, const char *url, const struct str *body,
		    struct gitwire_refs *refs, struct err *e)
{
	static const char *const get[] = {"Git-Protocol: version=2", "Accept: */*", NULL};
	static const char *const post[] = {
		"Git-Protocol: version=2", "Content-Type: application/x-git-upload-pack-request",
		"Accept: application/x-git-upload-pack-result", "Expect:", NULL};
	auto_http_answer struct http_answer a = {.status = 0};
	struct err feed_error = ERR_INIT;
	struct feed f = {.refs = refs, .e = &feed_error};
	struct http_request r = {.url = url,
				 .headers = body ? post : get,
				 .body = body ? body->s : NULL,
				 .body_len = body ? body->len : 0,
				 .timeout_ms = l->o.timeout_ms,
				 .max_body = ANSWER_MAX,
				 .sink = on_piece,
				 .arg = &f};

	if (http_send(l->http, &r, &a, e) < 0)
		return -1;
	/* The status first: an error page is no packet and says less than its status. */
	if (a.status != 200)
		return gitls_refused(a.status, l->o.url, l->token != NULL, e);
	if (f.failed) {
		*e = feed_error;
		return -1;
	}
	return gitwire_finish(refs, e);
}

/* The advertisement: all refs (protocol 0), or just that the server speaks protocol 2. */
static int advertise(struct gitls *l, struct refpick *pick, bool *listed, struct err *e)
{
	auto_free char *url = xasprintf("%s/info/refs?service=git-upload-pack", l->base);
	auto_gitwire_refs struct gitwire_refs refs = {.pick = pick, .where = l->shown};

	if (exchange(l, url, NULL, &refs, e) < 0)
		return -1;
	l->v2 = refs.v2;
	memcpy(l->format, refs.format, sizeof(l->format));
	*listed = !refs.v2;
	return 0;
}

static int ls_refs(struct gitls *l, struct refpick *pick, struct err *e)
{
	auto_free char *url = xasprintf("%s/git-upload-pack", l->base);
	auto_gitwire_refs struct gitwire_refs refs = {
		.pick = pick, .where = l->shown, .answer = true};
	auto_str struct str body = STR_INIT;

	gitwire_add_ls_refs(&body, pick, l->format);
	return exchange(l, url, &body, &refs, e);
}

int gitls_ask(struct gitls *l, char id[GIT_HEX_SIZE], struct err *e)
{
	auto_refpick struct refpick pick;
	bool listed = false;

	refpick_init(&pick, l->o.branch, l->o.tag);
	if (connect_with_token(l, e) < 0)
		return -1;
	if (!l->v2 && advertise(l, &pick, &listed, e) < 0)
		return -1;
	if (!listed && ls_refs(l, &pick, e) < 0) {
		l->v2 = false; /* the server may have been changed: begin anew next time */
		return -1;
	}
	memcpy(id, pick.id, GIT_HEX_SIZE);
	return 0;
}
