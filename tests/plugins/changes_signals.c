/* SPDX-License-Identifier: Apache-2.0 */
/* Takes every signal away from its host, then never looks up. */
#include "hostile.h"

#include <signal.h>

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	static volatile unsigned count;
	sigset_t all;
	int status = good_run(instance, call, shard);
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	call->host->log(call, MUSTER_LOG_INFO, "spinning");
	while (status == MUSTER_OK)
		count++;
	return status;
}

HOSTILE("changes_signals", good_open, good_plan, bad_run);
