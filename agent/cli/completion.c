/*
 * completion - scripts for bash, zsh and fish, made from the verb table.
 * Depends on: verb.
 * To add a shell: a function here, a row in `shells`, the word in help.c's option.
 */
#include "agent/cli/help.h"

#include <string.h>

static bool is_choice(const struct option_row *o)
{
	return o->arg && strchr(o->arg, '|') != NULL;
}

static void choice_words(struct str *out, const char *arg)
{
	for (const char *p = arg; *p; p++)
		str_addc(out, *p == '|' ? ' ' : *p);
}

/* Text inside single quotes of a shell. */
static void quoted(struct str *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\'')
			str_add(out, "'\\''");
		else
			str_addc(out, *p);
	}
}

/* ---- bash ---- */

static void bash_words(struct str *out, const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		str_addf(out, " --%s", rows->name);
}

/* What follows an option that takes an argument. */
static void bash_arguments(struct str *out, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		if (!rows->arg || rows->optional)
			continue;
		str_addf(out, "\t--%s", rows->name);
		if (rows->letter)
			str_addf(out, "|-%c", rows->letter);
		if (is_choice(rows)) {
			str_add(out, ") COMPREPLY=($(compgen -W '");
			choice_words(out, rows->arg);
			str_add(out, "' -- \"$cur\")); return ;;\n");
		} else if (str_eq(rows->arg, "FILE")) {
			str_add(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		} else if (str_eq(rows->arg, "DIR")) {
			str_add(out, ") COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n");
		} else {
			str_add(out, ") COMPREPLY=(); return ;;\n");
		}
	}
}

static void bash_verb(struct str *out, const struct verb *v)
{
	str_addf(out, "\t%s) words='", v->name);
	bash_words(out, v->options);
	str_add(out, "'");
	if (strstr(v->args, "DIR"))
		str_add(out, "; dirs=1");
	if (strstr(v->args, "VERB"))
		str_add(out, "; words=\"$words $verbs\"");
	str_add(out, " ;;\n");
}

static void bash(struct str *out)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	str_add(out, "# bash completion for mdc-agent; made by `mdc-agent help --completion bash`\n"
		     "_mdc_agent()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		     "\tlocal i verb='' words='' dirs='' verbs='");
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%s%s", i ? " " : "", list[i]->name);
	str_add(out, "'\n\tcase $prev in\n");
	bash_arguments(out, global_options);
	for (size_t i = 0; i < n; i++)
		bash_arguments(out, list[i]->options);
	str_add(out, "\tesac\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tcase \" $verbs \" in\n"
		     "\t\t*\" ${COMP_WORDS[i]} \"*) verb=${COMP_WORDS[i]}; break ;;\n"
		     "\t\tesac\n"
		     "\tdone\n"
		     "\tcase $verb in\n"
		     "\t'') words=$verbs ;;\n");
	for (size_t i = 0; i < n; i++)
		bash_verb(out, list[i]);
	str_add(out, "\tesac\n\twords=\"$words");
	bash_words(out, global_options);
	str_add(out,
		"\"\n"
		"\tcase $cur in\n"
		"\t-*) ;;\n"
		"\t*) if [ -n \"$dirs\" ]; then COMPREPLY=($(compgen -d -- \"$cur\")); return; fi "
		";;\n"
		"\tesac\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		"}\ncomplete -F _mdc_agent mdc-agent\n");
}

/* ---- zsh ---- */

static void zsh_options(struct str *out, const struct option_row *rows, const char *indent)
{
	for (; rows && rows->name; rows++) {
		str_addf(out, " \\\n%s'--%s[", indent, rows->name);
		for (const char *p = rows->help; *p; p++) {
			if (strchr("[]:", *p))
				str_addc(out, '\\');
			if (*p == '\'')
				str_add(out, "'\\''");
			else
				str_addc(out, *p);
		}
		str_addc(out, ']');
		if (is_choice(rows)) {
			str_addf(out, ":%s:(", rows->name);
			choice_words(out, rows->arg);
			str_addc(out, ')');
		} else if (rows->arg && !rows->optional) {
			str_addf(out, ":%s:%s", rows->arg,
				 str_eq(rows->arg, "FILE")  ? "_files"
				 : str_eq(rows->arg, "DIR") ? "_files -/"
							    : "");
		}
		str_addc(out, '\'');
	}
}

static void zsh(struct str *out)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	str_add(out, "#compdef mdc-agent\n"
		     "# zsh completion; made by `mdc-agent help --completion zsh`\n"
		     "_mdc_agent_verbs() {\n\tlocal -a verbs=(\n");
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "\t\t'%s:", list[i]->name);
		quoted(out, list[i]->help);
		str_add(out, "'\n");
	}
	str_add(out, "\t)\n\t_describe verb verbs\n}\n\n"
		     "_mdc_agent() {\n\tlocal context state line curcontext=\"$curcontext\"\n"
		     "\t_arguments -C");
	zsh_options(out, global_options, "\t\t");
	str_add(out, " \\\n\t\t'1:verb:_mdc_agent_verbs' '*::argument:->rest'\n"
		     "\t[[ $state == rest ]] || return\n\tcase $line[1] in\n");
	for (size_t i = 0; i < n; i++) {
		const struct verb *v = list[i];
		const char *args = strstr(v->args, "DIR")    ? " '*:directory:_files -/'"
				   : strstr(v->args, "VERB") ? " '*:verb:_mdc_agent_verbs'"
							     : "";

		str_addf(out, "\t%s)\n\t\t_arguments%s", v->name, args);
		zsh_options(out, v->options, "\t\t\t");
		zsh_options(out, global_options, "\t\t\t");
		str_add(out, " ;;\n");
	}
	str_add(out, "\tesac\n}\n\n_mdc_agent \"$@\"\n");
}

/* ---- fish ---- */

static void fish_options(struct str *out, const struct option_row *rows, const char *condition)
{
	for (; rows && rows->name; rows++) {
		str_addf(out, "complete -c mdc-agent%s -l %s", condition, rows->name);
		if (rows->letter)
			str_addf(out, " -s %c", rows->letter);
		if (is_choice(rows)) {
			str_add(out, " -x -a '");
			choice_words(out, rows->arg);
			str_addc(out, '\'');
		} else if (rows->arg && !rows->optional) {
			str_add(out, str_eq(rows->arg, "FILE") ? " -r -F"
				     : str_eq(rows->arg, "DIR")
					     ? " -x -a '(__fish_complete_directories)'"
					     : " -x");
		}
		str_add(out, " -d '");
		quoted(out, rows->help);
		str_add(out, "'\n");
	}
}

static void fish(struct str *out)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	str_add(out, "# fish completion for mdc-agent; made by `mdc-agent help --completion fish`\n"
		     "complete -c mdc-agent -f\n");
	fish_options(out, global_options, "");
	for (size_t i = 0; i < n; i++) {
		const struct verb *v = list[i];
		auto_str struct str condition = STR_INIT;

		str_addf(out, "complete -c mdc-agent -n __fish_use_subcommand -a %s -d '", v->name);
		quoted(out, v->help);
		str_add(out, "'\n");
		str_addf(&condition, " -n '__fish_seen_subcommand_from %s'", v->name);
		fish_options(out, v->options, str_text(&condition));
		if (strstr(v->args, "DIR"))
			str_addf(out,
				 "complete -c mdc-agent%s -a '(__fish_complete_directories)'\n",
				 str_text(&condition));
	}
}

int completion_text(struct str *out, const char *shell, struct err *e)
{
	static const struct {
		const char *name;
		void (*make)(struct str *out);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; i < COUNT_OF(shells); i++) {
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].make(out);
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0, "no completion for \"%s\": bash, zsh or fish", shell);
}
