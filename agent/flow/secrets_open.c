/*
 * secrets_open - asks age, sops or the host's own program for a plaintext. It comes through a pipe
 * and is on no command line; keys are named by path. Depends on: secrets.h, proc.
 */
#include "agent/flow/secrets.h"

#include "agent/model/secret.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/proc.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { OPEN_MS = 30000, PLAIN_MAX = 1024 * 1024, NAME_MAX_BYTES = 4096, ENV_MAX = 64 * 1024 };
static const size_t open_memory = (size_t)512 * 1024 * 1024;

void secret_forget(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

/* No core file of ours shall hold a plaintext. A leak check is a debugger and needs the opposite.
 */
static void keep_to_ourselves(void)
{
#if !defined(__SANITIZE_ADDRESS__)
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* A key that others can read is no key. */
static int check_key(const char *path, const char *key, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "%s: cannot read the key file %s", key, path);
	if (st.st_size == 0)
		return err_set(e, ERR_RETRY, 0, "%s: the key file %s is empty", key, path);
	if (st.st_mode & 077)
		return err_set(e, ERR_RETRY, 0, "%s: others may read %s: chmod 600 it", key, path);
	return 0;
}

/* What age or sops says, in one line, without its advice. Where it says what it expected of a
 * file it quotes the file, which may be a secret that nobody encrypted. */
static char *complaint(const char *text)
{
	static const char *const ends[] = {"age: report ", "Recovery failed", "\"", "`",
					   "Input string "};
	size_t n = str_starts(text, "Failed to get the data key") ? 2 : COUNT_OF(ends);
	const char *end = text + strlen(text);
	struct str line = STR_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(text, ends[i]);

		if (found && found < end)
			end = found;
	}
	for (const char *p = text; p < end;) {
		p += strspn(p, " \t-|\r\n");
		size_t len = strcspn(p, "\r\n");

		if (p >= end)
			break;
		if (p + len > end)
			len = (size_t)(end - p);
		if (line.len > 0)
			str_addc(&line, ' ');
		str_addn(&line, p, len);
		p += len;
	}
	return str_take(&line);
}

static int run(const struct proc *p, const char *name, const char *hint, char **out, size_t *len,
	       struct err *e)
{
	auto_proc_result struct proc_result r = {.code = 0};
	char how[64];

	if (proc_run(p, &r, e) < 0) {
		e->kind = ERR_RETRY;
		return err_wrap(e, "%s cannot be decrypted", name);
	}
	if (r.how == PROC_TOO_MUCH)
		err_set(e, ERR_RETRY, 0, "%s cannot be decrypted: it is larger than 1 MiB", name);
	else if (r.how != PROC_EXITED || r.code != 0) {
		const char *text = str_text(&r.err);
		auto_free char *said =
			secret_kind(name) == SECRET_ASKED ? proc_last_line(text) : complaint(text);
		auto_free char *shown = str_printable(said, 300);

		err_set(e, ERR_RETRY, 0, "%s cannot be decrypted: %s %s%s%s; %s", name, p->argv[0],
			proc_how_text(p, &r, how, sizeof(how)), shown[0] ? ": " : "", shown, hint);
	} else {
		*len = r.out.len;
		*out = xcalloc(1, r.out.len + 1);
		if (r.out.len > 0)
			memcpy(*out, r.out.s, r.out.len);
	}
	if (r.out.s)
		explicit_bzero(r.out.s, r.out.cap);
	return *out ? 0 : -1;
}

static int open_age(const struct config *c, const char *name, const char *file, char **out,
		    size_t *len, struct err *e)
{
	const char *key = c->secrets.age_key_file;
	const char *const argv[] = {"age", "--decrypt", "-i", key, file, NULL};
	const struct proc p = {.argv = argv,
			       .timeout_ms = OPEN_MS,
			       .max_out = PLAIN_MAX,
			       .max_memory = open_memory};

	if (!key)
		return err_set(e, ERR_RETRY, 0,
			       "%s cannot be decrypted: set secrets.age_key_file in agent.yaml",
			       name);
	if (check_key(key, "secrets.age_key_file", e) < 0)
		return err_wrap(e, "%s cannot be decrypted", name);
	return run(&p, name, "is it encrypted to this host's key (secrets.age_key_file)?", out, len,
		   e);
}

/* sops finds keys through its environment: ours, and what the host's file says. */
static int sops_env(const struct config *c, struct strv *env, struct err *e)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");
	auto_free char *text = NULL;
	size_t len = 0;

	strv_pushf(env, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
	strv_pushf(env, "HOME=%s", home ? home : "/");
	if (c->secrets.age_key_file) {
		if (check_key(c->secrets.age_key_file, "secrets.age_key_file", e) < 0)
			return -1;
		strv_pushf(env, "SOPS_AGE_KEY_FILE=%s", c->secrets.age_key_file);
	}
	if (!c->secrets.sops_env_file)
		return 0;
	auto_secret_values struct secret_values v = {.n = 0};

	if (check_key(c->secrets.sops_env_file, "secrets.sops_env_file", e) < 0 ||
	    file_read(c->secrets.sops_env_file, ENV_MAX, &text, &len, e) < 0)
		return -1;
	int rc = secret_values_parse(text, &v, e);

	explicit_bzero(text, len);
	for (size_t i = 0; rc == 0 && i < v.n; i++)
		strv_pushf(env, "%s=%s", v.names[i], v.values[i]);
	return rc < 0 ? err_wrap(e, "%s", c->secrets.sops_env_file) : 0;
}

static int open_sops(const struct config *c, const char *name, const char *file, char **out,
		     size_t *len, struct err *e)
{
	const char *const argv[] = {"sops", "--decrypt", file, NULL};
	auto_strv struct strv env = STRV_INIT;

	if (sops_env(c, &env, e) < 0) {
		e->kind = ERR_RETRY;
		return err_wrap(e, "%s cannot be decrypted", name);
	}
	const struct proc p = {.argv = argv,
			       .env = (const char *const *)env.v,
			       .timeout_ms = OPEN_MS,
			       .max_out = PLAIN_MAX,
			       .max_memory = open_memory};
	int rc = run(&p, name,
		     "has this host one of its keys (secrets.age_key_file, sops_env_file)?", out,
		     len, e);

	for (size_t i = 0; i < env.n; i++)
		explicit_bzero(env.v[i], strlen(env.v[i]));
	return rc;
}

/* The file holds a name; the program gets it as its only argument. */
static int ask_program(const struct config *c, const char *name, const char *file, char **out,
		       size_t *len, struct err *e)
{
	auto_free char *asked = NULL;

	if (!c->secrets.exec)
		return err_set(e, ERR_RETRY, 0, "%s cannot be read: set secrets.exec in agent.yaml",
			       name);
	if (file_read(file, NAME_MAX_BYTES, &asked, NULL, e) < 0)
		return err_wrap(e, "%s", name);
	asked[strcspn(asked, "\r\n")] = '\0';
	if (asked[0] == '\0' || asked[0] == '-')
		return err_set(e, ERR_REJECTED, 0,
			       "%s: its first line is not a name that a program can be asked for",
			       name);
	const char *const argv[] = {c->secrets.exec, asked, NULL};
	const struct proc p = {.argv = argv,
			       .timeout_ms = OPEN_MS,
			       .max_out = PLAIN_MAX,
			       .max_memory = open_memory};

	if (run(&p, name, "see secrets.exec in agent.yaml", out, len, e) < 0)
		return -1;
	if (*len > 0 && (*out)[*len - 1] == '\n') /* what prints a value ends the line */
		(*out)[--*len] = '\0';
	return 0;
}

int secret_open(const struct config *c, const char *name, const char *file, char **out, size_t *len,
		struct err *e)
{
	keep_to_ourselves();
	switch (secret_kind(name)) {
	case SECRET_AGE:
		return open_age(c, name, file, out, len, e);
	case SECRET_SOPS:
		return open_sops(c, name, file, out, len, e);
	case SECRET_ASKED:
		return ask_program(c, name, file, out, len, e);
	case SECRET_NONE:
		break;
	}
	return err_set(e, ERR_BROKEN, 0, "%s is not encrypted", name);
}
