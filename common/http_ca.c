/*
 * http_ca - prefers the hashed directory to the bundle: with the directory OpenSSL reads the one
 * certificate it needs, while loading Debian's bundle costs a new connection some 35 ms of CPU
 * time. Depends on: libcurl.
 */
#include "common/http_ca.h"

#include "common/auto.h"
#include "common/str.h"

#include <dirent.h>
#include <string.h>

static const char system_dir[] = "/etc/ssl/certs";

static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",                               /* Debian, NixOS */
	"/etc/ssl/certs/ca-bundle.crt", "/etc/pki/tls/certs/ca-bundle.crt", /* Fedora */
};

/* True if the directory has names like "4042bcee.0": NixOS has only a bundle there. */
static bool is_hashed(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *d;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (d = readdir(dir)) != NULL)
		found = strspn(d->d_name, "0123456789abcdef") == 8 &&
			strcmp(d->d_name + 8, ".0") == 0;
	(void)closedir(dir);
	return found;
}

static const char *find_bundle(void)
{
	const char *named = getenv("SSL_CERT_FILE");

	if (named && access(named, R_OK) == 0)
		return named;
	for (size_t i = 0; i < COUNT_OF(bundles); i++) {
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	}
	return NULL;
}

void http_ca_set(CURL *c, const char *ca_file)
{
	const char *dir = NULL, *file = ca_file;

	if (!file && !getenv("SSL_CERT_FILE") && is_hashed(system_dir))
		dir = system_dir;
	else if (!file)
		file = find_bundle();
	/* Both are set, so that what libcurl was built with is not added. */
	(void)curl_easy_setopt(c, CURLOPT_CAINFO, file);
	(void)curl_easy_setopt(c, CURLOPT_CAPATH, dir);
}
