/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/apt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/child.h"
#include "cli/output.h"

#define LIMIT_MS      1800000
#define ASK_LIMIT_MS  120000
#define MAX_LOG       (1 << 20)
#define MAX_ARGUMENTS (MST_APT_PACKAGES + 16)
#define OPTIONS                                                                                                        \
	"-q", "-y", "-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"

static const char apt_get[] = "/usr/bin/apt-get", dpkg_query[] = "/usr/bin/dpkg-query";
static const char log_path[] = MST_SETUPDIR "/setup.log";

struct listener {
	const char *prefix;    /* lines with it name a package */
	struct mst_buf *found; /* NULL: none are wanted */
	char why[400];         /* apt-get's last line that begins with E: */
	int log;               /* -1: none */
	bool loud;
};

bool mst_apt_is_package(const char *name)
{
	return strlen(name) >= 2 && strlen(name) < 128 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == strlen(name) && name[0] != '-' &&
	       name[0] != '+' && name[0] != '.';
}

int mst_apt_here(const char *what, struct mst_err *err)
{
	if (access(apt_get, X_OK) == 0 && access(dpkg_query, X_OK) == 0)
		return MST_OK;
	return mst_err_set(err, MST_E_UNSUPPORTED, "there is no apt-get here: %s with your distribution's own means",
	                   what);
}

static void write_log(int fd, const char *text)
{
	char when[32];
	struct mst_buf line;

	if (fd < 0)
		return;
	mst_time_rfc3339(mst_time_now(), when, sizeof(when));
	mst_buf_init(&line, 65536);
	mst_buf_printf(&line, "%s ", when);
	mst_str_escape_terminal(&line, text);
	mst_buf_char(&line, '\n');
	(void)mst_file_write_all(fd, mst_buf_text(&line), line.len, log_path, NULL);
	mst_buf_free(&line);
}

/* "Inst nmap (7.93 ...)" is new, "Inst libc6 [2.36] (2.36+1 ...)" is not. */
static void find_package(struct listener *listener, const char *text)
{
	size_t prefix = strlen(listener->prefix), len;
	bool install = strcmp(listener->prefix, "Inst ") == 0;
	char name[128];

	if (!listener->found || strncmp(text, listener->prefix, prefix) != 0)
		return;
	len = strcspn(text + prefix, " :");
	if (len >= sizeof(name) || (install && text[prefix + strcspn(text + prefix, " ")] == ' ' &&
	                            text[prefix + strcspn(text + prefix, " ") + 1] == '['))
		return;
	memcpy(name, text + prefix, len);
	name[len] = '\0';
	if (mst_apt_is_package(name))
		mst_buf_printf(listener->found, "%s\n", name);
}

/* dpkg ends lines with CR LF and counts its database up in one line: what a terminal would have shown last. */
static void last_part(const char *text, char *out, size_t size)
{
	size_t end = strlen(text), start;

	while (end > 0 && text[end - 1] == '\r')
		end--;
	for (start = end; start > 0 && text[start - 1] != '\r';)
		start--;
	snprintf(out, size, "%.*s", (int)(end - start), text + start);
}

static void on_line(void *data, const char *line)
{
	struct listener *listener = data;
	char text[1024];

	last_part(line, text, sizeof(text));
	find_package(listener, text);
	if (strncmp(text, "E:", 2) == 0 && (!listener->why[0] || strncmp(text, "E: Sub-process", 14) != 0))
		snprintf(listener->why, sizeof(listener->why), "%s", text + 2 + (text[2] == ' '));
	write_log(listener->log, text);
	if (listener->loud) {
		fputs("  ", stderr);
		mst_out_text(stderr, text);
		fputc('\n', stderr);
	}
}

static int run(const char *verb, const char *const *packages, bool simulate, int64_t limit_ms,
               struct listener *listener, struct mst_err *err)
{
	static const char *const options[] = {OPTIONS};
	const char *argv[MAX_ARGUMENTS];
	size_t n = 0;
	int status = 0, rc;

	argv[n++] = apt_get;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		argv[n++] = options[i];
	if (simulate)
		argv[n++] = "-s";
	argv[n++] = verb;
	if (strcmp(verb, "install") == 0)
		argv[n++] = "--no-install-recommends";
	for (size_t i = 0; packages && packages[i] && n + 1 < MAX_ARGUMENTS; i++)
		argv[n++] = packages[i];
	argv[n] = NULL;
	rc = mst_child_run_all(argv, limit_ms, on_line, listener, &status, err);
	if (rc == MST_OK && status != 0)
		rc = mst_err_set(err, MST_E_FAILED, "apt-get %s failed (status %d): %s", verb, status,
		                 listener->why[0] ? listener->why : "its own lines above say why");
	return rc;
}

int mst_apt_preview(const char *verb, const char *const *packages, struct mst_buf *out, struct mst_err *err)
{
	struct listener listener = {.prefix = strcmp(verb, "remove") == 0 ? "Remv " : "Inst ", .found = out, .log = -1};

	return run(verb, packages, true, ASK_LIMIT_MS, &listener, err);
}

/* root's own; a new one when it has grown too long. -1: none can be had, which stops nothing. */
static int open_log(void)
{
	struct stat st;
	int fd;

	if (mst_file_mkdirs(MST_SETUPDIR, 0755, NULL) != MST_OK)
		return -1;
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > MAX_LOG && ftruncate(fd, 0) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Ctrl-C here would leave packages half installed: apt-get is always let finish. */
static void hold_signals(sigset_t *old)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, old);
}

int mst_apt_do(const char *verb, const char *const *packages, struct mst_err *err)
{
	struct listener listener = {.prefix = "", .log = open_log(), .loud = true};
	char title[512];
	sigset_t old;
	int rc;

	snprintf(title, sizeof(title), "apt-get %s%s%s%s", verb, packages ? " " : "", packages ? packages[0] : "",
	         packages && packages[0] && packages[1] ? " ..." : "");
	fprintf(stderr, "running %s (log: %s)\n", title, listener.log >= 0 ? log_path : "none");
	fflush(stdout);
	write_log(listener.log, title);
	hold_signals(&old);
	rc = run(verb, packages, false, LIMIT_MS, &listener, err);
	sigprocmask(SIG_SETMASK, &old, NULL);
	write_log(listener.log, rc == MST_OK ? "done" : err->text);
	if (listener.log >= 0)
		close(listener.log);
	if (rc == MST_E_TIMEOUT)
		return mst_err_set(
		        err, rc, "%s was stopped after %d minutes: type dpkg --configure -a, then try again (log: %s)",
		        title, LIMIT_MS / 60000, log_path);
	return rc;
}

static void on_state(void *data, const char *text)
{
	bool *has = data;

	*has = strncmp(text, "ii", 2) == 0;
}

bool mst_apt_has(const char *package)
{
	const char *const argv[] = {dpkg_query, "-W", "-f", "${db:Status-Abbrev}\n", package, NULL};
	bool has = false;
	int status = 0;

	return mst_child_run_all(argv, ASK_LIMIT_MS, on_state, &has, &status, NULL) == MST_OK && status == 0 && has;
}
