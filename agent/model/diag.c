/*
 * diag - the list of findings.
 * Depends on: common.
 */
#include "agent/model/diag.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdarg.h>

/* Room that warnings leave for errors: a file full of warnings must not hide what stops a
 * deployment. */
enum { KEPT_FOR_ERRORS = 50, TEXT_MAX_BYTES = 1000 };

void diags_add(struct diags *d, enum diag_level level, const char *file, int line, int column,
	       const char *project, const char *fmt, ...)
{
	size_t room = level == DIAG_ERROR ? DIAGS_MAX : DIAGS_MAX - KEPT_FOR_ERRORS;

	if (d->n >= room) {
		d->dropped++;
		return;
	}
	auto_str struct str text = STR_INIT;
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);

	d->v = xreallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct diag){
		.level = level,
		.file = str_printable(file ? file : "", TEXT_MAX_BYTES),
		.line = line,
		.column = column,
		.project = xstrdup_null(project),
		.text = str_printable(str_text(&text), TEXT_MAX_BYTES),
	};
	if (level == DIAG_ERROR)
		d->errors++;
}

char *diag_text(const struct diag *d)
{
	struct str s = STR_INIT;

	if (d->file && d->file[0]) {
		str_add(&s, d->file);
		if (d->line > 0)
			str_addf(&s, ":%d:%d", d->line, d->column);
		str_add(&s, ": ");
	}
	str_addf(&s, "%s: %s", d->level == DIAG_ERROR ? "error" : "warning", d->text);
	return str_take(&s);
}

void diags_done(struct diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].file);
		free(d->v[i].project);
		free(d->v[i].text);
	}
	free(d->v);
	*d = (struct diags)DIAGS_INIT;
}
