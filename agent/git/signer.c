/*
 * signer - see signer.h: what the kinds of signature share. Depends on: proc.
 */
#include "agent/git/signer.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/proc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_MS = 20000, ASK_CPU_S = 10, OUT_MAX_BYTES = 64 * 1024, OTHERS = S_IWGRP | S_IWOTH };

/* Whoever can write a list of keys decides what runs here. */
static int check_file(const char *key, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, ERR_USAGE, errno, "verify.%s: cannot read %s", key, path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, 0, "verify.%s: %s is not a file", key, path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & OTHERS) != 0)
		return err_set(
			e, ERR_USAGE, 0,
			"verify.%s: others may write %s, and so decide what runs here: chown root "
			"and chmod go-w it",
			key, path);
	return 0;
}

int signer_check(const struct verify_config *c, struct err *e)
{
	if (c->allowed_signers && check_file("allowed_signers", c->allowed_signers, e) < 0)
		return -1;
	if (c->revoked && check_file("revoked", c->revoked, e) < 0)
		return -1;
	for (size_t i = 0; i < c->openpgp_keys.n; i++)
		if (check_file("openpgp_keys", c->openpgp_keys.v[i], e) < 0)
			return -1;
	return 0;
}

int signer_file(const struct signed_object *o, char path[32], int *fd, struct err *e)
{
	auto_close int f = memfd_create("signature", MFD_CLOEXEC);
	ssize_t n = f < 0 ? -1 : write(f, str_text(&o->signature), o->signature.len);

	if (n != (ssize_t)o->signature.len)
		return err_set(e, ERR_RETRY, errno,
			       "cannot hold a commit's or tag's signature in memory "
			       "(memfd_create) to have it checked: free memory or descriptors");
	(void)snprintf(path, 32, "/proc/self/fd/%d", f);
	*fd = TAKE_FD(f);
	return 0;
}

int signer_run(struct proc *p, struct proc_result *r, struct err *e)
{
	p->timeout_ms = ASK_MS;
	p->max_cpu_s = ASK_CPU_S;
	p->max_out = OUT_MAX_BYTES;
	if (proc_run(p, r, e) == 0)
		return 0;
	if (e->kind == ERR_BROKEN) /* the program is missing */
		e->kind = ERR_USAGE;
	return err_wrap(e, "verify");
}

int signer_ask(struct signer *s, const struct signed_object *o, char **who, struct err *e)
{
	const struct verify_config *c = s->config;

	switch (o->kind) {
	case SIGNATURE_SSH:
		if (c->allowed_signers)
			return signer_ask_ssh(s, o, who, e);
		return err_set(e, ERR_REJECTED, 0,
			       "is signed with an SSH key, and verify.allowed_signers names none");
	case SIGNATURE_OPENPGP:
		if (c->openpgp_keys.n > 0)
			return signer_ask_gpg(s, o, who, e);
		return err_set(e, ERR_REJECTED, 0,
			       "is signed with an OpenPGP key, and verify.openpgp_keys names none");
	case SIGNATURE_NONE:
		break;
	}
	return err_set(e, ERR_REJECTED, 0, "is not signed");
}

void signer_done(struct signer *s)
{
	struct err ignored = ERR_INIT;

	if (s->keyring)
		(void)tree_remove(s->scratch, &ignored);
	s->keyring = false;
}
