/*
 * places - where the settings, the state and the engines' sockets are: the system's places for
 * root, the user's own (by the XDG specification) for anybody else. Looks at the environment, and
 * at a file only where it says so. Depends on: common, config.
 */
#pragma once

#include "agent/model/config.h"

#include <stdbool.h>

/* The settings file when none is named. As a user: the user's own, or the system's if only that is
 * there. The caller frees. */
char *place_settings(void);
/* Where `init` writes it, and the keys beside it. The caller frees. */
char *place_settings_dir(void);
bool place_is_user(void); /* does the agent run as somebody else than root? */
/* ... and as root of the user's own namespace, to whom the files of containers belong? */
bool place_is_unshared(void);

/* state_dir and runtime_dir for this settings file where it names none: the system's file means the
 * system's directories, whoever reads it. The caller frees. */
char *place_state(const char *settings);
char *place_runtime(const char *settings);

/*
 * The engine's socket: the first that is there (and, for a user, that may be used), Docker before
 * Podman, the user's own before the system's. ENGINE_AUTO: of either; *kind says which. NULL if
 * there is none; the caller frees.
 */
char *place_engine_socket(enum engine_kind wanted, enum engine_kind *kind);
