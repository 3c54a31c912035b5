/*
 * The log's JSON: written by hand in a fixed order of keys, read with jansson.
 */
#include "store/log_json.h"

#include "base/mem.h"
#include "base/num.h"

void sl_log_put_text(struct sl_buf *out, const char *key, const char *text)
{
	sl_buf_addf(out, "\"%s\":", key);
	if (text)
		sl_buf_add_json(out, sl_str_of(text));
	else
		sl_buf_adds(out, "null");
}

void sl_log_put_input(struct sl_buf *out, const struct sl_log_input *in)
{
	sl_log_put_text(out, "name", in->name);
	sl_buf_addc(out, ',');
	sl_log_put_text(out, "settings", in->settings);
	sl_buf_addc(out, ',');
	sl_log_put_text(out, "stat", in->stat);
	sl_buf_adds(out, ",\"chunks\":[");
	for (size_t i = 0; i < in->n_chunks; i++) {
		const struct sl_log_chunk *c = &in->chunks[i];

		sl_buf_addf(out, "%s[\"%s\",%" PRIu64 ",%" PRIu32 ",%" PRIu32 "]", i ? "," : "",
			    c->id, c->bytes, c->parts, c->records);
	}
	sl_buf_addc(out, ']');
}

const char *sl_log_get_text(const json_t *o, const char *key, struct sl_arena *arena)
{
	const char *z = json_string_value(json_object_get(o, key));

	return z ? sl_arena_strdup(arena, z) : NULL;
}

static bool number(const json_t *v, uint64_t max, uint64_t *ret)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

bool sl_log_get_u64(const json_t *o, const char *key, uint64_t *ret)
{
	return number(json_object_get(o, key), INT64_MAX, ret);
}

static bool is_hash(const char *id)
{
	size_t n = 0;

	while (sl_hex_digit(id[n]) >= 0)
		n++;
	return n == SL_HASH_HEX - 1 && id[n] == '\0';
}

static bool get_chunk(const json_t *a, struct sl_arena *arena, struct sl_log_chunk *ret)
{
	const char *id = json_string_value(json_array_get(a, 0));
	uint64_t parts, records;

	if (!id || !is_hash(id) || !number(json_array_get(a, 1), INT64_MAX, &ret->bytes) ||
	    !number(json_array_get(a, 2), UINT32_MAX, &parts) ||
	    !number(json_array_get(a, 3), UINT32_MAX, &records))
		return false;
	ret->id = sl_arena_strdup(arena, id);
	ret->parts = (uint32_t)parts;
	ret->records = (uint32_t)records;
	return true;
}

bool sl_log_get_input(const json_t *o, struct sl_arena *arena, struct sl_log_input *ret)
{
	const json_t *chunks = json_object_get(o, "chunks");

	*ret = (struct sl_log_input){
		.name = sl_log_get_text(o, "name", arena),
		.settings = sl_log_get_text(o, "settings", arena),
		.stat = sl_log_get_text(o, "stat", arena),
		.n_chunks = json_array_size(chunks),
	};
	if (!ret->name || !ret->settings || !json_is_array(chunks))
		return false;
	ret->chunks = sl_arena_zalloc(arena, ret->n_chunks, sizeof(*ret->chunks));
	for (size_t i = 0; i < ret->n_chunks; i++)
		if (!get_chunk(json_array_get(chunks, i), arena, &ret->chunks[i]))
			return false;
	return true;
}

bool sl_log_damaged(struct sl_err *err, const struct sl_depot *d, const char *name, const char *why)
{
	sl_cleanup(sl_freep) char *where = sl_depot_where(d, name);

	sl_err_set(err, SL_ERR_IO, "cannot use \"%s\": the file is damaged: %s", where, why);
	return sl_err_hint(err, "restore the file from a backup; it cannot be made again");
}

bool sl_log_parse(const struct sl_depot *d, const char *name, struct sl_str bytes, json_t **ret,
		  struct sl_err *err)
{
	json_error_t why;

	*ret = json_loadb(bytes.p, bytes.n, JSON_REJECT_DUPLICATES, &why);
	return *ret || sl_log_damaged(err, d, name, why.text);
}

bool sl_log_load(struct sl_depot *d, const char *name, size_t max, json_t **ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	return sl_depot_get(d, name, max, &b, err) &&
	       sl_log_parse(d, name, sl_buf_str(&b), ret, err);
}

void sl_log_decref(json_t **o)
{
	json_decref(*o);
	*o = NULL;
}
