/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"

#define CTRL_C    0x03
#define CTRL_D    0x04
#define CTRL_H    0x08
#define CTRL_U    0x15
#define BACKSPACE 0x7f

/* Nobody gets the value from a dump of this process. */
static void no_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Removes one whole character, which may have several bytes. */
static void rub_out(struct mst_secret *secret)
{
	size_t len = mst_secret_length(secret);

	while (len > 0 && (mst_secret_data(secret)[--len] & 0xc0) == 0x80)
		continue;
	mst_secret_cut(secret, len);
}

static int cancelled(struct mst_err *err)
{
	return mst_err_set(err, MST_E_CANCELLED, "nothing was stored");
}

/* One typed byte; MST_E_END when the line is complete. */
static int take(struct mst_secret *secret, unsigned char byte, struct mst_err *err)
{
	switch (byte) {
	case '\r':
	case '\n':
		return MST_E_END;
	case CTRL_D:
		return mst_secret_length(secret) > 0 ? MST_E_END : cancelled(err);
	case CTRL_C:
		return cancelled(err);
	case CTRL_U:
		mst_secret_clear(secret);
		return MST_OK;
	case CTRL_H:
	case BACKSPACE:
		rub_out(secret);
		return MST_OK;
	default:
		return mst_secret_add(secret, &byte, 1, "the value", err);
	}
}

/* Reads a line from the terminal, whose echo is off. `signals` becomes readable when one of the signals that end us has come. */
static int read_typed(int terminal, int signals, struct mst_secret *secret, struct mst_err *err)
{
	int rc = MST_OK;

	while (rc == MST_OK) {
		struct pollfd wait[2] = {{.fd = terminal, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		unsigned char byte;
		ssize_t n;

		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return mst_err_errno(err, errno, "cannot read the terminal");
		if (wait[1].revents)
			return cancelled(err);
		if (!wait[0].revents)
			continue;
		n = read(terminal, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		rc = n <= 0 ? cancelled(err) : take(secret, byte, err);
		explicit_bzero(&byte, sizeof(byte));
	}
	return rc == MST_E_END ? MST_OK : rc;
}

static int prompt(int terminal, int signals, const char *text, const char *name, struct mst_secret *secret,
                  struct mst_err *err)
{
	int rc;

	dprintf(terminal, "%s%s: ", text, name);
	rc = read_typed(terminal, signals, secret, err);
	dprintf(terminal, "\n");
	return rc;
}

static int ask_twice(int terminal, int signals, const char *name, struct mst_secret *secret, struct mst_err *err)
{
	struct mst_secret *again = mst_secret_new(MST_MAX_SECRET);
	int rc = again ? prompt(terminal, signals, "Value of the secret ", name, secret, err) : mst_err_no_memory(err);

	if (rc == MST_OK && mst_secret_length(secret) > 0)
		rc = prompt(terminal, signals, "The same again for ", name, again, err);
	if (rc == MST_OK &&
	    (mst_secret_length(secret) != mst_secret_length(again) ||
	     memcmp(mst_secret_data(secret), mst_secret_data(again), mst_secret_length(secret)) != 0) &&
	    mst_secret_length(secret) > 0)
		rc = mst_err_set(err, MST_E_USAGE, "the two values differ; nothing was stored");
	mst_secret_free(again);
	return rc;
}

/* Echo is off only in between, and the signals that would end us in there are taken as words. */
static int ask_terminal(int terminal, const char *name, struct mst_secret *secret, struct mst_err *err)
{
	struct termios before, silent;
	sigset_t ending, old;
	int signals, rc;

	if (tcgetattr(terminal, &before) != 0)
		return mst_err_errno(err, errno, "cannot silence the terminal");
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, &old);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	if (signals < 0 || tcsetattr(terminal, TCSAFLUSH, &silent) != 0) {
		rc = mst_err_errno(err, errno, "cannot silence the terminal");
	} else {
		rc = ask_twice(terminal, signals, name, secret, err);
		(void)tcsetattr(terminal, TCSAFLUSH, &before);
	}
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int read_input(struct mst_secret *secret, struct mst_err *err)
{
	unsigned char block[512];
	int rc = MST_OK;

	while (rc == MST_OK) {
		ssize_t n = read(STDIN_FILENO, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			break;
		rc = n < 0 ? mst_err_errno(err, errno, "cannot read standard input")
		           : mst_secret_add(secret, block, (size_t)n, "the value", err);
	}
	explicit_bzero(block, sizeof(block));
	/* `echo`, editors and most password managers end with a newline that nobody means. */
	if (rc == MST_OK && mst_secret_length(secret) > 0 &&
	    mst_secret_data(secret)[mst_secret_length(secret) - 1] == '\n')
		mst_secret_cut(secret, mst_secret_length(secret) - 1);
	return rc;
}

int mst_ask_secret(const char *name, struct mst_secret **out, struct mst_err *err)
{
	struct mst_secret *secret;
	int rc;

	no_dumps();
	*out = NULL;
	secret = mst_secret_new(MST_MAX_SECRET);
	if (!secret)
		return mst_err_no_memory(err);
	if (isatty(STDIN_FILENO)) {
		int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

		rc = terminal < 0 ? mst_err_errno(err, errno, "cannot open the terminal")
		                  : ask_terminal(terminal, name, secret, err);
		if (terminal >= 0)
			close(terminal);
	} else {
		rc = read_input(secret, err);
	}
	if (rc == MST_OK && mst_secret_length(secret) == 0)
		rc = mst_err_set(err, MST_E_USAGE, "the value is empty; nothing was stored");
	if (rc == MST_OK) {
		*out = secret;
		return MST_OK;
	}
	mst_secret_free(secret);
	return rc;
}
