/*
 * pick - see pick.h.
 * Depends on: store.
 */
#include "agent/cli/pick.h"

int pick_generation(const struct store *s, int64_t number, struct generation *out, struct err *e)
{
	auto_free int64_t *numbers = NULL;
	size_t n = 0;

	if (generation_numbers(s, &numbers, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (numbers[i] == number)
			return generation_read(s, number, out, e);
	}
	return err_set(
		e, ERR_USAGE, 0,
		"generation %lld is not kept here: `mdc-agent generations` lists those that are",
		(long long)number);
}
