/*
 * init - the settings file it writes is one the agent reads, and the repository it makes is one to
 * push to.
 */
#include "agent/cli/init.h"

#include "agent/model/config.h"
#include "agent/model/keys.h"
#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"
#include "common/yaml.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int make_dir(void **state)
{
	char name[] = "/tmp/mdc-init-XXXXXX";

	*state = xstrdup(temp_dir(name));
	return 0;
}

static int drop_dir(void **state)
{
	struct err e = ERR_INIT;
	int result = tree_remove(*state, &e);

	free(*state);
	return result;
}

static void read_back(const struct str *text, struct config *out)
{
	auto_yaml struct yaml_node *root = NULL;
	auto_diags struct diags d = DIAGS_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(yaml_parse(str_text(text), text->len, "agent.yaml", NULL, &root, &e), 0);
	assert_int_equal(config_read(root, "agent.yaml", &d, out, &e), 0);
	assert_int_equal(d.n, 0);
}

static void the_file_is_read_back(void **state)
{
	auto_str struct str out = STR_INIT;
	auto_config struct config c = {.file = NULL};

	(void)state;
	init_text(&out, "https://git.example.org/me/a\\\"b\".git", "deploy");
	read_back(&out, &c);
	assert_string_equal(c.source.url, "https://git.example.org/me/a\\\"b\".git");
	assert_string_equal(c.source.branch, "deploy");
	assert_int_equal(c.parallel, 2);
}

static void ssh_names_the_files_it_needs(void **state)
{
	static const char *const urls[] = {"ssh://git@git.example.org/me/x.git",
					   "git@git.example.org:me/x.git"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		auto_str struct str out = STR_INIT;
		auto_config struct config c = {.file = NULL};

		init_text(&out, urls[i], "main");
		read_back(&out, &c);
		assert_true(str_ends(c.source.ssh_key_file, "/mdc-agent/" INIT_SSH_KEY));
		assert_true(str_ends(c.source.known_hosts_file, "/mdc-agent/" INIT_KNOWN_HOSTS));
	}
}

static void without_a_url_nothing_is_set(void **state)
{
	auto_str struct str out = STR_INIT;

	(void)state;
	init_text(&out, NULL, "main");
	for (const char *p = str_text(&out); *p;) {
		assert_true(*p == '#' || *p == '\n' || str_starts(p, "  # "));
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
}

static void has_key(const char *name, const struct key_row *row, int depth, void *arg)
{
	auto_free char *line = xasprintf("%*s%s:", depth * 2, "", row->name);

	if (!strstr(arg, line))
		fail_msg("missing: %s", name);
}

static void every_key_is_there(void **state)
{
	auto_str struct str out = STR_INIT;

	(void)state;
	init_text(&out, "file:///x", "main");
	keys_each(config_rows(), "", has_key, (void *)(uintptr_t)str_text(&out));
}

static void assert_git(const char *dir, const char *name, const char *want)
{
	const char *const argv[] = {"git", "--git-dir", dir, "config", name, NULL};
	auto_free char *out = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(proc_need(&(struct proc){.argv = argv, .timeout_ms = 20000}, &out, &e), 0);
	assert_memory_equal(out, want, strlen(want));
}

static void a_bare_repository(void **state)
{
	auto_free char *dir = path_join(*state, "homelab.git");
	auto_free char *hook = path_join(dir, "hooks/post-receive");
	auto_free char *text = NULL, *original = NULL, *head_path = path_join(dir, "HEAD"),
		       *head = NULL;
	struct init_bare b = {.dir = dir, .branch = "deploy", .config = "/etc/x.yaml"};
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(init_bare(&b, &e), 0);
	assert_int_equal(file_read(hook, 65536, &text, NULL, &e), 0);
	assert_int_equal(file_read("../../hooks/post-receive", 65536, &original, NULL, &e), 0);
	assert_string_equal(text, original);
	assert_int_equal(stat(hook, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(file_read(head_path, 4096, &head, NULL, &e), 0);
	assert_string_equal(head, "ref: refs/heads/deploy\n");
	assert_git(dir, "mdc.ref", "refs/heads/deploy\n");
	assert_git(dir, "mdc.config", "/etc/x.yaml\n");
	assert_int_equal(init_bare(&b, &e), 0); /* once more: nothing to complain about */
}

static void a_hook_of_others_is_kept(void **state)
{
	auto_free char *dir = path_join(*state, "other.git");
	auto_free char *hook = path_join(dir, "hooks/post-receive");
	struct init_bare b = {.dir = dir, .branch = "main"};
	struct err e = ERR_INIT;

	assert_int_equal(init_bare(&b, &e), 0);
	assert_int_equal(file_replace(hook, "#!/bin/sh\n", 10, 0755, &e), 0);
	assert_int_equal(init_bare(&b, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.cause, "--force"));
	b.force = true;
	err_clear(&e);
	assert_int_equal(init_bare(&b, &e), 0);
}

static void a_directory_with_other_things_is_refused(void **state)
{
	auto_free char *dir = path_join(*state, "full");
	auto_free char *file = path_join(dir, "letter.txt");
	struct init_bare b = {.dir = dir, .branch = "main"};
	struct err e = ERR_INIT;

	assert_int_equal(dir_make(dir, 0755, &e), 0);
	assert_int_equal(file_replace(file, "x", 1, 0644, &e), 0);
	assert_int_equal(init_bare(&b, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.cause, "not empty"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_read_back),
		cmocka_unit_test(ssh_names_the_files_it_needs),
		cmocka_unit_test(without_a_url_nothing_is_set),
		cmocka_unit_test(every_key_is_there),
		cmocka_unit_test_setup_teardown(a_bare_repository, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(a_hook_of_others_is_kept, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(a_directory_with_other_things_is_refused, make_dir,
						drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
