/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>

#include "base/str.h"
#include "daemon/daemon.h"

static const char usage[] =
        "Usage: musterd [--foreground] [--private] [OPTION...]\n"
        "Runs discovery, keeps the store, serves the API. muster starts one by itself for a private store.\n\n"
        "  --foreground      stay in the foreground\n"
        "  --private         serve this user's own store; ends after its last client and run\n"
        "  --store PATH      the store's file\n"
        "  --socket PATH     the unix socket to listen on\n"
        "  --config FILE     the configuration\n"
        "  --plugin-dir DIR  where plugins are\n"
        "  --ready-fd N      write one JSON line there when ready, or why not\n"
        "  --verbose         log more\n"
        "  --help, --version\n\n"
        "Exit status: 0 ended as asked, 1 failed, 2 usage or configuration, 5 another musterd has this store.\n"
        "See muster(1) and muster.conf(5).\n";

const char *mst_daemon_usage(void)
{
	return usage;
}

enum {
	OPT_FOREGROUND = 1,
	OPT_PRIVATE,
	OPT_STORE,
	OPT_SOCKET,
	OPT_CONFIG,
	OPT_PLUGIN_DIR,
	OPT_READY,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
        {"foreground", no_argument, NULL, OPT_FOREGROUND},
        {"private", no_argument, NULL, OPT_PRIVATE},
        {"store", required_argument, NULL, OPT_STORE},
        {"socket", required_argument, NULL, OPT_SOCKET},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
        {"ready-fd", required_argument, NULL, OPT_READY},
        {"verbose", no_argument, NULL, OPT_VERBOSE},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
};

static int take(struct mst_daemon_options *out, int option, const char *value, struct mst_err *err)
{
	uint64_t number;

	switch (option) {
	case OPT_FOREGROUND:
		out->foreground = true;
		break;
	case OPT_PRIVATE:
		out->is_private = true;
		break;
	case OPT_STORE:
		out->store = value;
		break;
	case OPT_SOCKET:
		out->socket = value;
		break;
	case OPT_CONFIG:
		out->config = value;
		break;
	case OPT_PLUGIN_DIR:
		out->plugin_dir = value;
		break;
	case OPT_VERBOSE:
		out->verbose = true;
		break;
	case OPT_HELP:
		out->help = true;
		break;
	case OPT_VERSION:
		out->version = true;
		break;
	case OPT_READY:
		if (!mst_str_uint(value, 1023, &number) || number < 3)
			return mst_err_set(err, MST_E_USAGE, "--ready-fd %s: a descriptor from 3 to 1023 is wanted",
			                   value);
		out->ready_fd = (int)number;
		break;
	default:
		return MST_E_USAGE;
	}
	return MST_OK;
}

int mst_daemon_options_parse(struct mst_daemon_options *out, int argc, char *argv[], struct mst_err *err)
{
	int option, at;

	*out = (struct mst_daemon_options){.ready_fd = -1};
	opterr = 0;
	while (at = optind, (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (option == ':')
			return mst_err_set(err, MST_E_USAGE, "%s needs a value: musterd --help", argv[at]);
		if (option == '?')
			return mst_err_set(err, MST_E_USAGE, "unknown option %s: musterd --help", argv[at]);
		if (take(out, option, optarg, err) != MST_OK)
			return MST_E_USAGE;
	}
	if (optind < argc)
		return mst_err_set(err, MST_E_USAGE, "musterd takes no \"%s\": musterd --help", argv[optind]);
	return MST_OK;
}
