/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

static const struct mst_route routes[] = {
        {"GET", "/v1/status", mst_api_status, 0},
        {"POST", "/v1/reload", mst_api_reload, MST_ROUTE_WRITES},
        {"GET", "/v1/columns", mst_api_columns, 0},
        {"GET", "/v1/store", mst_api_store, 0},
        {"GET", "/v1/coverage", mst_api_coverage, 0},
        {"POST", "/v1/store/backup", mst_api_backup, MST_ROUTE_WRITES},
        {"POST", "/v1/store/verify", mst_api_verify, MST_ROUTE_WRITES},
        {"GET", "/v1/store/tasks/*", mst_api_task, 0},
        {"DELETE", "/v1/store/tasks/*", mst_api_task_drop, MST_ROUTE_WRITES},
        {"GET", "/v1/store/tasks/*/content", mst_api_task_content, MST_ROUTE_WRITES},
        {"GET", "/v1/interfaces", mst_api_interfaces, 0},
        {"POST", "/v1/interfaces/label", mst_api_label, MST_ROUTE_WRITES},
        {"POST", "/v1/interfaces/ignore", mst_api_ignore, MST_ROUTE_WRITES},
        {"GET", "/v1/interfaces/*", mst_api_interface, 0},
        {"GET", "/v1/interfaces/*/history", mst_api_history, 0},
        {"POST", "/v1/interfaces/*/unmerge", mst_api_unmerge, MST_ROUTE_WRITES},
        {"GET", "/v1/runs", mst_api_runs, 0},
        {"POST", "/v1/runs", mst_api_run_start, MST_ROUTE_WRITES},
        {"GET", "/v1/runs/*", mst_api_run, 0},
        {"POST", "/v1/runs/*/cancel", mst_api_run_cancel, MST_ROUTE_WRITES},
        {"POST", "/v1/runs/*/retry", mst_api_run_retry, MST_ROUTE_WRITES},
        {"POST", "/v1/imports/*", mst_api_import, MST_ROUTE_WRITES | MST_ROUTE_UPLOADS},
        {"GET", "/v1/profiles", mst_api_profiles, 0},
        {"GET", "/v1/profiles/*", mst_api_profile, 0},
        {"POST", "/v1/profiles/*/test", mst_api_profile_test, MST_ROUTE_WRITES},
        {"GET", "/v1/zones", mst_api_zones, 0},
        {"GET", "/v1/zones/*", mst_api_zone, 0},
        {"GET", "/v1/labels", mst_api_labels, 0},
        {"PUT", "/v1/labels/*", mst_api_label_put, MST_ROUTE_WRITES},
        {"DELETE", "/v1/labels/*", mst_api_label_delete, MST_ROUTE_WRITES},
        {"POST", "/v1/labels/*/test", mst_api_label_test, 0},
        {"GET", "/v1/secrets", mst_api_secrets, 0},
        {"PUT", "/v1/secrets/*", mst_api_secret_put, MST_ROUTE_WRITES | MST_ROUTE_OWNER | MST_ROUTE_SECRET},
        {"DELETE", "/v1/secrets/*", mst_api_secret_delete, MST_ROUTE_WRITES | MST_ROUTE_OWNER},
        {"GET", "/v1/locations", mst_api_locations, 0},
        {"PUT", "/v1/locations", mst_api_locations_put, MST_ROUTE_WRITES | MST_ROUTE_LARGE},
};

const struct mst_route *mst_routes(size_t *count)
{
	*count = sizeof(routes) / sizeof(routes[0]);
	return routes;
}
