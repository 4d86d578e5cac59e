/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay_wire A B MS [RATE QUEUE]: a wire between two network namespaces that holds every frame for MS milliseconds each way,
 * for kernels without tc netem. A and B are files in /var/run/netns; each gets a tap device "wire0". With RATE it carries so many
 * frames a second each way, keeps QUEUE more waiting and loses the rest, as a narrow link does. Says "ready", runs until its
 * standard input ends, then prints what it carried, the most that it held at once, and what it lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME  1600u
#define FRAMES 65536u /* held in one direction at most; 10 ms at 6 million a second */

struct frame {
	int64_t due;
	uint16_t len;
	unsigned char data[FRAME];
};

struct direction {
	int from, to;
	struct frame *ring;
	int64_t gap, free_at; /* time that one frame takes the link; when it is done with those before */
	uint64_t in, out, most, lost;
};

static int64_t now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "delay_wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A device stays in the namespace in which it was made; its descriptor works from everywhere. */
static int tap_in(const char *namespace)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int netns = open(namespace, O_RDONLY | O_CLOEXEC), fd;

	if (netns < 0 || setns(netns, CLONE_NEWNET) != 0)
		die(namespace);
	close(netns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	memcpy(request.ifr_name, "wire0", 6);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
		die("/dev/net/tun");
	return fd;
}

static void take(struct direction *way, int64_t delay, int64_t queue)
{
	/* One place always stays free to read into: a frame that finds no room is read and forgotten. */
	for (;;) {
		struct frame *frame = &way->ring[way->in % FRAMES];
		ssize_t len = read(way->from, frame->data, FRAME);
		int64_t at = now();

		if (len <= 0)
			return;
		if (way->in - way->out >= FRAMES - 1 || (way->gap > 0 && way->free_at - at > queue * way->gap)) {
			way->lost++;
			continue;
		}
		way->free_at = (way->free_at > at ? way->free_at : at) + way->gap;
		frame->len = (uint16_t)len;
		frame->due = way->free_at + delay;
		way->in++;
		if (way->in - way->out > way->most)
			way->most = way->in - way->out;
	}
}

static void give(struct direction *way, int64_t at)
{
	while (way->out < way->in) {
		const struct frame *frame = &way->ring[way->out % FRAMES];

		if (frame->due > at)
			return;
		if (write(way->to, frame->data, frame->len) != frame->len)
			way->lost++;
		way->out++;
	}
}

static int64_t next_due(const struct direction *way)
{
	return way->out < way->in ? way->ring[way->out % FRAMES].due : INT64_MAX;
}

static void carry(struct direction ways[2], int64_t delay, int64_t queue)
{
	struct pollfd fds[3] = {{.fd = ways[0].from, .events = POLLIN},
	                        {.fd = ways[1].from, .events = POLLIN},
	                        {.fd = STDIN_FILENO, .events = POLLIN}};
	for (;;) {
		int64_t due = next_due(&ways[0]) < next_due(&ways[1]) ? next_due(&ways[0]) : next_due(&ways[1]);
		int64_t left = due == INT64_MAX ? 1000000000 : due - now();
		struct timespec wait = {.tv_sec = left > 0 ? left / 1000000000 : 0,
		                        .tv_nsec = left > 0 ? left % 1000000000 : 0};

		if (ppoll(fds, 3, &wait, NULL) > 0 && fds[2].revents)
			return;
		for (int i = 0; i < 2; i++) {
			take(&ways[i], delay, queue);
			give(&ways[i], now());
		}
	}
}

int main(int argc, char **argv)
{
	struct direction ways[2] = {0};
	int64_t delay, rate;

	if (argc != 4 && argc != 6) {
		fprintf(stderr, "usage: delay_wire NETNS-FILE NETNS-FILE MILLISECONDS [FRAMES-PER-SECOND QUEUE]\n");
		return 2;
	}
	delay = strtol(argv[3], NULL, 10) * 1000000;
	rate = argc == 6 ? strtol(argv[4], NULL, 10) : 0;
	for (int i = 0; rate > 0 && i < 2; i++)
		ways[i].gap = 1000000000 / rate;
	/* The usual slack of 50 us would be added to every frame. */
	prctl(PR_SET_TIMERSLACK, 1000UL);
	ways[0].from = ways[1].to = tap_in(argv[1]);
	ways[1].from = ways[0].to = tap_in(argv[2]);
	for (int i = 0; i < 2; i++)
		if (!(ways[i].ring = calloc(FRAMES, sizeof(struct frame))))
			die("memory");
	puts("ready");
	fflush(stdout);
	carry(ways, delay, argc == 6 ? strtol(argv[5], NULL, 10) : 0);
	printf("carried %lu and %lu, held at most %lu and %lu, lost %lu and %lu\n", (unsigned long)ways[0].in,
	       (unsigned long)ways[1].in, (unsigned long)ways[0].most, (unsigned long)ways[1].most,
	       (unsigned long)ways[0].lost, (unsigned long)ways[1].lost);
	return 0;
}
