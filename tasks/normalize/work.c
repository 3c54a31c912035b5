/*
 * What one execution of normalize has to do: see work.h.
 */
#include "tasks/normalize/work.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/share.h"

#define LIST_BYTES_MAX ((size_t)64 << 20)

bool sl_work_of_run(struct sl_run *run, struct sl_work *ret, struct sl_err *err)
{
	struct sl_share share;

	*ret = (struct sl_work){NULL, 0, 0};
	if (!sl_share_read(run->p, &run->home, run->run_id, run->source, run->part_n, &run->arena,
			   &share, err))
		return false;
	ret->entries = share.entries;
	ret->v = sl_arena_zalloc(&run->arena, share.n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < share.n; i++) {
		const struct sl_shared *s = &share.v[i];

		if (s->owner == run->part_k - 1 && s->wanted)
			ret->v[ret->n++] =
				(struct sl_work_item){s->source, s->chunk->id, 0, s->chunk->parts};
	}
	return true;
}

static bool is_chunk_id(struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return s.n == SL_HASH_HEX - 1;
}

static bool read_item(struct sl_run *run, struct sl_str text, struct sl_work_item *ret,
		      struct sl_err *err)
{
	struct sl_str rest = text, source, chunk;
	uint64_t part;

	if (!sl_str_next(&rest, ':', &source) || !sl_str_next(&rest, ':', &chunk) ||
	    !is_chunk_id(chunk) || !sl_num_u64(rest, UINT32_MAX, &part))
		return sl_err_set(err, SL_ERR_USAGE,
				  "\"" SL_STR_FMT "\" in --parts is not SOURCE:CHUNK:PART",
				  SL_STR_ARG(sl_str_sub(text, 0, 200)));
	ret->source = sl_pipeline_source(run->p, sl_arena_str(&run->arena, source).p);
	if (!ret->source)
		return sl_err_set(err, SL_ERR_USAGE,
				  "pipeline \"%s\" has no source \"" SL_STR_FMT "\"", run->p->name,
				  SL_STR_ARG(source));
	ret->chunk = sl_arena_str(&run->arena, chunk).p;
	ret->first = (uint32_t)part;
	ret->n = 1;
	return true;
}

static size_t count_items(struct sl_str list)
{
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ',' || list.p[i] == '\n';
	return n;
}

bool sl_work_of_list(struct sl_run *run, const char *text, struct sl_work *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	struct sl_str list = sl_str_of(text), line, item;

	*ret = (struct sl_work){NULL, 0, 0};
	if (text[0] == '@') {
		if (!sl_file_read(text + 1, LIST_BYTES_MAX, &file, err))
			return false;
		list = sl_buf_str(&file);
	}
	ret->v = sl_arena_zalloc(&run->arena, count_items(list), sizeof(*ret->v));
	while (sl_str_next(&list, '\n', &line)) {
		while (sl_str_next(&line, ',', &item)) {
			item = sl_str_trim(item);
			if (item.n && !read_item(run, item, &ret->v[ret->n++], err))
				return false;
		}
	}
	return true;
}
