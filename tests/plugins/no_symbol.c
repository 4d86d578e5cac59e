/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin at all. */
int no_symbol(void);
__attribute__((visibility("default"))) int no_symbol(void)
{
	return 0;
}
