/*
 * init_text - agent.yaml as `init` writes it, made from the table of keys.
 * Depends on: model.
 */
#include "agent/cli/init.h"

#include "agent/cli/look.h"
#include "agent/model/config.h"
#include "agent/model/keys.h"
#include "agent/model/places.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { TEXT_COLUMNS = 100, INDENT = 2 };

struct writer {
	struct str *out;
	const char *url, *branch;
	const char *ssh_key, *known_hosts;
};

/* "..." as JSON writes it, which YAML reads. */
static void quoted(struct str *out, const char *text)
{
	str_addc(out, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			str_addc(out, '\\');
		str_addc(out, *p);
	}
	str_addc(out, '"');
}

/* A default such as "the host name" is for people; as a value it would be wrong. */
static bool is_value(const char *preset)
{
	return preset && !str_starts(preset, "the ");
}

static void comment(struct writer *w, const struct key_row *row, int indent)
{
	auto_str struct str text = STR_INIT;
	auto_str struct str wrapped = STR_INIT;

	str_add(&text, row->help);
	if (!row->below)
		str_addf(&text, " (%s)", row->type);
	text_wrap(&wrapped, str_text(&text), 0, TEXT_COLUMNS - indent - 2, 0);
	for (const char *p = str_text(&wrapped); *p;) {
		size_t n = strcspn(p, "\n");

		text_pad(w->out, indent);
		str_add(w->out, "# ");
		str_addn(w->out, p, n);
		str_addc(w->out, '\n');
		p += n + (p[n] == '\n');
	}
}

/* The value a key is given, or NULL: it is left at its default. */
static const char *value_of(const struct writer *w, const char *name)
{
	const struct {
		const char *name, *value;
	} given[] = {
		{"source.url", w->url},
		{"source.branch", w->branch},
		/* Without these an ssh source is refused; `init` says how to make the files. */
		{"source.ssh_key_file", init_is_ssh(w->url) ? w->ssh_key : NULL},
		{"source.known_hosts_file", init_is_ssh(w->url) ? w->known_hosts : NULL},
	};

	for (size_t i = 0; i < COUNT_OF(given); i++) {
		if (strcmp(given[i].name, name) == 0)
			return given[i].value;
	}
	return NULL;
}

static void one_key(const char *name, const struct key_row *row, int depth, void *arg)
{
	struct writer *w = arg;
	int indent = depth * INDENT;
	const char *value = value_of(w, name);
	bool set = w->url && (value || strcmp(name, "source") == 0);

	if (depth == 0)
		str_addc(w->out, '\n');
	comment(w, row, indent);
	if (!set)
		str_addc(w->out, '#');
	text_pad(w->out, indent);
	str_addf(w->out, "%s:", row->name);
	if (value && set) {
		str_addc(w->out, ' ');
		quoted(w->out, value);
	} else if (strcmp(name, "source.url") == 0) {
		str_add(w->out, " https://git.example.org/me/homelab.git");
	} else if (is_value(row->preset)) {
		str_addf(w->out, " %s", row->preset);
	}
	str_addc(w->out, '\n');
}

bool init_is_ssh(const char *url)
{
	return url && (str_starts(url, "ssh://") || (*url != '/' && !strstr(url, "://")));
}

void init_text(struct str *out, const char *url, const char *branch)
{
	auto_free char *dir = place_settings_dir();
	auto_free char *ssh_key = path_join(dir, INIT_SSH_KEY);
	auto_free char *known_hosts = path_join(dir, INIT_KNOWN_HOSTS);
	struct writer w = {.out = out,
			   .url = url,
			   .branch = branch,
			   .ssh_key = ssh_key,
			   .known_hosts = known_hosts};

	str_addf(out,
		 "# Settings of this host for mdc-agent. Every key is here; what is commented out "
		 "shows its default.\n"
		 "# More: man agent.yaml. After a change: systemctl %sreload mdc-agent\n",
		 place_is_user() ? "--user " : "");
	keys_each(config_rows(), "", one_key, &w);
}
