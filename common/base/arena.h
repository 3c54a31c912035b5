/*
 * struct sl_arena: memory that is given out piece by piece and taken back all at once. A batch owns
 * one; reset keeps the largest blocks, so that a steady flow of batches allocates nothing.
 */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/str.h"

struct sl_arena_block;

struct sl_arena {
	struct sl_arena_block *head;  /* block in use */
	struct sl_arena_block *spare; /* kept by reset */
	size_t used;		      /* bytes given out since the last reset */
};

#define SL_ARENA_INIT {NULL, NULL, 0}

void *sl_arena_alloc(struct sl_arena *a, size_t size); /* 16-byte aligned, not zeroed, never NULL */
void *sl_arena_zalloc(struct sl_arena *a, size_t n, size_t size); /* zeroed, product checked */
char *sl_arena_strdup(struct sl_arena *a, const char *z);
struct sl_str sl_arena_str(struct sl_arena *a, struct sl_str s); /* copy, NUL behind it */
char *sl_arena_printf(struct sl_arena *a, const char *fmt, ...) SL_PRINTF(2, 3);

void sl_arena_reset(struct sl_arena *a);
void sl_arena_release(struct sl_arena *a);

#endif
