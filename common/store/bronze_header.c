/*
 * A chunk's header: who it belongs to and an index of its parts. Payload of a skippable frame:
 * JSON, blanks up to the room left for it, a line end, 16 hex digits of XXH3 over all before them.
 */
#include "store/bronze_header.h"

#include <jansson.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/num.h"

#define SUM_DIGITS 16
#define PART_TEXT 40 /* room on average: "[16384,1048576,1048576,2,1048576]," are 34 bytes */

enum { PART_OVERSIZE = 1, PART_LAST = 2 };

char *sl_bronze_name(const char *source, const char *id)
{
	return sl_xasprintf("bronze/%s/%.2s/%s.zst", source, id, id);
}

/* JSON holds UTF-8 without NUL only; a header row in another encoding is kept as hex digits. */
static void put_header_row(struct sl_buf *out, struct sl_str row)
{
	if (!row.p)
		return;
	if (sl_utf8_valid(row, NULL) && !memchr(row.p, 0, row.n)) {
		sl_buf_adds(out, "\"header\":");
		sl_buf_add_json(out, row);
	} else {
		sl_buf_adds(out, "\"header_hex\":\"");
		for (size_t i = 0; i < row.n; i++)
			sl_buf_addf(out, "%02x", (unsigned char)row.p[i]);
		sl_buf_addc(out, '"');
	}
	sl_buf_addc(out, ',');
}

/* [records, bytes, frames' bytes, flags, gap before it in the input]; zeros at the end left out. */
static void put_part(struct sl_buf *out, const struct sl_part *p, uint64_t gap)
{
	int flags = (p->oversize ? PART_OVERSIZE : 0) | (p->last ? PART_LAST : 0);

	sl_buf_addf(out, "[%" PRIu32 ",%" PRIu64 ",%" PRIu64, p->records, p->bytes, p->frames);
	if (flags || gap)
		sl_buf_addf(out, ",%d", flags);
	if (gap)
		sl_buf_addf(out, ",%" PRIu64, gap);
	sl_buf_addc(out, ']');
}

static void put_text(struct sl_buf *out, const char *key, const char *text)
{
	if (!text)
		return;
	sl_buf_addf(out, "\"%s\":", key);
	sl_buf_add_json(out, sl_str_of(text));
	sl_buf_addc(out, ',');
}

static void put_step(struct sl_buf *out, const struct sl_chunk *c)
{
	put_text(out, "next", c->next);
	put_text(out, "end", c->end);
	if (c->partial)
		sl_buf_adds(out, "\"partial\":true,");
}

size_t sl_bronze_step_size(const struct sl_chunk *c)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	put_step(&b, c);
	return b.n;
}

static void put_json(struct sl_buf *out, const struct sl_chunk *c, const char *settings)
{
	uint64_t next = c->n_parts ? c->parts[0].offset : 0;

	sl_buf_addf(out, "{\"sluice\":1,\"id\":\"%s\",\"source\":", c->id);
	sl_buf_add_json(out, sl_str_of(c->source));
	sl_buf_adds(out, ",\"input\":");
	sl_buf_add_json(out, sl_str_of(c->input));
	sl_buf_adds(out, ",\"codec\":");
	sl_buf_add_json(out, sl_str_of(c->codec));
	sl_buf_adds(out, ",\"settings\":");
	sl_buf_add_json(out, sl_str_of(settings));
	sl_buf_addc(out, ',');
	put_header_row(out, c->header);
	put_step(out, c);
	sl_buf_addf(out, "\"bytes\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"parts\":[", c->bytes,
		    next);
	for (size_t i = 0; i < c->n_parts; i++) {
		if (i)
			sl_buf_addc(out, ',');
		put_part(out, &c->parts[i], c->parts[i].offset - next);
		next = c->parts[i].offset + c->parts[i].bytes;
	}
	sl_buf_adds(out, "]}");
}

size_t sl_bronze_header_room(const struct sl_chunk *c, const char *settings, bool step)
{
	struct sl_chunk none = *c;
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	memset(none.id, '0', sizeof(none.id) - 1);
	none.id[sizeof(none.id) - 1] = '\0';
	none.bytes = UINT64_MAX;
	none.n_parts = 0;
	none.next = none.end = NULL;
	none.partial = false;
	put_json(&b, &none, settings);
	return SL_SKIP_HEAD + b.n + 20 + (size_t)SL_CHUNK_PARTS * PART_TEXT + 1 + SUM_DIGITS +
	       (step ? SL_CONTINUATION_MAX : 0);
}

static void put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

void sl_bronze_header_put(const struct sl_chunk *c, const char *settings, size_t room,
			  struct sl_buf *out)
{
	size_t from = out->n;

	sl_buf_add(out, "\0\0\0\0\0\0\0", SL_SKIP_HEAD);
	put_json(out, c, settings);
	SL_ASSERT(room == 0 || out->n - from + 1 + SUM_DIGITS <= room);
	if (room) {
		size_t blanks = room - (out->n - from) - 1 - SUM_DIGITS;

		memset(sl_buf_room(out, blanks), ' ', blanks);
		sl_buf_grew(out, blanks);
	}
	sl_buf_addc(out, '\n');
	sl_buf_addf(
		out, "%016" PRIx64,
		(uint64_t)XXH3_64bits(out->p + from + SL_SKIP_HEAD, out->n - from - SL_SKIP_HEAD));
	put_u32(out->p + from, SL_SKIP_MAGIC);
	put_u32(out->p + from + 4, (uint32_t)(out->n - from - SL_SKIP_HEAD));
}

static bool u64(const json_t *v, uint64_t *ret)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool get_part(const json_t *a, uint64_t *next, uint64_t *at, struct sl_part *ret)
{
	uint64_t records, flags = 0, gap = 0;

	if (!u64(json_array_get(a, 0), &records) || records > UINT32_MAX ||
	    !u64(json_array_get(a, 1), &ret->bytes) || !u64(json_array_get(a, 2), &ret->frames) ||
	    (json_array_size(a) > 3 && !u64(json_array_get(a, 3), &flags)) ||
	    (json_array_size(a) > 4 && !u64(json_array_get(a, 4), &gap)))
		return false;
	ret->records = (uint32_t)records;
	ret->oversize = flags & PART_OVERSIZE;
	ret->last = flags & PART_LAST;
	ret->offset = *next + gap;
	ret->at = *at;
	*next = ret->offset + ret->bytes;
	*at += ret->frames;
	return true;
}

static bool get_parts(const json_t *o, struct sl_arena *arena, struct sl_chunk *ret)
{
	const json_t *parts = json_object_get(o, "parts");
	uint64_t next, at = 0, bytes = 0;

	ret->n_parts = json_array_size(parts);
	if (!json_is_array(parts) || ret->n_parts > SL_CHUNK_PARTS ||
	    !u64(json_object_get(o, "offset"), &next) ||
	    !u64(json_object_get(o, "bytes"), &ret->bytes))
		return false;
	ret->parts = sl_arena_zalloc(arena, ret->n_parts + 1, sizeof(*ret->parts));
	ret->records = 0;
	for (size_t i = 0; i < ret->n_parts; i++) {
		if (!get_part(json_array_get(parts, i), &next, &at, &ret->parts[i]))
			return false;
		bytes += ret->parts[i].bytes;
		ret->records += ret->parts[i].records;
	}
	return bytes == ret->bytes;
}

static bool from_hex(const char *z, struct sl_arena *arena, struct sl_str *ret)
{
	size_t n = strlen(z) / 2;
	char *out = sl_arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++) {
		int hi = sl_hex_digit(z[2 * i]), lo = sl_hex_digit(z[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (char)(hi << 4 | lo);
	}
	out[n] = '\0';
	*ret = (struct sl_str){out, n};
	return true;
}

static bool get_header_row(const json_t *o, struct sl_arena *arena, struct sl_str *ret)
{
	const char *text = json_string_value(json_object_get(o, "header"));
	const char *hex = json_string_value(json_object_get(o, "header_hex"));

	*ret = SL_STR_NULL;
	if (hex)
		return from_hex(hex, arena, ret);
	if (text)
		*ret = sl_arena_str(arena, sl_str_of(text));
	return true;
}

static const char *text_of(const json_t *o, const char *key, struct sl_arena *arena)
{
	const char *z = json_string_value(json_object_get(o, key));

	return z ? sl_arena_strdup(arena, z) : NULL;
}

static bool get_chunk(const json_t *o, struct sl_arena *arena, struct sl_chunk *ret)
{
	const char *id = json_string_value(json_object_get(o, "id"));

	*ret = (struct sl_chunk){
		.source = text_of(o, "source", arena),
		.input = text_of(o, "input", arena),
		.codec = text_of(o, "codec", arena),
		.next = text_of(o, "next", arena),
		.end = text_of(o, "end", arena),
		.partial = json_is_true(json_object_get(o, "partial")),
	};
	if (!id || strlen(id) != SL_HASH_HEX - 1 || !ret->source || !ret->input || !ret->codec)
		return false;
	memcpy(ret->id, id, SL_HASH_HEX);
	return get_header_row(o, arena, &ret->header) && get_parts(o, arena, ret);
}

static bool sum_holds(struct sl_str payload)
{
	char want[SUM_DIGITS + 1];

	if (payload.n <= SUM_DIGITS)
		return false;
	size_t n = payload.n - SUM_DIGITS;
	snprintf(want, sizeof(want), "%016" PRIx64, (uint64_t)XXH3_64bits(payload.p, n));
	return memcmp(want, payload.p + n, SUM_DIGITS) == 0;
}

bool sl_bronze_header_get(struct sl_str payload, struct sl_arena *arena, struct sl_chunk *ret,
			  const char **why)
{
	json_error_t error;

	*why = "the checksum of its header does not hold";
	if (!sum_holds(payload))
		return false;
	*why = "its header is not understood";
	json_t *o = json_loadb(payload.p, payload.n - SUM_DIGITS, JSON_REJECT_DUPLICATES, &error);
	bool ok = o && get_chunk(o, arena, ret);
	json_decref(o);
	return ok;
}
