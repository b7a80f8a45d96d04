/*
 * format_template - what a person wrote, with the event's fields put in.
 * Depends on: formats, model/template.
 */
#include "agent/notify/formats.h"

#include "agent/model/template.h"

int format_template(const struct format_input *in, struct request *out, struct err *e)
{
	const char *type = in->config->content_type ? in->config->content_type : "application/json";
	const char *text = in->config->text ? in->config->text : in->keys->text;

	if (!text || template_check(text, e) < 0)
		return -1;
	template_fill(text, in->entry, template_escape_of(type), &out->body);
	strv_pushf(&out->headers, "Content-Type: %s", type);
	return 0;
}
