/*
 * config_paths - keys of agent.yaml that name a file of the host: an absolute path, or for what the
 * agent only reads a credential of systemd. Depends on: common, keys.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char credential[] = "credential:";
/* Where systemd puts them for the unit, should a person run a verb beside it. */
static const char unit_credentials[] = "/run/credentials/mdc-agent.service";

int config_set_path(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && (text[0] != '/' || !path_is_clean(text + 1)))
		return key_refuse(
			v, c, "expected an absolute path, such as /etc/mdc-agent/token, not '%s'",
			text);
	return key_set_text(v, at, c);
}

static bool is_credential_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && path_is_clean(name);
}

int config_set_input(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (!text || !str_starts(text, credential))
		return config_set_path(v, at, c);
	const char *name = text + strlen(credential);

	if (!is_credential_name(name))
		return key_refuse(
			v, c,
			"expected credential: and the name of a credential of the unit, such as "
			"credential:token, not '%s'",
			text);
	if (key_set_text(v, at, c) < 0)
		return -1;
	free(*(char **)at);
	*(char **)at = path_join(dir && dir[0] == '/' ? dir : unit_credentials, name);
	return 0;
}
