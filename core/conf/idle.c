/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the file format that are checked and change nothing: an operator who writes one is told so, not left to wait. */
#include <string.h>

#include "conf/loader.h"

static const struct {
	const char *key, *means_nothing, *why; /* a value that asks for nothing; NULL: every value asks for something */
} idle[] = {
        {"scan_interval", "0", "runs are started by hand: muster scan PROFILE, for example from cron"},
        {"import_frequency", "each run", "each run is imported while it goes on"},
        {"windows", NULL, "runs are started by hand, at any time"},
        {"blackouts", NULL, "runs are started by hand, on any day"},
        {"listen", NULL, "the service listens on its own unix socket alone"},
        {"operators", NULL, "the service's socket is open to root and to its own user alone"},
        {"viewers", NULL, "the service's socket is open to root and to its own user alone"},
        {"audit", "0", "no audit trail is kept"},
        {"webhook", NULL, "no notifications are sent"},
};

void mst_loader_idle(struct mst_loader *loader, const struct mst_outline *item, const char *context,
                     const struct mst_values *values)
{
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		if (strcmp(idle[i].key, item->key) != 0 || values->count == 0)
			continue;
		if (idle[i].means_nothing == NULL || strcmp(values->items[0], idle[i].means_nothing) != 0)
			mst_faults_add(&loader->settings->idle, loader->file, item->line,
			               "%s%s has no effect in this version of Muster: %s", context, item->key,
			               idle[i].why);
	}
}
