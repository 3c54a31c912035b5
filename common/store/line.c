/*
 * Lines of an input: see line.h. A header record lies beside the parts; where the parts leave no
 * more room in front of them than it fills, its lines are those that lie there.
 */
#include "store/line.h"

#include "base/mem.h"
#include "store/bronze.h"

struct sl_lines {
	const struct sl_home *home;
	const char *source;
	const struct sl_log_input *input;
	struct sl_bronze_reader *chunk; /* at hand, or NULL */
	size_t at_chunk, at_part;
	bool file_begins; /* with the part at hand: the header may lie in front of it */
	bool unknown;
	uint64_t line; /* of the part's first byte, from 1 */
	uint64_t end;  /* of the part before, in the input */
	bool have;     /* bytes are those of the part at hand */
	struct sl_buf bytes;
};

struct sl_lines *sl_lines_open(const struct sl_home *home, const char *source,
			       const struct sl_log_input *input)
{
	struct sl_lines *l = sl_xcalloc(1, sizeof(*l));

	*l = (struct sl_lines){.home = home,
			       .source = source,
			       .input = input,
			       .file_begins = true,
			       .line = 1,
			       .bytes = SL_BUF_INIT};
	return l;
}

void sl_lines_close(struct sl_lines *l)
{
	if (!l)
		return;
	sl_bronze_close(l->chunk);
	sl_buf_release(&l->bytes);
	free(l);
}

static uint64_t count_lines(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

static void start_over(struct sl_lines *l)
{
	sl_bronze_close(l->chunk);
	l->chunk = NULL;
	l->at_chunk = l->at_part = 0;
	l->file_begins = true;
	l->unknown = l->have = false;
	l->line = 1;
	l->end = 0;
}

/* Opens the chunk at hand; *ret_part = NULL behind the last part. */
static bool part_at_hand(struct sl_lines *l, const struct sl_part **ret_part, struct sl_err *err)
{
	*ret_part = NULL;
	while (l->at_chunk < l->input->n_chunks) {
		if (!l->chunk && !sl_bronze_open(l->home, l->source,
						 l->input->chunks[l->at_chunk].id, &l->chunk, err))
			return false;
		const struct sl_chunk *c = sl_bronze_chunk(l->chunk);
		if (l->at_part < c->n_parts) {
			*ret_part = &c->parts[l->at_part];
			return true;
		}
		sl_bronze_close(l->chunk);
		l->chunk = NULL;
		l->at_chunk++;
		l->at_part = 0;
	}
	return true;
}

/* What lies between the part before and this one. */
static void pass_gap(struct sl_lines *l, const struct sl_part *part)
{
	const struct sl_str header = sl_bronze_chunk(l->chunk)->header;
	const uint64_t gap = part->offset - l->end;

	if (l->file_begins && gap == header.n)
		l->line += count_lines(header.p, header.n);
	else if (gap)
		l->unknown = true;
	l->file_begins = false;
	l->end = part->offset;
}

static bool read_part(struct sl_lines *l, const struct sl_part *part, struct sl_err *err)
{
	if (l->have)
		return true;
	pass_gap(l, part);
	l->have = true;
	return part->oversize || sl_bronze_read(l->chunk, l->at_part, &l->bytes, err);
}

static void pass_part(struct sl_lines *l, const struct sl_part *part)
{
	if (part->oversize)
		l->unknown = true;
	else
		l->line += count_lines(l->bytes.p, part->bytes);
	l->end = part->offset + part->bytes;
	l->file_begins = part->last;
	l->have = false;
	l->at_part++;
}

bool sl_lines_at(struct sl_lines *l, uint64_t offset, uint64_t *ret, struct sl_err *err)
{
	const struct sl_part *part;

	*ret = 0;
	if (offset < l->end)
		start_over(l);
	for (;;) {
		if (!part_at_hand(l, &part, err) || (part && !read_part(l, part, err)))
			return false;
		if (!part)
			return true;
		if (offset < part->offset + part->bytes)
			break;
		pass_part(l, part);
	}
	if (!l->unknown && offset >= part->offset)
		*ret = l->line +
		       (part->oversize ? 0
				       : count_lines(l->bytes.p, (size_t)(offset - part->offset)));
	return true;
}
