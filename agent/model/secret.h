/*
 * secret - which files of a project are encrypted, by their names. Depends on: nothing.
 */
#pragma once

enum secret_kind {
	SECRET_NONE,
	SECRET_AGE,   /* *.age */
	SECRET_SOPS,  /* *.sops.*, such as prod.sops.env */
	SECRET_ASKED, /* *.secret: holds the name that `secrets.exec` is asked for */
};
enum secret_kind secret_kind(const char *path);
