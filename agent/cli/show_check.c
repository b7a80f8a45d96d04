/*
 * show_check - findings of `check`, one a line as compilers print them, and as JSON.
 * Depends on: model, look.
 */
#include "agent/cli/show.h"

#include <string.h>

static void finding(struct str *out, const struct diag *d, const struct look *k)
{
	bool error = d->level == DIAG_ERROR;
	auto_free char *file = str_printable(d->file ? d->file : "-", 300);

	look_addf(out, k, TONE_BOLD, "%s:", file);
	if (d->line > 0)
		look_addf(out, k, TONE_BOLD, "%d:%d:", d->line, d->column);
	str_addc(out, ' ');
	look_addf(out, k, error ? TONE_BAD : TONE_WARN, "%s:", error ? "error" : "warning");
	text_lines(out, " ", d->text ? d->text : "");
}

void show_check(struct str *out, const struct diags *d, size_t projects, const struct look *k)
{
	for (size_t i = 0; i < d->n; i++)
		finding(out, &d->v[i], k);
	if (d->dropped > 0)
		str_addf(out, "and %zu more\n", d->dropped);
	text_count(out, projects, "project");
	str_add(out, ", ");
	text_count(out, d->errors, "error");
	str_add(out, ", ");
	text_count(out, d->n - d->errors, "warning");
	str_addc(out, '\n');
}

cJSON *check_json(const struct diags *d, size_t projects)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "findings");

	json_set_int(o, "projects", (int64_t)projects);
	json_set_int(o, "errors", (int64_t)d->errors);
	json_set_int(o, "dropped", (int64_t)d->dropped);
	for (size_t i = 0; i < d->n; i++) {
		cJSON *f = cJSON_CreateObject();

		json_set_str(f, "level", d->v[i].level == DIAG_ERROR ? "error" : "warning");
		json_set_str(f, "file", d->v[i].file);
		json_set_int(f, "line", d->v[i].line);
		json_set_int(f, "column", d->v[i].column);
		json_set_str(f, "project", d->v[i].project);
		json_set_str(f, "text", d->v[i].text);
		cJSON_AddItemToArray(list, f);
	}
	return o;
}
