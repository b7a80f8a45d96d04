/*
 * link_http - libgit2's "smart" protocol over libcurl: a GET for the advertisement, a POST for each
 * step of the negotiation, one connection. libgit2 pulls, so a multi handle is driven from its
 * reads. Depends on: libgit2, libcurl, gitls (credentials and messages).
 */
#include "agent/git/link_internal.h"

#include "common/gitls.h"
#include "common/giturl.h"
#include "common/http.h"
#include "common/http_ca.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum {
	CONNECT_MS = 10000,
	SILENCE_S = 30,
	WAIT_MS = 1000,
	MAX_HEADERS = 256 * 1024,
	BUFFER_MAX = 256 * 1024, /* then the transfer pauses until libgit2 has read */
	HTTP_OK = 200,
};

struct stream {
	git_smart_subtransport_stream parent; /* first: libgit2 casts */
	struct link *link;
	char *url;
	bool post, started, done, paused;
	struct str request;
	struct str got; /* got.s + off: not read yet */
	size_t off;
	CURL *easy;
	CURLcode code;
	struct curl_slist *headers;
	size_t headers_bytes; /* of the answer, so far */
	char why[CURL_ERROR_SIZE];
};

struct subtransport {
	git_smart_subtransport parent;
	struct link *link;
};

#define SET(c, option, value) ((void)curl_easy_setopt(c, option, value))

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct stream *s = arg;
	size_t len = size * n;
	long status = 0;

	(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != HTTP_OK)
		return CURL_WRITEFUNC_ERROR; /* an error page; finish() says what the status means
					      */
	if (s->got.len - s->off > BUFFER_MAX) {
		s->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (s->off > 0 && s->off == s->got.len) {
		str_reset(&s->got);
		s->off = 0;
	}
	str_addn(&s->got, data, len);
	return link_count(s->link, len) < 0 ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct stream *s = arg;

	(void)data;
	s->headers_bytes += size * n;
	return s->headers_bytes > MAX_HEADERS ? CURL_WRITEFUNC_ERROR : size * n;
}

static void add_header(struct stream *s, const char *text)
{
	s->headers = curl_slist_append(s->headers, text);
	if (!s->headers)
		abort();
}

static void set_request(struct stream *s)
{
	CURL *c = s->easy;

	if (s->post) {
		add_header(s, "Content-Type: application/x-git-upload-pack-request");
		add_header(s, "Accept: application/x-git-upload-pack-result");
		add_header(s, "Expect:"); /* no extra round trip */
		SET(c, CURLOPT_POST, 1L);
		SET(c, CURLOPT_POSTFIELDS, str_text(&s->request));
		SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->request.len);
	}
	SET(c, CURLOPT_HTTPHEADER, s->headers);
	SET(c, CURLOPT_URL, s->url);
	SET(c, CURLOPT_WRITEFUNCTION, on_data);
	SET(c, CURLOPT_WRITEDATA, s);
	SET(c, CURLOPT_HEADERFUNCTION, on_header);
	SET(c, CURLOPT_HEADERDATA, s);
	SET(c, CURLOPT_ERRORBUFFER, s->why);
}

static void set_limits(struct stream *s)
{
	CURL *c = s->easy;

	SET(c, CURLOPT_NOSIGNAL, 1L);
	SET(c, CURLOPT_FOLLOWLOCATION, 0L); /* credentials stay with the configured host */
	SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(c, CURLOPT_TIMEOUT_MS, (long)deadline_left_ms(s->link->deadline));
	SET(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(c, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
	SET(c, CURLOPT_ACCEPT_ENCODING, NULL); /* packs are compressed already */
	SET(c, CURLOPT_USERAGENT,
	    "git/2.0 (mdc-agent)"); /* some servers give git's protocol to git only */
	if (str_starts(s->url, "https:"))
		http_ca_set(c, s->link->src->ca_file);
}

static int set_credentials(struct stream *s)
{
	struct link *l = s->link;

	if (!l->src->token_file)
		return 0;
	if (!l->token && gitls_token(l->src->token_file, &l->token, &l->err) < 0)
		return -1;
	SET(s->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	SET(s->easy, CURLOPT_USERNAME, l->src->username ? l->src->username : "git");
	SET(s->easy, CURLOPT_PASSWORD, l->token);
	return 0;
}

static int start(struct stream *s)
{
	struct link *l = s->link;

	if (deadline_over(l->deadline))
		return err_set(&l->err, ERR_RETRY, 0, "the fetch took longer than source.timeout");
	if (!l->multi)
		l->multi = curl_multi_init();
	s->easy = curl_easy_init();
	if (!l->multi || !s->easy)
		abort(); /* only for want of memory */
	set_limits(s);
	set_request(s);
	if (set_credentials(s) < 0)
		return -1;
	s->started = true;
	if (curl_multi_add_handle(l->multi, s->easy) != CURLM_OK)
		return err_set(&l->err, ERR_RETRY, 0, "the transfer could not be started");
	return 0;
}

/* Drive the transfer until there is something to read or it is over. */
static void run(struct stream *s)
{
	CURLM *m = s->link->multi;

	while (s->off == s->got.len && !s->done) {
		int running = 0, left = 0;
		CURLMsg *message;

		if (s->paused) {
			s->paused = false;
			(void)curl_easy_pause(s->easy, CURLPAUSE_CONT);
		}
		(void)curl_multi_perform(m, &running);
		while ((message = curl_multi_info_read(m, &left)) != NULL) {
			if (message->msg == CURLMSG_DONE) {
				s->done = true;
				s->code = message->data.result;
			}
		}
		if (s->off == s->got.len && !s->done)
			(void)curl_multi_poll(m, NULL, 0, WAIT_MS, NULL);
	}
}

/* The transfer is over: was it good? */
static int judge(struct stream *s)
{
	struct link *l = s->link;
	long status = 0;

	if (l->err.kind != ERR_NONE)
		return -1;
	(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 0 && status != HTTP_OK)
		return gitls_refused(status, l->src->url, l->token != NULL, &l->err);
	if (s->code == CURLE_OK)
		return 0;
	auto_free char *shown = giturl_show(l->src->url);
	bool heard = s->headers_bytes > 0 || status != 0;
	if (s->headers_bytes > MAX_HEADERS || (heard && http_line_without_end((int)s->code)))
		return err_set(
			&l->err, ERR_REJECTED, 0,
			"the answer of %s has headers without end; is that the right server?",
			shown);
	auto_free char *why =
		str_printable(s->why[0] != '\0' ? s->why : curl_easy_strerror(s->code), 300);
	return err_set(&l->err, ERR_RETRY, 0, "no answer from %s: %s", shown, why);
}

static int read_stream(git_smart_subtransport_stream *parent, char *buf, size_t size, size_t *got)
{
	struct stream *s = (struct stream *)parent;

	*got = 0;
	if (!s->started && start(s) < 0)
		return link_failed(s->link);
	run(s);
	if (s->done && s->off == s->got.len && judge(s) < 0)
		return link_failed(s->link);
	size_t n = s->got.len - s->off;
	if (n > size)
		n = size;
	if (n > 0)
		memcpy(buf, s->got.s + s->off, n);
	s->off += n;
	*got = n;
	return 0;
}

static int write_stream(git_smart_subtransport_stream *parent, const char *buf, size_t len)
{
	str_addn(&((struct stream *)parent)->request, buf, len);
	return 0;
}

static void free_stream(git_smart_subtransport_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	if (s->easy) {
		if (s->started)
			(void)curl_multi_remove_handle(s->link->multi, s->easy);
		curl_easy_cleanup(s->easy);
	}
	curl_slist_free_all(s->headers);
	str_done(&s->request);
	str_done(&s->got);
	free(s->url);
	free(s);
}

static int action(git_smart_subtransport_stream **out, git_smart_subtransport *parent,
		  const char *url, git_smart_service_t service)
{
	struct link *l = ((struct subtransport *)parent)->link;
	bool ls = service == GIT_SERVICE_UPLOADPACK_LS;

	(void)url; /* the one of the configuration */
	if (!ls && service != GIT_SERVICE_UPLOADPACK)
		return -1; /* nothing is ever pushed */
	struct stream *s = xcalloc(1, sizeof(*s));
	s->parent = (git_smart_subtransport_stream){parent, read_stream, write_stream, free_stream};
	s->link = l;
	s->post = !ls;
	s->url = xasprintf("%s/%s", l->base,
			   ls ? "info/refs?service=git-upload-pack" : "git-upload-pack");
	*out = &s->parent;
	return 0;
}

static int close_nothing(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void free_subtransport(git_smart_subtransport *parent)
{
	free(parent);
}

int link_http_new(git_smart_subtransport **out, git_transport *owner, void *link)
{
	struct subtransport *t = xcalloc(1, sizeof(*t));

	(void)owner;
	t->parent = (git_smart_subtransport){action, close_nothing, free_subtransport};
	t->link = link;
	*out = &t->parent;
	return 0;
}
