/*
 * options - see options.h. Both programs take the same options, so that the daemon need not tell
 * them apart.
 */
#include "agent/poll/options.h"

#include "common/auto.h"
#include "common/str.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t at;
} rows[] = {
	{"--url", offsetof(struct poll_options, url)},
	{"--branch", offsetof(struct poll_options, branch)},
	{"--tag", offsetof(struct poll_options, tag)},
	{"--username", offsetof(struct poll_options, username)},
	{"--token-file", offsetof(struct poll_options, token_file)},
	{"--ca-file", offsetof(struct poll_options, ca_file)},
	{"--key-file", offsetof(struct poll_options, key_file)},
	{"--known-hosts-file", offsetof(struct poll_options, known_hosts_file)},
};

int poll_options_read(int argc, char **argv, struct poll_options *o, struct err *e)
{
	*o = (struct poll_options){.url = NULL};
	for (int i = 1; i < argc; i += 2) {
		size_t row = 0;

		while (row < COUNT_OF(rows) && strcmp(rows[row].name, argv[i]) != 0)
			row++;
		if (row == COUNT_OF(rows))
			return err_set(e, ERR_USAGE, 0, "unknown option %s", argv[i]);
		if (i + 1 == argc)
			return err_set(e, ERR_USAGE, 0, "option %s needs a value", argv[i]);
		*(const char **)((char *)o + rows[row].at) = argv[i + 1];
	}
	if (!o->url)
		return err_set(e, ERR_USAGE, 0, "--url is missing");
	if (o->branch && o->tag)
		return err_set(e, ERR_USAGE, 0, "--branch and --tag exclude each other");
	return 0;
}

void poll_answer(int failed, const char id[GIT_HEX_SIZE], const struct err *e)
{
	if (failed) {
		char text[sizeof(e->cause) + sizeof(e->trail) + 8];
		auto_free char *shown =
			str_printable(err_text(e, text, sizeof(text)), sizeof(text));

		(void)printf("error %s %s\n", err_kind_name(e->kind), shown);
	} else {
		(void)printf("ok %s\n", id[0] != '\0' ? id : "-");
	}
	(void)fflush(stdout);
}
