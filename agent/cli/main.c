/*
 * mdc-agent - the command line: read it, load the host's settings, run the verb, show what went
 * wrong, once. Depends on: flow, store, model, common.
 */
#include "agent/cli/help.h"
#include "agent/cli/verb.h"

#include "agent/flow/deliver.h"
#include "agent/model/diag.h"
#include "agent/store/store.h"
#include "common/log.h"

#include <stdio.h>

static int load_config(struct cli *c, struct err *e)
{
	auto_diags struct diags d = DIAGS_INIT;
	int result = config_load(c->config_file, &d, &c->config, e);
	bool first = result < 0; /* the first error is what e says */

	for (size_t i = 0; i < d.n; i++) {
		auto_free char *text = NULL;

		if (first && d.v[i].level == DIAG_ERROR) {
			first = false;
			continue;
		}
		text = diag_text(&d.v[i]);
		if (!c->json)
			log_warn("%s", text);
	}
	c->has_config = result == 0;
	return result;
}

static int dispatch(struct cli *c, struct err *e)
{
	const struct verb *v = c->call.verb;

	if (call_has(&c->call, "version"))
		v = verb_find("version");
	else if (!v && !call_has(&c->call, "help"))
		return err_set(e, ERR_USAGE, 0, "no verb given: `mdc-agent help` lists them");
	else if (!v || call_has(&c->call, "help"))
		return help_show(c, v, e);
	if (v->needs_config && load_config(c, e) < 0)
		return -1;
	int result = v->run(c, e);
	if (v->reports && c->has_config)
		flow_deliver_later(&c->config, c->config_file);
	return result;
}

static void show_error(const struct cli *c, const struct err *e)
{
	char text[1400];
	auto_str struct str lines = STR_INIT;

	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();
		struct err ignored = ERR_INIT;

		cJSON_AddItemToObject(o, "error", output_error(e));
		(void)output_json(o, &ignored);
		return;
	}
	str_add(&lines, "mdc-agent: ");
	text_lines(&lines, "", err_text(e, text, sizeof(text)));
	(void)fputs(str_text(&lines), stderr);
}

int main(int argc, char **argv)
{
	struct cli c = {.color = COLOR_AUTO};
	struct err e = ERR_INIT;
	int result = command_parse(&c, argc, argv, &e);

	log_set_verbose(c.verbose);
	c.look = look_of(1, c.color);
	if (result == 0)
		result = dispatch(&c, &e);
	if (result < 0 && c.call.verb && c.call.verb->failed && c.call.verb->failed(&c, &e))
		result = 0;
	if (result < 0 && !c.error_shown)
		show_error(&c, &e);
	if (c.has_config)
		config_done(&c.config);
	call_done(&c.call);
	return result < 0 ? err_exit_code(e.kind) : c.exit_code;
}
