/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that fails on demand and keeps account. It stands in for malloc, calloc, realloc and free of the whole
 * program with all its libraries, plugins included.
 *
 * Allocations made by libbson, libuv and libConfuse never fail here: these end the process without memory, by their own
 * design (libConfuse's scanner is made by flex). Nor do those of json-c's parser, which crashes then. Blocks that libxml2 loses when
 * one of its allocations fails (xmlCreatePushParserCtxt does), and those of OpenSSL's list of errors, are not counted.
 */
#ifndef TESTS_FAULTS_ALLOC_H
#define TESTS_FAULTS_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on: the nth allocation fails (0: none), and what is allocated is kept account of. */
void fault_arm(unsigned long nth);
/* From now on the way to a failing allocation is written to standard error (addr2line -e tests/faults/faults). */
void fault_trace(void);
/* Ends it. Was the nth allocation reached? */
bool fault_disarm(void);
/* Allocations between the last arm and disarm that could have failed. */
unsigned long fault_count(void);
/* Blocks of that time that nobody has freed since; `where` receives the caller of one of them. */
size_t fault_leaks(void **where);
/* False under a sanitizer, which has an allocator of its own. */
bool fault_possible(void);

#endif
