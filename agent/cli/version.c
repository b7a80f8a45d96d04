/*
 * version - the verb `version`: ours, and the libraries' as they are loaded (a bug report needs
 * both). Depends on: the libraries, for asking their versions only.
 */
#include "agent/cli/verb.h"

#include "common/mem.h"

#include <curl/curl.h>
#include <git2.h>
#include <yaml.h>

static int version(struct cli *c, struct err *e)
{
	auto_json cJSON *o = cJSON_CreateObject();
	auto_str struct str out = STR_INIT;
	int major, minor, patch;

	json_set_str(o, "version", MDC_VERSION);
	git_libgit2_version(&major, &minor, &patch);
	auto_free char *git = xasprintf("%d.%d.%d", major, minor, patch);

	json_set_str(o, "libgit2", git);
	json_set_str(o, "libcurl", curl_version_info(CURLVERSION_NOW)->version);
	json_set_str(o, "libyaml", yaml_get_version_string());
	json_set_str(o, "cjson", cJSON_Version());
	if (c->json)
		return output_json(o, e);
	str_add(&out, "mdc-agent " MDC_VERSION "\n");
	for (const cJSON *i = o->child->next; i; i = i->next)
		str_addf(&out, "%s %s\n", i->string, i->valuestring);
	return output_text(&out, e);
}

const struct verb verb_version = {
	.name = "version",
	.args = "",
	.help = "print the version",
	.details =
		"The first line is the agent's version, the others those of the libraries it runs "
		"with.",
	.group = GROUP_SETUP,
	.run = version,
};
