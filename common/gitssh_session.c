/*
 * gitssh_session - from nothing to an authenticated ssh session. Depends on: libssh2, knownhosts.
 */
#include "common/gitssh_internal.h"

#include "common/file.h"
#include "common/knownhosts.h"
#include "common/mem.h"
#include "common/sshkey.h"
#include "common/str.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { KEY_FILE_MAX = 64 * 1024, CONNECT_MS = 10000 };

int gitssh_arm(struct gitssh *s, struct err *e)
{
	int64_t left = deadline_left_ms(s->deadline);

	if (left <= 0)
		return err_set(e, ERR_RETRY, 0, "%s did not answer in time", s->shown);
	if (s->session)
		libssh2_session_set_timeout(s->session, (long)left);
	return 0;
}

int gitssh_broke(struct gitssh *s, const char *what, struct err *e)
{
	char *text = NULL;
	int code = libssh2_session_last_error(s->session, &text, NULL, 0);

	if (code == LIBSSH2_ERROR_TIMEOUT || code == LIBSSH2_ERROR_SOCKET_TIMEOUT)
		return err_set(e, ERR_RETRY, 0, "%s did not answer in time: %s", s->shown, what);
	auto_free char *why =
		str_printable(text && *text ? text : "the connection was closed", 200);
	return err_set(e, ERR_RETRY, 0, "%s: %s failed: %s", s->shown, what, why);
}

/* One address. 0, or the errno. */
static int connect_to(const struct addrinfo *a, int wait_ms, int *out)
{
	auto_close int fd =
		socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int error = 0, on = 1;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (errno != EINPROGRESS)
			return errno;
		int n = poll(&p, 1, wait_ms);
		if (n <= 0)
			return n == 0 ? ETIMEDOUT : errno;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			return errno;
		if (error != 0)
			return error;
	}
	/* Small packets back and forth: waiting for more to send costs 40 ms each time. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*out = TAKE_FD(fd);
	return 0;
}

int gitssh_connect(struct gitssh *s, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int port = s->url.port == 0 ? 22 : s->url.port, why = 0;
	char service[16];

	(void)snprintf(service, sizeof(service), "%d", port);
	int bad = getaddrinfo(s->url.host, service, &hints, &list);
	if (bad != 0)
		return err_set(e, ERR_RETRY, 0, "cannot find the address of %s: %s", s->url.host,
			       gai_strerror(bad));
	for (const struct addrinfo *a = list; a && s->fd < 0; a = a->ai_next) {
		int64_t left = deadline_left_ms(s->deadline);

		if (left <= 0) {
			why = ETIMEDOUT;
			break;
		}
		why = connect_to(a, left < CONNECT_MS ? (int)left : CONNECT_MS, &s->fd);
	}
	freeaddrinfo(list);
	if (s->fd < 0)
		return err_set(e, ERR_RETRY, why, "cannot connect to %s port %d", s->url.host,
			       port);
	return 0;
}

static int not_listed(const struct gitssh *s, const char *what, struct err *e)
{
	const char *host = s->url.host, *file = s->o.known_hosts_file;
	int port = s->url.port == 0 ? 22 : s->url.port;

	return err_set(
		e, ERR_USAGE, 0,
		"%s in %s: get the host's keys with \"ssh-keyscan -p %d %s\", compare them with "
		"those the host's owner publishes, and add them to that file",
		what, file, port, host);
}

/* Ask only for key types that can be checked; else the server may choose one that is not listed. */
static int prefer_types(struct gitssh *s, const struct knownhosts *known, struct err *e)
{
	auto_strv struct strv types = STRV_INIT;
	auto_str struct str list = STR_INIT;

	knownhosts_types(known, &types);
	if (types.n == 0) {
		auto_free char *what = xasprintf("the host key of %s is not listed", s->url.host);

		return not_listed(s, what, e);
	}
	for (size_t i = 0; i < types.n; i++) {
		/* One RSA key serves three signature methods; libssh2 drops those it does not know.
		 */
		const char *more =
			str_eq(types.v[i], "ssh-rsa") ? "rsa-sha2-512,rsa-sha2-256," : "";

		str_addf(&list, "%s%s%s", i > 0 ? "," : "", more, types.v[i]);
	}
	if (libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, str_text(&list)) != 0)
		return err_set(e, ERR_USAGE, 0,
			       "%s lists only host keys of %s that libssh2 cannot use (%s)",
			       s->o.known_hosts_file, s->url.host, str_text(&list));
	return 0;
}

static int check_host_key(struct gitssh *s, const struct knownhosts *known, struct err *e)
{
	size_t len = 0;
	int type;
	const char *key = libssh2_session_hostkey(s->session, &len, &type);

	switch (key ? knownhosts_check(known, key, len) : KNOWNHOSTS_UNLISTED) {
	case KNOWNHOSTS_MATCH:
		return 0;
	case KNOWNHOSTS_REVOKED:
		return err_set(e, ERR_USAGE, 0, "the host key of %s is marked as revoked in %s",
			       s->url.host, s->o.known_hosts_file);
	case KNOWNHOSTS_CHANGED:
		return err_set(
			e, ERR_USAGE, 0,
			"the host key of %s is not the one in %s: somebody may be listening in, or "
			"the host was reinstalled. If you know that it was, replace its lines there "
			"with those of \"ssh-keyscan -p %d %s\"",
			s->url.host, s->o.known_hosts_file, s->url.port == 0 ? 22 : s->url.port,
			s->url.host);
	case KNOWNHOSTS_UNLISTED:
		break;
	}
	auto_free char *what = xasprintf("the host key that %s showed is not listed", s->url.host);
	return not_listed(s, what, e);
}

static int bad_key(const struct gitssh *s, const char *what, struct err *e)
{
	return err_set(e, ERR_USAGE, 0,
		       "%s %s; make one with: ssh-keygen -t ed25519 -N '' -f <file>", s->o.key_file,
		       what);
}

/* libssh2 has no one code for "failed before the server was asked". */
static bool is_unreadable(struct gitssh *s, int code)
{
	char *text = NULL;

	(void)libssh2_session_last_error(s->session, &text, NULL, 0);
	return code == LIBSSH2_ERROR_FILE || code == LIBSSH2_ERROR_KEYFILE_AUTH_FAILED ||
	       (text && (strstr(text, "PEM") || strstr(text, "private key")));
}

static int refused(struct gitssh *s, int code, const char *user, enum sshkey_form form,
		   struct err *e)
{
	if (form == SSHKEY_OTHER && is_unreadable(s, code))
		return bad_key(s, "is no private key that libssh2 can read", e);
	if (code != LIBSSH2_ERROR_AUTHENTICATION_FAILED &&
	    code != LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		return gitssh_broke(s, "authentication", e);
	return err_set(
		e, ERR_USAGE, 0,
		"%s refused the key %s for user %s: add its public half there (a deploy key that "
		"may only read is enough)%s",
		s->url.host, s->o.key_file, user,
		form == SSHKEY_RSA ? "; servers of today refuse RSA keys as libssh2 before 1.11 "
				     "signs with them: use ed25519"
				   : "");
}

static int sign(LIBSSH2_SESSION *session, unsigned char **signature, size_t *len,
		const unsigned char *data, size_t data_len, void **arg)
{
	unsigned char *made = malloc(SSHKEY_SIGNATURE); /* libssh2 frees it */

	(void)session;
	if (!made || !sshkey_sign(*arg, data, data_len, made)) {
		free(made);
		return -1;
	}
	*signature = made;
	*len = SSHKEY_SIGNATURE;
	return 0;
}

/* With the key in `text`. */
static int offer_key(struct gitssh *s, const char *user, const char *text, struct err *e)
{
	struct sshkey key;
	enum sshkey_form form = sshkey_read(text, &key);
	void *arg = &key;
	int code;

	if (form == SSHKEY_ENCRYPTED)
		return bad_key(s, "has a passphrase, which nobody could type here", e);
	if (form == SSHKEY_OTHER && !strstr(text, "PRIVATE KEY"))
		return bad_key(s, "is no private key", e);
	if (form == SSHKEY_ED25519) {
		code = libssh2_userauth_publickey(s->session, user, key.blob, sizeof(key.blob),
						  sign, &arg);
		sshkey_forget(&key);
	} else {
		code = libssh2_userauth_publickey_frommemory(s->session, user, strlen(user), NULL,
							     0, text, strlen(text), NULL);
	}
	return code == 0 ? 0 : refused(s, code, user, form, e);
}

static int authenticate(struct gitssh *s, struct err *e)
{
	const char *user = s->o.username ? s->o.username : s->url.user ? s->url.user : "git";
	auto_free char *key = NULL;
	size_t len;

	if (!s->o.key_file)
		return err_set(e, ERR_USAGE, 0, "%s needs a key: set source.ssh_key_file",
			       s->shown);
	if (file_read(s->o.key_file, KEY_FILE_MAX, &key, &len, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "source.ssh_key_file");
	}
	int result = offer_key(s, user, key, e);

	explicit_bzero(key, len);
	return result;
}

int gitssh_login(struct gitssh *s, struct err *e)
{
	auto_knownhosts struct knownhosts known = {.text = NULL};

	if (!s->o.known_hosts_file)
		return err_set(
			e, ERR_USAGE, 0,
			"%s needs the host's key: set source.known_hosts_file to a file with the "
			"lines of \"ssh-keyscan %s\"",
			s->shown, s->url.host);
	if (knownhosts_open(s->o.known_hosts_file, s->url.host, s->url.port, &known, e) < 0 ||
	    prefer_types(s, &known, e) < 0)
		return -1;
	/* Only now: a host that is not listed is not even called. */
	if (gitssh_connect(s, e) < 0 || gitssh_arm(s, e) < 0)
		return -1;
	if (libssh2_session_handshake(s->session, s->fd) != 0) {
		if (libssh2_session_last_errno(s->session) == LIBSSH2_ERROR_KEX_FAILURE) {
			auto_free char *what = xasprintf(
				"%s and this side share no host key type that is listed (this libssh2 may not know RSA "
				"keys with SHA-2: list an ed25519 key)",
				s->url.host);

			return not_listed(s, what, e);
		}
		return gitssh_broke(s, "the ssh handshake", e);
	}
	if (check_host_key(s, &known, e) < 0 || gitssh_arm(s, e) < 0)
		return -1;
	return authenticate(s, e);
}
