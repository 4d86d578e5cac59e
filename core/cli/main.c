/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "base/log.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
	setlocale(LC_TIME, "");
	mst_log_setup("muster", MST_LOG_WARNING);
	return mst_cli_main(argc, argv);
}
