/*
 * Memory given out piece by piece. Blocks double up to BLOCK_MAX; a piece larger than the next
 * block gets a block of its own behind the head, so that the head's rest is not wasted.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define ALIGN 16
#define BLOCK_MIN (64 << 10)
#define BLOCK_MAX (4 << 20)
#define KEEP_MAX (32 << 20) /* bytes that reset keeps: the bound of an idle batch */

struct sl_arena_block {
	struct sl_arena_block *next;
	size_t size; /* bytes behind this head */
	size_t used;
	size_t unused_pad;
};

_Static_assert(sizeof(struct sl_arena_block) % ALIGN == 0, "the first piece is aligned");

static void *take(struct sl_arena_block *block, size_t size)
{
	char *p = (char *)(block + 1) + block->used;

	block->used += size;
	return p;
}

/* The first spare block that is large enough, out of the list; or NULL. */
static struct sl_arena_block *find_spare(struct sl_arena *a, size_t size)
{
	for (struct sl_arena_block **at = &a->spare; *at; at = &(*at)->next) {
		struct sl_arena_block *block = *at;

		if (block->size >= size) {
			*at = block->next;
			return block;
		}
	}
	return NULL;
}

static struct sl_arena_block *new_block(const struct sl_arena *a, size_t size)
{
	size_t bytes = a->head ? a->head->size * 2 : BLOCK_MIN;
	struct sl_arena_block *block;

	if (bytes > BLOCK_MAX)
		bytes = BLOCK_MAX;
	if (bytes < size)
		bytes = size;
	block = sl_xmalloc(sizeof(*block) + bytes);
	block->size = bytes;
	return block;
}

void *sl_arena_alloc(struct sl_arena *a, size_t size)
{
	struct sl_arena_block *block = a->head;

	if (size > SIZE_MAX / 2)
		SL_BUG("arena piece of %zu bytes", size);
	size = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
	a->used += size;
	if (block && block->size - block->used >= size)
		return take(block, size);
	block = find_spare(a, size);
	if (!block)
		block = new_block(a, size);
	block->used = 0;
	if (a->head && block->size - size < a->head->size - a->head->used) {
		block->next = a->head->next;
		a->head->next = block;
	} else {
		block->next = a->head;
		a->head = block;
	}
	return take(block, size);
}

void *sl_arena_zalloc(struct sl_arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		SL_BUG("arena piece of %zu × %zu bytes overflows", n, size);
	p = sl_arena_alloc(a, bytes);
	memset(p, 0, bytes);
	return p;
}

char *sl_arena_strdup(struct sl_arena *a, const char *z)
{
	size_t n = strlen(z) + 1;

	return memcpy(sl_arena_alloc(a, n), z, n);
}

struct sl_str sl_arena_str(struct sl_arena *a, struct sl_str s)
{
	char *p;

	if (!s.p)
		return s;
	p = sl_arena_alloc(a, s.n + 1);
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct sl_str){p, s.n};
}

char *sl_arena_printf(struct sl_arena *a, const char *fmt, ...)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	sl_buf_vaddf(&text, fmt, ap);
	va_end(ap);
	return memcpy(sl_arena_alloc(a, text.n + 1), text.p, text.n + 1);
}

static void free_blocks(struct sl_arena_block *block)
{
	while (block) {
		struct sl_arena_block *next = block->next;

		free(block);
		block = next;
	}
}

/* Puts a block into the spare list, largest first. */
static void keep(struct sl_arena *a, struct sl_arena_block *block)
{
	struct sl_arena_block **at = &a->spare;

	while (*at && (*at)->size > block->size)
		at = &(*at)->next;
	block->next = *at;
	*at = block;
}

void sl_arena_reset(struct sl_arena *a)
{
	struct sl_arena_block **at;
	size_t kept = 0;

	while (a->head) {
		struct sl_arena_block *block = a->head;

		a->head = block->next;
		keep(a, block);
	}
	for (at = &a->spare; *at && kept + (*at)->size <= KEEP_MAX; at = &(*at)->next)
		kept += (*at)->size;
	free_blocks(*at);
	*at = NULL;
	a->used = 0;
}

void sl_arena_release(struct sl_arena *a)
{
	free_blocks(a->head);
	free_blocks(a->spare);
	*a = (struct sl_arena)SL_ARENA_INIT;
}
