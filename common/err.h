/*
 * err - what went wrong, as a value on the caller's stack: nothing to free, nothing to leak.
 * The function that finds the fault writes the cause once; callers put context in front with
 * err_wrap(); only cli, daemon and flow's outermost step show it to a person.
 * Depends on: nothing.
 */
#pragma once

enum err_kind {
	ERR_NONE,
	ERR_USAGE,    /* command line or agent.yaml is wrong: say how; exit 2 */
	ERR_REJECTED, /* the input is wrong (commit, project): never try the same input again; exit
			 4 */
	ERR_FAILED,   /* a deployment failed and went back; exit 1 */
	ERR_RETRY,  /* the world is wrong (network, engine, disk, lock): try again later; exit 75 */
	ERR_BROKEN, /* degraded, or the agent's own state is wrong: a person must look; exit 3 */
};

struct err {
	enum err_kind kind; /* for the program; the text is for people */
	int errnum;         /* errno behind the cause, or 0 */
	char cause[1024];   /* what went wrong, written once, where it went wrong */
	char trail[256];    /* what we were doing, outermost first; cut before the cause is */
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		.kind = ERR_NONE                                                                   \
	}

/*
 * Record a cause. errnum != 0 appends ": " and its text. An error already set is replaced.
 * Always returns -1, so that a caller can `return err_set(...)`.
 */
int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put context in front of an error that is set ("deploy web"). Always returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Back to ERR_NONE. */
void err_clear(struct err *e);

/* "trail: cause" (or just the cause) into buf, always terminated. Returns buf. */
const char *err_text(const struct err *e, char *buf, unsigned long size);

/* Name of a kind, stable, for JSON between our own processes ("retry"). */
const char *err_kind_name(enum err_kind kind);

/* The kind of that name; ERR_BROKEN for a name that is not known. */
enum err_kind err_kind_parse(const char *name);

/* Exit code of the command line for a kind (design part 12). */
int err_exit_code(enum err_kind kind);
