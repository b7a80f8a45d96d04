/* secret - see secret.h. Depends on: common. */
#include "agent/model/secret.h"

#include "common/path.h"
#include "common/str.h"

#include <string.h>

enum secret_kind secret_kind(const char *path)
{
	const char *name = path_base(path);
	const char *sops = name[0] ? strstr(name + 1, ".sops.") : NULL;

	if (str_ends(name, ".age") && strlen(name) > strlen(".age"))
		return SECRET_AGE;
	if (str_ends(name, ".secret") && strlen(name) > strlen(".secret"))
		return SECRET_ASKED;
	/* ".sops.yaml" itself holds the rules of sops and is not encrypted. */
	return sops && sops[strlen(".sops.")] != '\0' ? SECRET_SOPS : SECRET_NONE;
}
