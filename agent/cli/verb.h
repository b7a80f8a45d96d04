/*
 * verb - what one verb of the command line is: a constant in its own file, listed once in verbs.c.
 * The help, the man page and the completions are printed from these rows. Depends on: look, model.
 * To add a verb: one file with a `const struct verb verb_NAME`, one line in VERBS (verbs.c).
 */
#pragma once

#include "agent/cli/look.h"
#include "agent/model/config.h"
#include "common/err.h"
#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>

struct option_row {
	const char *name; /* without dashes; NULL ends a table */
	const char *arg;  /* NULL: none; "FILE", "DIR" and "a|b|c" are completed as such */
	const char *help;
	char letter;   /* 0: no short form */
	bool optional; /* the argument may be left out, and is given as --name=ARG only */
};

enum verb_group { GROUP_DEPLOY, GROUP_LOOK, GROUP_STEER, GROUP_SETUP, GROUP_COUNT };
const char *verb_group_name(enum verb_group g);

struct cli;

struct verb {
	const char *name;
	const char *args; /* as in the usage line: "[GENERATION]"; "" for none */
	const char *help; /* one line, no full stop */
	/* Paragraphs, a line each, wrapped where they are shown; a line that begins with two spaces
	 * stays as it is. */
	const char *details;
	const struct option_row *options; /* NULL: none */
	enum verb_group group;
	int min_args, max_args; /* max_args -1: any number */
	bool needs_config;
	bool reports; /* it may have something to tell: see to it that it is delivered */
	/* 0: done (or cli.exit_code says more); -1: e, shown by main. */
	int (*run)(struct cli *c, struct err *e);
	/* An error shown in the verb's own way, with cli.exit_code set: true. NULL: as all others.
	 */
	bool (*failed)(struct cli *c, const struct err *e);
};

enum { CALL_OPTIONS_MAX = 16 };

/* A command line after parsing; everything is borrowed from argv. */
struct call {
	const struct verb *verb; /* NULL: none was named */
	struct {
		const struct option_row *row;
		const char *value; /* "" for an option without argument */
	} given[CALL_OPTIONS_MAX];
	size_t n_given;
	const char **args; /* owned array */
	size_t n_args;
};

struct cli {
	struct call call;
	const char *config_file; /* --config, or NULL */
	bool json, verbose;
	enum color_choice color;
	struct look look;     /* of standard output */
	struct config config; /* filled if the verb needs it */
	bool has_config;
	int exit_code;    /* of a verb that returns 0 */
	bool error_shown; /* the verb's own JSON says what went wrong */
};

/* ---- verbs.c: the table ---- */
const struct verb *const *verb_list(size_t *n);
const struct verb *verb_find(const char *name);
extern const struct option_row global_options[];

/* ---- command.c: reading a command line ---- */
/* Fill c->call and the global options. ERR_USAGE: one precise line, with the nearest word that is
 * known. */
int command_parse(struct cli *c, int argc, char **argv, struct err *e);
void call_done(struct call *call);
/* Value of an option, NULL if it was not given. With several the last one counts. */
const char *call_value(const struct call *call, const char *name);
bool call_has(const struct call *call, const char *name);
/* The i-th argument as a generation's number; ERR_USAGE. */
int call_generation(const struct call *call, size_t i, int64_t *out, struct err *e);

/* ---- output.c: standard output ---- */
int output_text(const struct str *text, struct err *e);
int output_json(const cJSON *v, struct err *e);
cJSON *output_error(const struct err *e); /* {"kind", "text", "exit"} */
