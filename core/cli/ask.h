/* SPDX-License-Identifier: Apache-2.0 */
/* A secret from whoever types the command: from the terminal without echo, asked twice, or from standard input. */
#ifndef MST_CLI_ASK_H
#define MST_CLI_ASK_H

#include "base/error.h"
#include "secret/secret.h"

/*
 * `name` is what the prompt asks for. Standard input that is no terminal is read to its end, and one newline at its end is not
 * part of the value. MST_E_USAGE: empty, or typed differently the second time; MST_E_LIMIT; MST_E_CANCELLED: Ctrl-C, a signal.
 * Caller frees *out.
 */
int mst_ask_secret(const char *name, struct mst_secret **out, struct mst_err *err);

#endif
