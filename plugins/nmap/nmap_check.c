/* SPDX-License-Identifier: Apache-2.0 */
/* "Test connection": is Nmap there, may it send raw packets, can it do what the profile asks for. */
#include "nmap.h"

#include <stdio.h>
#include <string.h>

static int say(const struct muster_call *call, int status, const char *part, const char *text)
{
	struct muster_verdict verdict = {.size = sizeof(verdict), .status = status, .part = part, .text = text};
	int told = call->host->verdict(call, &verdict);
	return told != MUSTER_OK ? told : status;
}

/* Runs nmap with two arguments and keeps the beginning of its output. */
static int ask_nmap(const struct muster_call *call, const char *first, const char *second, char *out, size_t size,
                    int *exit_status, const char **errors)
{
	const char *const argv[] = {"nmap", first, second, NULL};
	struct muster_spawn spawn = {.size = sizeof(spawn), .program = "nmap", .argv = argv, .deadline_ms = 20000};
	struct muster_child *child = NULL;
	size_t used = 0;
	char skip[1024] = "";
	int status = call->host->child_spawn(call, &spawn, &child);
	out[0] = '\0';
	if (status != MUSTER_OK)
		return status;
	for (;;) {
		int keep = used + 1 < size;
		int64_t len = call->host->child_read(call, child, keep ? out + used : skip,
		                                     keep ? size - 1 - used : sizeof(skip));
		if (len <= 0) {
			status = (int)len;
			break;
		}
		if (keep)
			used += (size_t)len;
	}
	out[used] = '\0';
	(void)call->host->child_wait(call, child, exit_status, errors);
	return status;
}

static int check_version(const struct muster_call *call)
{
	char output[600], text[700];
	int exit_status = 0;
	const char *errors = NULL;
	int status = ask_nmap(call, "--version", NULL, output, sizeof(output), &exit_status, &errors);
	if (status == MUSTER_E_CANCELLED || status == MUSTER_E_TIMEOUT)
		return status;
	if (status != MUSTER_OK)
		return say(call, status, "nmap",
		           "not found in /usr/local/bin, /usr/bin, /usr/local/sbin or /usr/sbin: sudo apt install nmap "
		           "(or: sudo muster plugins setup nmap)");
	const char *version = strstr(output, "Nmap version ");
	if (exit_status != 0 || !version)
		return say(call, MUSTER_E_FAILED, "nmap",
		           "it is there but does not tell its version: reinstall the package nmap");
	version += strlen("Nmap version ");
	int len = (int)strcspn(version, " \n(");
	(void)snprintf(text, sizeof(text), "version %.*s", len > 40 ? 40 : len, version);
	return say(call, MUSTER_OK, "nmap", text);
}

static int check_rights(const struct muster_call *call, const struct nmap_options *options)
{
	if (options->connect_scan)
		return say(call, MUSTER_OK, "raw sockets",
		           "not used: connect_scan is on, so no OS, no MAC, no UDP, and fewer hosts");
	if (call->host->has_net_raw(call))
		return say(call, MUSTER_OK, "raw sockets", "yes: Nmap gets CAP_NET_RAW and nothing else");
	char text[1200];
	(void)snprintf(text, sizeof(text), "no: %s", nmap_raw_cure);
	return say(call, MUSTER_E_REFUSED, "raw sockets", text);
}

/* Nmap's own list of interfaces: is the one that the profile or zone names among them? */
static int check_interface(const struct muster_call *call, const struct nmap_options *options)
{
	char output[16384], word[64], text[200];
	int exit_status = 0;
	const char *errors = NULL;
	if (!options->interface_name)
		return MUSTER_OK;
	int status = ask_nmap(call, "--iflist", NULL, output, sizeof(output), &exit_status, &errors);
	if (status != MUSTER_OK)
		return status == MUSTER_E_CANCELLED ? status
		                                    : say(call, status, "interface", "Nmap cannot list the interfaces");
	(void)snprintf(word, sizeof(word), "\n%s ", options->interface_name);
	if (strstr(output, word)) {
		(void)snprintf(text, sizeof(text), "%s is there", options->interface_name);
		return say(call, MUSTER_OK, "interface", text);
	}
	(void)snprintf(text, sizeof(text), "%s is no interface of this machine (see: ip -br link)",
	               options->interface_name);
	return say(call, MUSTER_E_NOT_FOUND, "interface", text);
}

static int check_targets(const struct muster_call *call, const struct nmap_options *options)
{
	char text[160];
	if (!options->include)
		return MUSTER_OK;
	(void)snprintf(text, sizeof(text), "%.100s%s", options->include, strlen(options->include) > 100 ? "..." : "");
	return say(call, MUSTER_OK, "targets", text);
}

int nmap_check(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct nmap_options options;
	int worst = nmap_options_read(call, &options);
	if (worst == MUSTER_OK) {
		int status = check_version(call);
		worst = status;
		int parts = status == MUSTER_OK || status == MUSTER_E_FAILED;
		status = check_rights(call, &options);
		worst = worst == MUSTER_OK ? status : worst;
		status = parts ? check_interface(call, &options) : MUSTER_OK;
		worst = worst == MUSTER_OK ? status : worst;
		status = check_targets(call, &options);
		worst = worst == MUSTER_OK ? status : worst;
	}
	nmap_options_free(&options);
	return worst;
}
