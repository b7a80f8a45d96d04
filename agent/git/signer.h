/*
 * signer - is a signature good, and whose is it? Asked of ssh-keygen and gpg, with the keys that
 * agent.yaml names and the time that it is now: never the time that the signer wrote down.
 * Depends on: model, signed, proc.
 */
#pragma once

#include "agent/git/signed.h"
#include "agent/model/config.h"

struct signer {
	const struct verify_config *config;
	const char *scratch; /* a directory for gpg's keyring; made when first needed */
	bool keyring;        /* it is there */
};

/* The files that agent.yaml names are there and nobody else may write them; ERR_USAGE. */
int signer_check(const struct verify_config *c, struct err *e);

/*
 * 0: signed by somebody who may; *who (the caller frees) says whose key it was. ERR_REJECTED: not
 * signed, badly, or by somebody else; ERR_USAGE: a program or a file is missing here.
 */
int signer_ask(struct signer *s, const struct signed_object *o, char **who, struct err *e);
void signer_done(struct signer *s); /* removes the keyring */
#define auto_signer AUTO(signer_done)

/* The two kinds; signer.c calls them. */
int signer_ask_ssh(struct signer *s, const struct signed_object *o, char **who, struct err *e);
int signer_ask_gpg(struct signer *s, const struct signed_object *o, char **who, struct err *e);

/* A file in memory with the signature, for programs that want to open it: its descriptor. */
int signer_file(const struct signed_object *o, char path[32], int *fd, struct err *e);
struct proc;
struct proc_result;
/* proc_run() with the limits of these programs. */
int signer_run(struct proc *p, struct proc_result *r, struct err *e);
