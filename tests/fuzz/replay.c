/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: runs a target over files, whole and cut at up to 64 places. Directories are not descended. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_INPUT (4u << 20)
#define CUTS           64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of exactly the size, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(SIZE_MAX_INPUT);
	if (!file || !data) {
		perror(path);
		return 1;
	}
	size_t size = fread(data, 1, SIZE_MAX_INPUT, file);
	fclose(file);
	run(data, size);
	size_t step = size / CUTS + 1;
	for (size_t cut = 0; cut < size; cut += step)
		run(data, cut);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) != 0)
			return 1;
	printf("%d inputs\n", argc - 1);
	return 0;
}
