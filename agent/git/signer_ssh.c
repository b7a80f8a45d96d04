/*
 * signer_ssh - SSH signatures, by ssh-keygen -Y. Its exit code decides and never its words, which
 * say "Good" of keys that nobody allowed. No -Overify-time: ssh-keygen then judges expiry by the
 * clock, while Git hands it the commit's date, which the signer chooses. Depends on: signer, proc.
 */
#include "agent/git/signer.h"

#include "common/mem.h"
#include "common/proc.h"
#include "common/strv.h"

#include <string.h>

enum { PRINCIPALS_MAX = 32, SHOWN_MAX = 200 };

static const char program[] = "ssh-keygen";
static const char namespace[] = "git";

/* Who of the list has this key; empty: nobody, or not any more. */
static int find_principals(struct signer *s, const char *path, int fd, struct strv *out,
			   struct err *e)
{
	const char *const argv[] = {
		program, "-Y", "find-principals", "-f", s->config->allowed_signers, "-s",
		path,    NULL};
	struct proc p = {.argv = argv, .keep_fd = fd};
	auto_proc_result struct proc_result r = {.code = -1};

	if (signer_run(&p, &r, e) < 0)
		return -1;
	if (r.how != PROC_EXITED || r.code != 0)
		return 0;
	for (const char *line = str_text(&r.out); *line != '\0' && out->n < PRINCIPALS_MAX;) {
		size_t n = strcspn(line, "\n");

		if (n > 0)
			strv_push_own(out, xstrndup(line, n));
		line += n + (line[n] == '\n');
	}
	return 0;
}

static int ask_one(struct signer *s, const struct signed_object *o, const char *path, int fd,
		   const char *principal, bool *good, char **said, struct err *e)
{
	const char *argv[16] = {program, "-Y",      "verify", "-f",      s->config->allowed_signers,
				"-I",    principal, "-n",     namespace, "-s",
				path};
	struct proc p = {.argv = argv, .keep_fd = fd, .input = str_text(&o->payload)};
	auto_proc_result struct proc_result r = {.code = -1};

	if (s->config->revoked) {
		argv[11] = "-r";
		argv[12] = s->config->revoked;
	}
	if (signer_run(&p, &r, e) < 0)
		return -1;
	*good = r.how == PROC_EXITED && r.code == 0;
	auto_free char *words =
		proc_last_line(*good || r.err.len == 0 ? str_text(&r.out) : str_text(&r.err));
	free(*said);
	*said = str_printable(words, SHOWN_MAX);
	return 0;
}

int signer_ask_ssh(struct signer *s, const struct signed_object *o, char **who, struct err *e)
{
	const struct strv *only = &s->config->principals;
	auto_strv struct strv names = STRV_INIT;
	auto_free char *said = NULL;
	auto_close int fd = -1;
	char path[32];
	size_t asked = 0;

	if (signer_file(o, path, &fd, e) < 0 || find_principals(s, path, fd, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		bool good = false;

		if (only->n > 0 && !strv_has(only, names.v[i]))
			continue;
		asked++;
		if (ask_one(s, o, path, fd, names.v[i], &good, &said, e) < 0)
			return -1;
		if (good) {
			*who = str_printable(said, SHOWN_MAX);
			return 0;
		}
	}
	if (names.n == 0)
		return err_set(e, ERR_REJECTED, 0,
			       "is signed with an SSH key that %s does not name, or not any more",
			       s->config->allowed_signers);
	if (asked == 0)
		return err_set(e, ERR_REJECTED, 0,
			       "is signed by %.200s, whom verify.principals does not name",
			       names.v[0]);
	return err_set(e, ERR_REJECTED, 0, "has an SSH signature that does not hold: %s", said);
}
