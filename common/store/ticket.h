/*
 * A ticket: one part on its way from collect to normalize, as it stands in a queue. It names the
 * part, and may carry all that normalize needs of it: its packed bytes as they stand in bronze, the
 * header record, its place. The hash covers everything, and HOME's key (store/home.h), so that what
 * a server lost, cut or mixed up is noticed, and what another HOME pushed, whose chunks may bear the
 * same names; the worst that follows is that the part is read from bronze.
 *
 * Body: "SLT1 source entry rev place chunk-place chunk part offset bytes last input header frames
 * hash\n" (numbers decimal; the three before the hash are lengths, "-" for none), then input, header
 * and frames.
 */
#ifndef SL_STORE_TICKET_H
#define SL_STORE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/str.h"

#define SL_TICKET_INPUT ((size_t)4096)	      /* most bytes of an input's name that is carried */
#define SL_TICKET_HEADER ((size_t)64 << 10)   /* of a header record */
#define SL_TICKET_FRAMES ((size_t)1100 << 10) /* of frames: a part that zstd cannot pack */

struct sl_ticket {
	struct sl_str source;
	uint64_t entry;
	struct sl_str rev;    /* of who pushed it */
	uint64_t place;	      /* of the input in its entry */
	uint64_t chunk_place; /* of the chunk in its input */
	struct sl_str chunk;
	uint32_t part;
	/* carried when frames.p is not NULL: as in struct sl_part and struct sl_chunk */
	uint64_t offset, bytes;
	bool last;
	struct sl_str input, header, frames;
};

/* Adds the body. key: HOME's. source, rev and chunk hold no blank; what is carried is within the
 * limits above. */
void sl_ticket_put(const struct sl_ticket *t, const char *key, struct sl_buf *out);

/* False when the body is no ticket, damaged, or of another key. The views point into it. */
SL_NODISCARD bool sl_ticket_get(struct sl_str body, const char *key, struct sl_ticket *ret);

#endif
