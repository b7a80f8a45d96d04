/*
 * evaluators - the table of ways to find this host's projects; all that apply are run, in this
 * order. Depends on: eval_parts. To add one: a file with a struct evaluator, and a line here.
 */
#include "agent/eval/eval_parts.h"

const struct evaluator *const evaluators[] = {
	&evaluator_files,    /* the repository: mdc.yaml, or directories with a Compose file */
	&evaluator_flake,    /* the repository: what its Nix flake gives */
	&evaluator_declared, /* agent.yaml's own projects */
	NULL,
};
