/*
 * self - where our own programs are: beside the running one (a build tree), where its prefix puts
 * them, else in the libexec directory it was built for. Depends on: mem.
 */
#pragma once

/* Path of program `name` of this package; the caller frees; never NULL (it may not exist). */
char *self_program(const char *name);
