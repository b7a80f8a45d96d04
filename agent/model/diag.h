/*
 * diag - a list of findings in files that people wrote: file, line, column, text. `check` shows all
 * of them, a sync stops at the errors. Depends on: common.
 */
#pragma once

#include "common/auto.h"

#include <stdbool.h>
#include <stddef.h>

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	char *file; /* as a person would name it: relative to the repository, or a host path */
	int line, column; /* 0: the file as a whole */
	char *project;    /* the project it belongs to, or NULL */
	char *text;       /* what is wrong and what to do */
};

struct diags {
	struct diag *v;
	size_t n, errors; /* errors: how many of n are errors */
	size_t dropped;   /* findings beyond DIAGS_MAX */
};

enum { DIAGS_MAX = 200 };
#define DIAGS_INIT                                                                                 \
	{                                                                                          \
		.n = 0                                                                             \
	}

void diags_add(struct diags *d, enum diag_level level, const char *file, int line, int column,
	       const char *project, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* "apps/web/mdc.yaml:3:7: error: ..."; the caller frees. */
char *diag_text(const struct diag *d);
void diags_done(struct diags *d);
#define auto_diags AUTO(diags_done)
