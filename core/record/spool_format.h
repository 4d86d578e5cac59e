/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a segment, shared by reader and writer only. See doc/architecture.md, "Spool". */
#ifndef MST_RECORD_SPOOL_FORMAT_H
#define MST_RECORD_SPOOL_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define SPOOL_MAGIC        "MSTSPOOL"
#define SPOOL_VERSION      1u
#define SPOOL_HEADER       16 /* magic, u32le version, u32le 0 */
#define SPOOL_FRAME_HEADER 9u /* u32le length, u32le checksum, u8 type */

static inline void spool_put_u32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t spool_get_u32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* Over type and payload. */
static inline uint32_t spool_checksum(uint8_t type, const void *data, size_t len)
{
	uLong crc = crc32(0, &type, 1);
	return (uint32_t)(len ? crc32(crc, data, (uInt)len) : crc);
}

#endif
