/*
 * init - the verb `init`: a commented agent.yaml, and on wish a bare repository to push to.
 * Depends on: init.h, model, common.
 */
#include "agent/cli/init.h"

#include "agent/cli/verb.h"
#include "agent/model/places.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/yaml.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct choice {
	char *config; /* absolute path of the file to write */
	char *bare;   /* absolute, or NULL */
	char *url;    /* or NULL */
	const char *branch;
	bool force;
};

static void choice_done(struct choice *c)
{
	free(c->config);
	free(c->bare);
	free(c->url);
}

static int absolute(const char *path, char **out, struct err *e)
{
	char cwd[PATH_MAX];

	if (*path == '/') {
		*out = xstrdup(path);
	} else {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_set(e, ERR_USAGE, errno, "cannot tell the present directory");
		*out = path_join(cwd, path);
	}
	for (size_t n = strlen(*out); n > 1 && (*out)[n - 1] == '/'; n--)
		(*out)[n - 1] = '\0';
	return 0;
}

static int choose(const struct cli *c, struct choice *h, struct err *e)
{
	const char *bare = call_value(&c->call, "bare");
	const char *url = call_value(&c->call, "url");
	const char *branch = call_value(&c->call, "branch");

	h->force = call_has(&c->call, "force");
	h->branch = branch && *branch ? branch : "main";
	if (bare && url)
		return err_set(e, ERR_USAGE, 0,
			       "--bare and --url exclude each other: --bare sets the URL");
	if (h->branch[0] == '-')
		return err_set(e, ERR_USAGE, 0, "--branch: \"%s\" is not a branch's name",
			       h->branch);
	auto_free char *dir = place_settings_dir();
	auto_free char *own = path_join(dir, "agent.yaml");

	if (absolute(c->config_file ? c->config_file : own, &h->config, e) < 0)
		return -1;
	if (bare && absolute(bare, &h->bare, e) < 0)
		return -1;
	h->url = bare ? xasprintf("file://%s", h->bare) : xstrdup_null(url && *url ? url : NULL);
	return 0;
}

/* What is wrong with a URL or a branch is said now, not when the daemon starts. */
static int check(const struct choice *h, const struct str *text, struct err *e)
{
	auto_yaml struct yaml_node *root = NULL;
	struct config c = {.file = NULL};

	if (!h->url)
		return 0;
	if (yaml_parse(str_text(text), text->len, h->config, NULL, &root, e) < 0 ||
	    config_read(root, h->config, NULL, &c, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "this would be written");
	}
	config_done(&c);
	return 0;
}

static int write_config(const struct choice *h, const struct str *text, struct err *e)
{
	auto_free char *dir = path_dir(h->config);

	if (dir_make(dir, 0755, e) < 0 ||
	    file_replace(h->config, str_text(text), text->len, 0644, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	return 0;
}

static void next_steps(struct str *out, const struct choice *h)
{
	auto_free char *dir = place_settings_dir();
	auto_free char *own = path_join(dir, "agent.yaml");
	bool usual = str_eq(h->config, own);
	auto_free char *program =
		usual ? xstrdup("mdc-agent") : xasprintf("mdc-agent --config %s", h->config);

	str_addf(out, "wrote %s\n", h->config);
	if (h->bare)
		str_addf(out,
			 "made the repository %s: what is pushed to %s is deployed on this host\n",
			 h->bare, h->branch);
	str_add(out, "\nnext:\n");
	if (!h->url)
		str_addf(out, "  $EDITOR %s                # set source.url, or declare projects\n",
			 h->config);
	if (init_is_ssh(h->url))
		str_addf(out,
			 "  ssh-keygen -t ed25519 -N '' -f %s/" INIT_SSH_KEY
			 "   # then give the server %s/" INIT_SSH_KEY ".pub\n"
			 "  ssh-keyscan HOST >%s/" INIT_KNOWN_HOSTS
			 "   # compare with what the server's owner says\n",
			 dir, dir, dir);
	if (usual && place_is_user())
		str_add(out, "  systemctl --user enable --now mdc-agent   # and, to have it run "
			     "without a session: loginctl enable-linger\n");
	else if (usual)
		str_add(out, "  systemctl enable --now mdc-agent\n");
	else
		str_addf(out, "  %s run &\n", program);
	if (h->bare)
		str_addf(out,
			 "  git clone %s homelab && cd homelab\n"
			 "  mkdir web && $EDITOR web/compose.yaml  # a directory with a Compose "
			 "file is a project\n"
			 "  git add . && git commit -m \"add web\" && git push origin HEAD:%s\n",
			 h->bare, h->branch);
	else
		str_addf(out, "  %s plan\n", program);
	str_addf(out, "  %s status\n", program);
}

static int make(struct cli *c, const struct choice *h, const struct str *text, struct err *e)
{
	auto_str struct str out = STR_INIT;
	bool usual = !c->config_file;

	if (file_exists(h->config) && !h->force)
		return err_set(
			e, ERR_USAGE, 0,
			"%s is there already: say --force to replace it, or --config FILE to write "
			"another",
			h->config);
	if (h->bare) {
		struct init_bare b = {.dir = h->bare,
				      .branch = h->branch,
				      .config = usual ? NULL : h->config,
				      .force = h->force};

		if (init_bare(&b, e) < 0)
			return -1;
	}
	if (write_config(h, text, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_str(o, "config", h->config);
		json_set_str(o, "repository", h->bare);
		json_set_str(o, "url", h->url);
		return output_json(o, e);
	}
	next_steps(&out, h);
	return output_text(&out, e);
}

static int init(struct cli *c, struct err *e)
{
	struct choice h = {.force = false};
	auto_str struct str text = STR_INIT;
	int result = choose(c, &h, e);

	if (result == 0) {
		init_text(&text, h.url, h.branch);
		result = check(&h, &text, e);
	}
	if (result == 0)
		result = call_has(&c->call, "stdout") ? output_text(&text, e)
						      : make(c, &h, &text, e);
	choice_done(&h);
	return result;
}

static const struct option_row options[] = {
	{.name = "url", .arg = "URL", .help = "the repository to follow: https, ssh or file"},
	{.name = "branch", .arg = "BRANCH", .help = "the branch to follow; default main"},
	{.name = "bare",
	 .arg = "DIR",
	 .help = "make a bare repository there, whose hook tells the agent of each push, and "
		 "follow it"},
	{.name = "force",
	 .help = "replace a settings file, or another post-receive hook, that is there already"},
	{.name = "stdout", .help = "only print the settings file"},
	{.name = NULL},
};

const struct verb verb_init = {
	.name = "init",
	.args = "",
	.help = "write the settings of this host, and make a repository to push to",
	.details =
		"Writes a commented agent.yaml (to the file `--config` names) with every key, its "
		"meaning and its default. A file that is there already is not touched.\n"
		"With `--bare DIR` it also makes a bare Git repository on this host with a "
		"post-receive hook: pushing to it deploys, and no Git server is needed. A bare "
		"repository that is there already is kept and gets the hook. It can be pushed to "
		"over ssh by anybody who may write there.\n"
		"  mdc-agent init --url https://git.example.org/me/homelab.git\n"
		"  mdc-agent init --bare /srv/homelab.git",
	.options = options,
	.group = GROUP_SETUP,
	.run = init,
};
