/*
 * scan - keeping parsed files, findings and where they belong.
 * Depends on: eval_parts, scan.h.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void scan_init(struct scan *s, struct eval *ev, struct project *p)
{
	*s = (struct scan){.ev = ev, .p = p};
}

void scan_done(struct scan *s)
{
	diags_done(&s->d);
	env_done(&s->env);
	for (size_t i = 0; i < s->n_roots; i++) {
		yaml_free(s->roots[i]);
		free(s->files[i]);
	}
	free(s->roots);
	free(s->files);
	strv_done(&s->seen);
	for (size_t i = 0; i < s->n_uses; i++)
		free(s->uses[i].name);
	for (size_t i = 0; i < s->n_defined; i++)
		free(s->defined[i].name);
	free(s->services);
	free(s->uses);
	free(s->defined);
}

void scan_note(struct scan *s, enum diag_level level, const char *file, const struct yaml_node *at,
	       const char *fmt, ...)
{
	auto_str struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	diags_add(&s->d, level, file, at ? at->line : 0, at ? at->column : 0, s->p->name, "%s",
		  str_text(&text));
}

void scan_close(struct scan *s)
{
	for (size_t i = 0; i < s->d.n; i++) {
		const struct diag *f = &s->d.v[i];
		if (f->level == DIAG_ERROR)
			eval_bad(s->ev, s->p, f);
		else
			diags_add(s->ev->d, f->level, f->file, f->line, f->column, f->project, "%s",
				  f->text);
	}
	diags_done(&s->d);
}

const char *scan_keep(struct scan *s, struct yaml_node *root, const char *file)
{
	s->roots = xreallocarray(s->roots, s->n_roots + 1, sizeof(*s->roots));
	s->files = xreallocarray(s->files, s->n_roots + 1, sizeof(*s->files));
	s->roots[s->n_roots] = root;
	s->files[s->n_roots] = xstrdup(file);
	return s->files[s->n_roots++];
}

void eval_cause(struct diags *d, const char *file, const char *project, const char *cause)
{
	size_t len = strlen(file);
	int line = 0, column = 0, n = 0;

	/* YAML errors begin with their place; it belongs into the finding's fields. */
	if (strncmp(cause, file, len) == 0 &&
	    sscanf(cause + len, ":%d:%d: %n", &line, &column, &n) == 2 && n > 0)
		cause += len + (size_t)n;
	diags_add(d, DIAG_ERROR, file, line, column, project, "%s", cause);
}

int scan_text(struct scan *s, const char *path, const char *id, char **out, size_t *len,
	      struct err *e)
{
	const struct tree_reader *r = s->ev->in->reader;
	struct err why = ERR_INIT;

	if (r->read(r->ctx, id, COMPOSE_MAX_BYTES, out, len, &why) == 0)
		return 0;
	if (why.kind != ERR_REJECTED) {
		*e = why;
		return err_wrap(e, "%s", path);
	}
	scan_note(s, DIAG_ERROR, path, NULL, "%s: a file that is read here may have at most %d KiB",
		  why.cause, COMPOSE_MAX_BYTES / 1024);
	return 0;
}

int scan_read(struct scan *s, const char *path, const char *id, const struct yaml_node **out,
	      const char **kept, struct err *e)
{
	static const struct yaml_limits limits = {.max_bytes = COMPOSE_MAX_BYTES};
	auto_free char *text = NULL;
	struct yaml_node *root = NULL;
	struct err why = ERR_INIT;
	size_t len = 0;

	*out = NULL;
	if (scan_text(s, path, id, &text, &len, e) < 0)
		return -1;
	if (!text)
		return 0;
	if (yaml_parse(text, len, path, &limits, &root, &why) < 0) {
		eval_cause(&s->d, path, s->p->name, why.cause);
		return 0;
	}
	*kept = scan_keep(s, root, path);
	*out = root;
	return 0;
}
