/*
 * compose_variables - `configs` and `secrets` with `environment: NAME` take a variable's value when
 * containers are made, long after .env was read. Their values are asked for while rendering and
 * travel in the model, under x-mdc-variables (a model file is mode 0600 and holds all other values
 * too). For this directory only. Depends on: common.
 */
#pragma once

#include "common/strv.h"

#include <cjson/cJSON.h>

/* A Compose file that has Compose print the variables this model needs, or NULL if it needs none;
 * the caller frees. */
char *compose_variables_ask(const cJSON *model);

/* Copy the values from the rendering of that file into the model. */
void compose_variables_keep(const cJSON *answer, cJSON *model);

/* "NAME=value" of each, for Compose's environment. */
void compose_variables_env(const cJSON *model, struct strv *env);

/* The value of one as it stands in the model, or NULL. Borrowed. */
const char *compose_variable(const cJSON *model, const char *name);
