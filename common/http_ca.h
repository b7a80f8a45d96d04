/*
 * http_ca - which certificate authorities a connection trusts. For common/http.c and
 * agent/git/link_http.c only. Depends on: libcurl.
 */
#pragma once

#include <curl/curl.h>

/* ca_file: a PEM file, or NULL for the system's. */
void http_ca_set(CURL *c, const char *ca_file);
