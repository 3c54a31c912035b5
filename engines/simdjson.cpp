/*
 * Module simdjson: reads one JSON record for the JSON codecs (common/data/json_reader.h).
 * simdjson's first stage finds every token and checks UTF-8 and strings with SIMD; the walk over
 * the tokens is ours: one flat loop with a stack of 64, so that every value is checked, wanted or
 * not, numbers stay text as they stand, and a fault knows its place.
 */
#include <cstring>
#include <memory>
#include <vector>

#include <simdjson.h>

#include "simdjson_text.h"

static_assert(simdjson::SIMDJSON_PADDING <= SL_DECODE_PADDING, "parts are padded too little");

namespace
{

/* A field that a key of the record feeds: by its whole name, or as the last step of a dotted path. */
struct target {
	size_t field;
	bool dotted;
};

/* A wanted key. Its children are the wanted keys of the object that is its value. */
struct node {
	sl_str key;
	std::vector<target> targets;
	std::vector<node> children;
	uint64_t lengths = 0; /* bit min(length, 63) of every child's key */
	size_t last = 0;      /* the child met last */
	size_t after = 0;     /* the sibling met behind this one: records have one order of keys */
	uint64_t seen = 0;    /* record in which this key was met last */
};

struct frame {
	bool object;
	bool plain;	/* a list of texts and numbers only */
	bool surrogate; /* … of which one cannot be a text */
	node *wanted;	/* whose value this is, or NULL */
	size_t begin;	/* offset of its bracket */
	size_t items;	/* number of list items before it */
};

} // namespace

struct sl_json_reader {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1;
	node root;
	size_t n_fields;
	size_t rest_field = SL_JSON_NOWHERE; /* gets all that no other field reads */
	std::vector<char> rest;
	uint64_t record = 0;
	std::vector<uint64_t> whole; /* by field: record in which a whole name fed it */
	std::vector<sl_str> items;
	std::vector<char> key; /* of a key with escapes */
	frame stack[SL_JSON_DEPTH];
};

namespace
{

bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* --- wanted fields --- */

node *child_of(node *parent, sl_str key)
{
	for (node &n : parent->children)
		if (sl_str_eq(n.key, key))
			return &n;
	node n;
	n.key = key;
	parent->children.push_back(n);
	parent->lengths |= uint64_t{1} << (key.n < 63 ? key.n : 63);
	return &parent->children.back();
}

/* What is left of a path may be one key of its object that holds dots itself. */
void add_path(node *at, sl_str path, size_t field)
{
	sl_str step;

	for (bool dotted = false;; dotted = true) {
		child_of(at, path)->targets.push_back({field, dotted});
		if (sl_str_find(path, '.') < 0)
			return;
		sl_str_next(&path, '.', &step);
		at = child_of(at, step);
	}
}

node *find_wanted(node *parent, sl_str key)
{
	if (!parent || !(parent->lengths >> (key.n < 63 ? key.n : 63) & 1))
		return nullptr;
	std::vector<node> &v = parent->children;
	size_t k = v[parent->last].after;
	if (!sl_str_eq(v[k].key, key)) {
		for (k = 0; k < v.size() && !sl_str_eq(v[k].key, key); k++)
			;
		if (k == v.size())
			return nullptr;
		v[parent->last].after = k;
	}
	parent->last = k;
	return &v[k];
}

/* --- the walk --- */

struct walk {
	sl_json_reader *r;
	sl_str record;
	sl_arena *arena;
	sl_json_value *values;
	sl_json_fault *fault;
	const uint32_t *tokens;
	size_t n_tokens;
	bool escapes;		/* a backslash is somewhere in the record; most have none */
	size_t at = 0;		/* token */
	size_t depth = 0;	/* frames in use */
	node *wanted = nullptr; /* whose value comes next */
	size_t rest_key = SL_JSON_NOWHERE; /* offset of a key for the rest, whose value comes */

	bool fail(const char *reason)
	{
		fault->reason = reason;
		fault->offset = at < n_tokens ? tokens[at] : record.n;
		fault->field = wanted && !wanted->targets.empty() ? wanted->targets[0].field
								  : SL_JSON_NOWHERE;
		return false;
	}

	char token() const
	{
		return at < n_tokens ? record.p[tokens[at]] : '\0';
	}

	/* The token's whole text: to the next one, without the blanks between. */
	sl_str lexeme() const
	{
		size_t from = tokens[at];
		size_t end = at + 1 < n_tokens ? tokens[at + 1] : record.n;
		while (end > from && is_blank(record.p[end - 1]))
			end--;
		return {record.p + from, end - from};
	}

	bool has_escape(sl_str s) const
	{
		return escapes && memchr(s.p, '\\', s.n);
	}

	/* Inline, as end_value is: a value in memory is read before its pieces are there. */
	[[gnu::always_inline]] void feed(const node *n, const sl_raw &raw, bool surrogate)
	{
		for (const target &t : n->targets) {
			if (t.dotted && r->whole[t.field] == r->record)
				continue;
			if (!t.dotted)
				r->whole[t.field] = r->record;
			sl_json_value *v = &values[t.field];
			v->raw = raw;
			v->problem = surrogate ? SL_JSON_SURROGATE : SL_JSON_FINE;
		}
	}

	void mark_twice(const node *n)
	{
		for (const target &t : n->targets)
			values[t.field].problem = SL_JSON_TWICE;
		for (const node &child : n->children)
			mark_twice(&child);
	}

	/* A value that has no place of its own: an item of a list, or one that nobody wants. */
	[[gnu::always_inline]] void end_value(const sl_raw &raw, bool surrogate)
	{
		if (wanted) {
			feed(wanted, raw, surrogate);
			wanted = nullptr;
			return;
		}
		frame *f = depth > 0 ? &r->stack[depth - 1] : nullptr;
		if (!f || f->object || !f->plain || !f->wanted)
			return;
		f->plain = raw.kind == SL_RAW_TEXT || raw.kind == SL_RAW_NUMBER;
		f->surrogate = f->surrogate || surrogate;
		r->items.push_back(raw.text);
	}

	bool in_wanted_list() const
	{
		return depth > 0 && !r->stack[depth - 1].object && r->stack[depth - 1].wanted;
	}

	bool read_text()
	{
		sl_str all = lexeme();
		sl_raw raw = {};
		raw.kind = SL_RAW_TEXT;
		raw.text = {all.p + 1, all.n - 2};
		escape e = escape::fine;
		if (has_escape(raw.text)) {
			raw.src = raw.text;
			char *to = scratch(raw.text.n);
			e = unescape(raw.src, to, &raw.text.n);
			raw.text.p = to;
			if (e == escape::wrong)
				return fail("a wrong escape in a text");
		}
		end_value(raw, e == escape::surrogate);
		at++;
		return true;
	}

	/* Where a text's letters go: kept only when somebody wants them. */
	char *scratch(size_t n)
	{
		if (wanted || in_wanted_list())
			return static_cast<char *>(sl_arena_alloc(arena, n));
		if (r->key.size() < n)
			r->key.resize(n);
		return r->key.data();
	}

	bool read_word()
	{
		sl_raw raw = {};
		raw.text = lexeme();
		if (sl_str_eq(raw.text, {"null", 4}))
			raw.kind = SL_RAW_NULL;
		else if (sl_str_eq(raw.text, {"true", 4}) || sl_str_eq(raw.text, {"false", 5}))
			raw.kind = SL_RAW_BOOL;
		else if (is_number(raw.text))
			raw.kind = SL_RAW_NUMBER;
		else
			return fail(word_fault(raw.text));
		end_value(raw, false);
		at++;
		return true;
	}

	static const char *word_fault(sl_str s)
	{
		if (s.n > 1 && s.p[0] == '-')
			s = {s.p + 1, s.n - 1};
		if (sl_str_eq(s, {"NaN", 3}) || sl_str_eq(s, {"Infinity", 8}))
			return "NaN and Infinity are not JSON";
		return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9' ? "not a JSON number"
								 : "not a JSON value";
	}

	bool open_container(bool object)
	{
		if (depth == SL_JSON_DEPTH)
			return fail("nested more than 64 levels deep");
		r->stack[depth++] = {object, true, false, wanted, tokens[at], r->items.size()};
		wanted = nullptr;
		at++;
		return true;
	}

	void close_container()
	{
		const frame f = r->stack[--depth];
		sl_raw raw = {};
		raw.kind = !f.object && f.plain ? SL_RAW_LIST : SL_RAW_OTHER;
		raw.text = {record.p + f.begin, tokens[at] + 1 - f.begin};
		if (raw.kind == SL_RAW_LIST && f.wanted)
			raw.list = take_items(f.items);
		r->items.resize(f.items);
		wanted = f.wanted;
		end_value(raw, f.surrogate && raw.kind == SL_RAW_LIST);
		at++;
	}

	sl_list take_items(size_t from)
	{
		sl_list list = {nullptr, r->items.size() - from};
		if (list.n == 0)
			return list;
		list.v = static_cast<sl_str *>(sl_arena_alloc(arena, list.n * sizeof(sl_str)));
		memcpy(list.v, r->items.data() + from, list.n * sizeof(sl_str));
		return list;
	}

	node *object_node() const
	{
		return depth == 1 ? &r->root : r->stack[depth - 1].wanted;
	}

	/* A key and its colon; the value comes next. */
	bool read_key()
	{
		if (token() != '"')
			return fail("a key is missing");
		sl_str all = lexeme();
		sl_str key = {all.p + 1, all.n - 2};
		if (has_escape(key)) {
			if (r->key.size() < key.n)
				r->key.resize(key.n);
			if (unescape(key, r->key.data(), &key.n) == escape::wrong)
				return fail("a wrong escape in a key");
			key.p = r->key.data();
		}
		node *n = find_wanted(object_node(), key);
		if (!n && depth == 1 && r->rest_field != SL_JSON_NOWHERE)
			rest_key = tokens[at];
		at++;
		if (token() != ':')
			return fail("a colon is missing");
		at++;
		if (n && n->seen == r->record)
			twice.push_back(n);
		else
			wanted = n;
		if (n)
			n->seen = r->record;
		return true;
	}

	/* Key and value as they stand in the record; the value ends before the token at hand. */
	void add_rest()
	{
		size_t end = tokens[at];
		while (is_blank(record.p[end - 1]))
			end--;
		r->rest.push_back(r->rest.empty() ? '{' : ',');
		r->rest.insert(r->rest.end(), record.p + rest_key, record.p + end);
		rest_key = SL_JSON_NOWHERE;
	}

	void feed_rest()
	{
		if (r->rest.empty())
			return;
		r->rest.push_back('}');
		char *text = static_cast<char *>(sl_arena_alloc(arena, r->rest.size()));
		memcpy(text, r->rest.data(), r->rest.size());
		values[r->rest_field].raw.kind = SL_RAW_TEXT;
		values[r->rest_field].raw.text = {text, r->rest.size()};
	}

	/* Behind a value inside a container. */
	bool read_separator(bool object)
	{
		if (token() != ',')
			return fail(object ? "a comma or } is missing" : "a comma or ] is missing");
		at++;
		return true;
	}

	bool closes() const
	{
		return token() == (r->stack[depth - 1].object ? '}' : ']');
	}

	/* One value, or the opening of one: *ret_open tells that its inside comes next. */
	bool read_value(bool *ret_open)
	{
		const char c = token();
		*ret_open = c == '{' || c == '[';
		if (*ret_open)
			return open_container(c == '{');
		if (c == '"')
			return read_text();
		if (at == n_tokens || c == '}' || c == ']' || c == ',' || c == ':')
			return fail("a value is missing");
		return read_word();
	}

	bool run()
	{
		if (token() != '{')
			return fail("not a JSON object");
		if (!open_container(true))
			return false;
		bool inside = true; /* just opened: no comma yet */
		while (depth > 0) {
			if (depth == 1 && rest_key != SL_JSON_NOWHERE && at < n_tokens)
				add_rest();
			if (closes()) {
				close_container();
				inside = false;
				continue;
			}
			const bool object = r->stack[depth - 1].object;
			if (!inside && !read_separator(object))
				return false;
			if ((object && !read_key()) || !read_value(&inside))
				return false;
		}
		if (at < n_tokens)
			return fail("more follows the object");
		for (const node *n : twice)
			mark_twice(n);
		feed_rest();
		return true;
	}

	std::vector<const node *>
		twice; /* keys met again: empty in sane data, then never allocated */
};

const char *stage1_fault(simdjson::error_code e)
{
	if (e == simdjson::UTF8_ERROR)
		return "not UTF-8";
	if (e == simdjson::UNCLOSED_STRING)
		return "a text is never closed";
	if (e == simdjson::UNESCAPED_CHARS)
		return "a control character in a text";
	return "not a JSON object";
}

bool grow(sl_json_reader *r, size_t n)
{
	if (r->stage1->capacity() >= n)
		return true;
	return r->stage1->allocate(n, SL_JSON_DEPTH) == simdjson::SUCCESS;
}

bool read_record(sl_json_reader *r, sl_str record, sl_arena *arena, sl_json_value *values,
		 sl_json_fault *fault)
{
	for (size_t i = 0; i < r->n_fields; i++)
		values[i] = {};
	fault->field = fault->offset = SL_JSON_NOWHERE;
	if (!grow(r, record.n)) {
		fault->reason = "too large to read";
		return false;
	}
	r->record++;
	r->items.clear();
	r->rest.clear();
	const auto *bytes = reinterpret_cast<const uint8_t *>(record.p);
	simdjson::error_code e = r->stage1->stage1(bytes, record.n, simdjson::stage1_mode::regular);
	if (e != simdjson::SUCCESS) {
		fault->reason = stage1_fault(e);
		size_t bad;
		if (e == simdjson::UTF8_ERROR && !sl_utf8_valid(record, &bad))
			fault->offset = bad;
		return false;
	}
	walk w = {r,
		  record,
		  arena,
		  values,
		  fault,
		  r->stage1->structural_indexes.get(),
		  r->stage1->n_structural_indexes,
		  memchr(record.p, '\\', record.n) != nullptr,
		  0,
		  0,
		  nullptr,
		  SL_JSON_NOWHERE,
		  {}};
	return w.run();
}

sl_json_reader *open_reader(const sl_str *paths, size_t n, size_t capacity)
{
	sl_json_reader *r = new sl_json_reader();
	r->n_fields = n;
	r->whole.resize(n, 0);
	for (size_t i = 0; i < n; i++)
		if (sl_str_eqz(paths[i], SL_REST))
			r->rest_field = i;
		else
			add_path(&r->root, paths[i], i);
	if (simdjson::get_active_implementation()->create_dom_parser_implementation(
		    capacity, SL_JSON_DEPTH, r->stage1) != simdjson::SUCCESS)
		SL_BUG("no memory for a JSON reader of %zu bytes", capacity);
	return r;
}

void close_reader(sl_json_reader *r)
{
	delete r;
}

const sl_json_engine engine = {open_reader, read_record, close_reader};

} // namespace

extern "C" {
extern const void *const sl_module_simdjson;
const void *const sl_module_simdjson = &engine;
}
