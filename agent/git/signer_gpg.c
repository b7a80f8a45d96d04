/*
 * signer_gpg - OpenPGP signatures, by gpg with a keyring made of the files that agent.yaml names
 * and nothing else. What counts are the status lines; gpg's exit code is 0 for expired keys, and
 * keys are told by their full fingerprints. (Not gpgv: it does not look at expiry and revocation.)
 * Depends on: signer, proc.
 */
#include "agent/git/signer.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/proc.h"
#include "common/strv.h"

#include <string.h>

enum { SHOWN_MAX = 200, WORDS_MAX = 12 };

/* No configuration, no agent, no network; a key of the keyring is as good as any other. */
#define GPG(home)                                                                                  \
	"gpg", "--homedir", (home), "--no-options", "--batch", "--no-tty", "--no-autostart",       \
		"--no-auto-check-trustdb", "--trust-model", "always", "--no-auto-key-retrieve",    \
		"--no-auto-key-locate", "--disable-dirmngr", "--weak-digest", "SHA1"

static int make_keyring(struct signer *s, struct err *e)
{
	const char *const first[] = {GPG(s->scratch), "--import", "--"};
	auto_strv struct strv argv = STRV_INIT;
	auto_proc_result struct proc_result r = {.code = -1};

	if (s->keyring)
		return 0;
	if (tree_remove(s->scratch, e) < 0 || dir_make(s->scratch, 0700, e) < 0)
		return -1;
	s->keyring = true;
	for (size_t i = 0; i < COUNT_OF(first); i++)
		strv_push(&argv, first[i]);
	for (size_t i = 0; i < s->config->openpgp_keys.n; i++)
		strv_push(&argv, s->config->openpgp_keys.v[i]);
	struct proc p = {.argv = (const char *const *)argv.v};

	if (signer_run(&p, &r, e) < 0)
		return -1;
	if (r.how == PROC_EXITED && r.code == 0)
		return 0;
	auto_free char *last = proc_last_line(str_text(&r.err));
	auto_free char *said = str_printable(last, SHOWN_MAX);

	return err_set(e, ERR_USAGE, 0, "verify.openpgp_keys: gpg cannot import them: %s", said);
}

/* What the status lines say, each counted: a second signature would be two of them. */
struct verdict {
	size_t good, valid, other;
	char *fingerprint, *primary, *name;
};

static void verdict_done(struct verdict *v)
{
	free(v->fingerprint);
	free(v->primary);
	free(v->name);
}

/* Cut at spaces; the last word is the rest. */
static size_t split(char *line, char **words, size_t max)
{
	size_t n = 0;

	while (*line != '\0' && n < max) {
		words[n++] = line;
		if (n == max)
			break;
		line += strcspn(line, " ");
		if (*line != '\0')
			*line++ = '\0';
	}
	return n;
}

static void take_status(struct verdict *v, char *line)
{
	static const char *const bad[] = {"BADSIG",    "ERRSIG", "EXPSIG", "EXPKEYSIG",
					  "REVKEYSIG", "NODATA", "FAILURE"};
	char *words[WORDS_MAX];
	const char *what = line;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		v->other += str_starts(what, bad[i]) && what[strlen(bad[i])] == ' ';
	if (str_starts(what, "GOODSIG ")) {
		v->good++;
		free(v->name);
		size_t n = split(line, words, 3);
		v->name = str_printable(n == 3 ? words[2] : "", SHOWN_MAX);
	} else if (str_starts(what, "VALIDSIG ")) {
		v->valid++;
		size_t n = split(line, words, WORDS_MAX);
		free(v->fingerprint);
		free(v->primary);
		v->fingerprint = xstrdup(n > 1 ? words[1] : "");
		v->primary = xstrdup(n > 10 ? words[10] : "");
	}
}

static void take_output(struct verdict *v, const char *out)
{
	static const char mark[] = "[GNUPG:] ";

	while (*out != '\0') {
		size_t n = strcspn(out, "\n");
		auto_free char *line = xstrndup(out, n);

		if (str_starts(line, mark))
			take_status(v, line + sizeof(mark) - 1);
		out += n + (out[n] == '\n');
	}
}

static int judge(const struct signer *s, const struct verdict *v, const struct proc_result *r,
		 char **who, struct err *e)
{
	const struct strv *only = &s->config->fingerprints;
	bool whole = r->how == PROC_EXITED && r->code == 0 && v->good == 1 && v->valid == 1;

	if (!whole || v->other > 0) {
		auto_free char *last = proc_last_line(str_text(&r->err));
		auto_free char *said = str_printable(last, SHOWN_MAX);

		return err_set(e, ERR_REJECTED, 0,
			       "has an OpenPGP signature that does not hold: %s", said);
	}
	if (only->n > 0 && !strv_has(only, v->fingerprint) && !strv_has(only, v->primary))
		return err_set(
			e, ERR_REJECTED, 0,
			"is signed with the OpenPGP key %.64s, which verify.fingerprints does "
			"not name",
			v->primary);
	*who = xasprintf("OpenPGP key %s of %s", v->primary, v->name);
	return 0;
}

int signer_ask_gpg(struct signer *s, const struct signed_object *o, char **who, struct err *e)
{
	auto_proc_result struct proc_result r = {.code = -1};
	struct verdict v = {.good = 0};
	auto_close int fd = -1;
	char path[32];

	if (make_keyring(s, e) < 0 || signer_file(o, path, &fd, e) < 0)
		return -1;
	const char *const argv[] = {
		GPG(s->scratch), "--status-fd", "1", "--verify", path, "-", NULL};
	struct proc p = {.argv = argv, .keep_fd = fd, .input = str_text(&o->payload)};

	if (signer_run(&p, &r, e) < 0)
		return -1;
	take_output(&v, str_text(&r.out));
	int rc = judge(s, &v, &r, who, e);

	verdict_done(&v);
	return rc;
}
