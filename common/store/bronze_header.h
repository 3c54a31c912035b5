/*
 * Private to common/store: the JSON header in front of a chunk's frames.
 */
#ifndef SL_STORE_BRONZE_HEADER_H
#define SL_STORE_BRONZE_HEADER_H

#include "store/bronze.h"

#define SL_SKIP_MAGIC UINT32_C(0x184D2A50) /* RFC 8878 §3.1.2, first of sixteen */
#define SL_SKIP_HEAD 8			   /* magic, size: bytes before the JSON */

/* The chunk's file in the depot; returns owned. */
char *sl_bronze_name(const char *source, const char *id);

/* Bytes that the header of a chunk with this key needs at most, skippable frame's head included;
 * step: with what a step says of the next one. */
size_t sl_bronze_header_room(const struct sl_chunk *c, const char *settings, bool step);
/* Bytes of what the chunk says as a step. */
size_t sl_bronze_step_size(const struct sl_chunk *c);
/* The whole skippable frame, room bytes long (0: as long as needed). */
void sl_bronze_header_put(const struct sl_chunk *c, const char *settings, size_t room,
			  struct sl_buf *out);
/* JSON and checksum, without the frame's head; fills ret but for parts[].at, which count from 0.
 * *why says what is wrong when it returns false. */
bool sl_bronze_header_get(struct sl_str payload, struct sl_arena *arena, struct sl_chunk *ret,
			  const char **why);

/* Everything in arena. */
struct sl_chunk sl_chunk_copy(const struct sl_chunk *c, struct sl_arena *arena);

#endif
