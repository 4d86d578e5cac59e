/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "plugin/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/time.h"

/* All of it is read and written by handlers, which run with every other handled signal blocked. */
static volatile sig_atomic_t children[MST_CONTROL_CHILDREN];
static volatile sig_atomic_t state;
static volatile sig_atomic_t control_fd = -1, line_fd = -1;
static volatile sig_atomic_t writing;
static volatile sig_atomic_t matched; /* bytes of "cancel\n" seen so far */
static int64_t deadline;              /* monotonic; 0: none; set once, before the handlers */
static bool grace;                    /* the timer now runs for the kill */
static timer_t timer;

static const int handled[] = {SIGTERM, SIGIO, SIGALRM, SIGCHLD};
#define HANDLED (sizeof handled / sizeof handled[0])

static const char last_line[] =
        "{\"type\":\"log\",\"level\":\"error\",\"text\":\"the plugin did not stop within 2 seconds of being "
        "asked to; its process was ended\"}\n";

static void handled_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < HANDLED; i++)
		sigaddset(set, handled[i]);
}

void mst_control_hold(sigset_t *old)
{
	sigset_t set;
	handled_set(&set);
	sigprocmask(SIG_BLOCK, &set, old);
}

void mst_control_release(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}

static void kill_all(void)
{
	for (size_t i = 0; i < MST_CONTROL_CHILDREN; i++)
		if (children[i] > 0)
			kill((pid_t)children[i], SIGKILL);
}

/* Grandchildren that left no trace here are in the process group: when it is ours, it goes with us. */
__attribute__((noreturn)) static void end_process(int status)
{
	kill_all();
	if (getpgrp() == getpid())
		kill(0, SIGKILL);
	_exit(status);
}

static void arm(int64_t ms)
{
	struct itimerspec when = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}};
	if (ms <= 0)
		when.it_value.tv_nsec = 1;
	timer_settime(timer, 0, &when, NULL);
}

static void stop(enum mst_control_state why)
{
	if (state != MST_CONTROL_RUN)
		return;
	state = why;
	grace = true;
	arm(MST_CANCEL_GRACE_MS);
}

static void read_control(void)
{
	static const char word[] = "cancel\n";
	char bytes[64];
	ssize_t n;
	while (control_fd >= 0 && (n = read(control_fd, bytes, sizeof bytes)) >= 0) {
		if (n == 0)
			end_process(MST_CONTROL_ORPHAN);
		for (ssize_t i = 0; i < n; i++) {
			matched = bytes[i] == word[matched] ? matched + 1 : bytes[i] == word[0];
			if (word[matched] != '\0')
				continue;
			matched = 0;
			stop(MST_CONTROL_CANCELLED);
		}
	}
}

static void on_alarm(void)
{
	if (!grace) {
		stop(MST_CONTROL_DEADLINE);
		return;
	}
	if (line_fd >= 0 && !writing) {
		ssize_t n = write(line_fd, last_line, sizeof last_line - 1);
		(void)n; /* nobody is left who could be told */
	}
	end_process(MST_CONTROL_KILLED);
}

static void on_signal(int number)
{
	int saved = errno;
	if (number == SIGTERM)
		stop(MST_CONTROL_CANCELLED);
	else if (number == SIGIO)
		read_control();
	else if (number == SIGALRM)
		on_alarm();
	errno = saved;
}

static int watch_control(int fd, struct mst_err *err)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK | O_ASYNC) != 0 ||
	    !(fcntl(fd, F_GETFL) & O_ASYNC))
		return mst_err_set(err, MST_E_USAGE,
		                   "descriptor %d is not a pipe or socket whose end can be noticed; muster-worker "
		                   "is started by musterd, not by hand",
		                   fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	control_fd = fd;
	return MST_OK;
}

int mst_control_start(int fd, int lines, int64_t deadline_ms, struct mst_err *err)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	sigset_t old, none;
	handled_set(&action.sa_mask);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (timer_create(CLOCK_BOOTTIME, &event, &timer) != 0)
		return mst_err_errno(err, errno, "making the deadline's timer");
	mst_control_hold(&old);
	for (size_t i = 0; i < HANDLED; i++)
		sigaction(handled[i], &action, NULL);
	line_fd = lines;
	if (deadline_ms > 0) {
		deadline = mst_time_monotonic() + deadline_ms;
		arm(deadline_ms);
	}
	int status = fd >= 0 ? watch_control(fd, err) : MST_OK;
	if (status == MST_OK)
		read_control(); /* what came before the signal was set up */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return status;
}

enum mst_control_state mst_control_state(void)
{
	return (enum mst_control_state)state;
}

int64_t mst_control_remaining(void)
{
	return deadline == 0 ? INT64_MAX : deadline - mst_time_monotonic();
}

int mst_control_child_add(pid_t pid)
{
	for (size_t i = 0; i < MST_CONTROL_CHILDREN; i++) {
		if (children[i] != 0)
			continue;
		children[i] = pid;
		return MST_OK;
	}
	return MST_E_LIMIT;
}

void mst_control_child_remove(pid_t pid)
{
	for (size_t i = 0; i < MST_CONTROL_CHILDREN; i++)
		if (children[i] == pid)
			children[i] = 0;
}

void mst_control_reset_child(void)
{
	sigset_t none;
	for (size_t i = 0; i < HANDLED; i++)
		signal(handled[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void mst_control_writing(bool on)
{
	writing = on;
}
