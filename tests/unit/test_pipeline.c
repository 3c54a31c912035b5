/*
 * Pipeline files: a good one is read whole; each mistake is told with its exact place; overrides;
 * what changes rev and shape, and what does not.
 */
#include "diag_support.h"

#include "base_support.h"

#include "base/file.h"
#include "data/pipeline.h"

static const char base[] =
	"sluice: 1\n"
	"pipeline: shop-1\n"
	"schedule: {cron: 0 2 * * *, timezone: Europe/Paris, start: 2026-01-01}\n"
	"sources:\n"
	"  drop:\n" /* 5 */
	"    kind: file\n"
	"    path: in/*.csv\n"
	"    codec: {csv: {delimiter: \";\"}}\n"
	"fields:\n"
	"  raw_price: text\n" /* 10 */
	"contract:\n"
	"  id: int64\n"
	"  at: {type: timestamp, zone: Europe/Paris}\n"
	"  price: {type: decimal(12,2), min: 0}\n"
	"  country:\n" /* 15 */
	"    type: text\n"
	"    enum: [FR, BE]\n"
	"rules:\n"
	"  - money: {from: raw_price, into: price}\n"
	"store: {table: shop.orders, mode: latest, key: [id], version: at}\n" /* 20 */
	"rejects: {limit: 0.5%}\n"
	"models:\n"
	"  m: {as: table}\n"
	"queries:\n"
	"  q: {description: all}\n" /* 25 */
	"parallel: {max: 4, bytes: 8MiB}\n"
	"backends:\n"
	"  local: {store: {postgres: warehouse}}\n";

/* A folder with pipeline.yaml, models/m.sql and queries/q.sql; the current directory is put there.
 */
struct folder {
	char *dir, *back;
};

static void write_file(const char *path, const char *text)
{
	struct sl_err err = SL_ERR_INIT;
	if (!sl_file_replace(path, text, strlen(text), &err))
		fail_msg("%s", err.msg);
}

static int enter(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	struct sl_err err = SL_ERR_INIT;
	f->back = getcwd(NULL, 0);
	f->dir = support_dir();
	if (chdir(f->dir) != 0 || !sl_dir_make("models", &err) || !sl_dir_make("queries", &err))
		return -1;
	write_file("models/m.sql", "SELECT 1");
	write_file("queries/q.sql", "SELECT 1");
	write_file("delete.sql", "DELETE FROM shop");
	write_file("two.sql", "SELECT 1; SELECT 2");
	write_file("none.sql", "-- nothing yet");
	*state = f;
	return 0;
}

static int leave(void **state)
{
	struct folder *f = *state;
	int failed = chdir(f->back);
	support_remove(f->dir);
	free(f->back);
	free(f);
	return failed;
}

/* base with its one `from` replaced. */
static void replaced(const char *from, const char *to, struct sl_buf *out)
{
	const char *at = strstr(base, from);
	if (!at || strstr(at + 1, from))
		fail_msg("\"%s\" stands not once in the file", from);
	sl_buf_clear(out);
	sl_buf_add(out, base, (size_t)(at - base));
	sl_buf_adds(out, to);
	sl_buf_adds(out, at + strlen(from));
}

static struct sl_pipeline *open_text(const char *text, const struct sl_pipeline_opts *opts,
				     struct sl_diags *d)
{
	struct sl_err err = SL_ERR_INIT;
	write_file("pipeline.yaml", text);
	struct sl_pipeline *p = sl_pipeline_open("pipeline.yaml", opts, d, &err);
	if (!p)
		assert_int_equal(err.kind, SL_ERR_CONFIG);
	return p;
}

static struct sl_pipeline *open_good(const char *text, const struct sl_pipeline_opts *opts)
{
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_pipeline *p = open_text(text, opts, &d);
	expect_diags(&d, "pipeline.yaml", "", 0);
	assert_non_null(p);
	return p;
}

static void test_pipeline_good_file_is_read_whole(void **state)
{
	struct folder *f = *state;
	struct sl_pipeline *p = open_good(base, NULL);
	assert_string_equal(p->name, "shop-1");
	assert_string_equal(p->file, "pipeline.yaml");
	assert_string_equal(p->dir, f->dir);
	assert_string_equal(p->schedule.cron, "0 2 * * *");
	assert_int_equal(p->n_sources, 1);
	assert_string_equal(p->sources[0].codec->name, "csv");
	assert_ptr_equal(sl_pipeline_source(p, "drop"), &p->sources[0]);
	assert_null(sl_pipeline_source(p, "dro"));
	assert_int_equal(p->contract.n_stored, 4);
	assert_int_equal(p->contract.n, 5);
	assert_int_equal(p->schema.n, 5);
	assert_string_equal(p->schema.cols[4].name, "raw_price");
	assert_int_equal(p->contract.cols[2].type.kind, SL_DECIMAL);
	assert_int_equal(p->contract.cols[3].choices.n, 2);
	assert_true(p->contract.cols[0].required); /* it is the key */
	assert_false(p->contract.cols[0].computed);
	assert_true(p->contract.cols[2].computed); /* rule money writes it */
	assert_int_equal(p->n_rules, 1);
	assert_string_equal(p->store.schema, "shop");
	assert_string_equal(p->store.name, "orders");
	assert_int_equal(p->store.mode, SL_MODE_LATEST);
	assert_int_equal(p->store.key_cols[0], 0);
	assert_int_equal(p->store.version_col, 1);
	assert_int_equal(p->reject_unit, SL_LIMIT_PERCENT);
	assert_int_equal(p->reject_limit, 50);
	assert_int_equal(p->models[0].as, SL_MODEL_TABLE);
	assert_true(sl_file_exists(p->models[0].file));
	assert_string_equal(p->queries[0].description, "all");
	assert_int_equal(p->partitions_max, 4);
	assert_int_equal(p->partition_bytes, 8 << 20);
	assert_string_equal(p->backend.name, "embedded");
	assert_string_equal(p->backend.store, "duckdb");
	assert_int_equal(p->backend_names.n, 2);
	assert_int_equal(strlen(p->rev), 64);
	assert_string_not_equal(p->rev, p->shape);
	sl_pipeline_close(p);
}

static const char long_name[] = /* 64 letters */
	"a234567890a234567890a234567890a234567890a234567890a234567890a234";

static void test_pipeline_mistakes_are_told_at_their_place(void **state)
{
	static const struct {
		const char *from, *to, *want;
	} cases[] = {
		/* the top level */
		{"sluice: 1\n", "\n", "2:1 E1004"},
		{"sluice: 1\n", "sluice: 2\n", "1:9 E1014"},
		{"sluice: 1\n", "sluice: \"1\"\n", "1:9 E1014"},
		{"pipeline: shop-1", "pipeline: Shop", "2:11 E1005"},
		{"pipeline: shop-1", "pipeline: [shop]", "2:11 E1005"},
		{"queries:", "querys:", "24:1 E1003"},
		{"parallel:", "fuse: yes\nparallel:", "26:7 E1005"},
		{"parallel:", "schedule:\nparallel:", "26:1 E1002"},
		/* schedule */
		{"0 2 * * *", "0 2 * *", "3:18 E1005"},
		{"0 2 * * *", "60 2 * * *", "3:18 E1005"},
		{"0 2 * * *", "0 5-2 * * *", "3:18 E1005"},
		{"0 2 * * *", "0 2 * * 8", "3:18 E1005"},
		{"0 2 * * *", "\"*/0 2 * * *\"", "3:18 E1005"},
		{"0 2 * * *", "\"*/15 2-5/2 1 jan,DEC  mon-FRI\"", ""},
		{"timezone: Europe/Paris,", "timezone: Europe/Pari,", "3:39 E1008"},
		{"start: 2026-01-01", "start: 2026-02-30", "3:60 E1005"},
		{"schedule: {", "schedule: {crn: x, ", "3:12 E1003"},
		{"schedule: {", "schedule: {retries: 0, retry_delay: 5m, pool: slow, ", ""},
		{"schedule: {", "schedule: {retries: 101, ", "3:21 E1006"},
		{"schedule: {", "schedule: {after: [shop], ", "3:19 E1005"},
		/* sources */
		{"kind: file", "kind: fil", "6:11 E1007"},
		{"    kind: file\n", "", "5:3 E1004"},
		{"kind: file", "knid: file", "5:3 E1004, 6:5 E1003"},
		{"    path: in/*.csv\n", "", "5:3 E1004"},
		{"path: in", "paht: in", "5:3 E1004, 7:5 E1003"},
		{"{csv: {delimiter: \";\"}}", "cvs", "8:12 E1007"},
		{"{csv: {delimiter: \";\"}}", "{cvs: {}}", "8:13 E1007"},
		{"{csv: {delimiter: \";\"}}", "{csv: {delimiter: ;;}}", "8:30 E1006"},
		{"{csv: {delimiter: \";\"}}", "{csv: {quote: \",\"}}", "8:26 E1006"},
		{"{csv: {delimiter: \";\"}}", "{csv: {}, json: {}}", "8:12 E1005"},
		{"delimiter:", "delimitre:", "8:19 E1003"},
		{"codec: {csv: {delimiter: \";\"}}", "input: all\n    codec: csv", "8:12 E1007"},
		{"  drop:\n", "  store:\n", "5:3 E1011"},
		{"  drop:\n", "  Drop:\n", "5:3 E1005"},
		/* contract and fields */
		{"  id: int64", "  id: int46", "12:7 E1005"},
		{"  id: int64", "  id: {required: true}", "12:3 E1004"},
		{"  id: int64", "  id: {type: int64, requird: true}", "12:21 E1003"},
		{"  id: int64", "  id:", "12:6 E1005"},
		{"  id: int64", "  id: int64\n  Id: text", "13:3 E1005"},
		{"  id: int64", "  id: int64\n  _sl_seq: int64", "13:3 E1005"},
		{"  id: int64", "  id: {type: int64, min: a}", "12:26 E1005"},
		{"  id: int64", "  id: {type: int64, min: 5, max: 4}", "12:26 E1011"},
		{"  id: int64", "  id: {type: int64, max: 1.5, min: x}",
		 "12:26 E1005, 12:36 E1005"},
		{"  id: int64", "  id: {type: int64, zone: UTC}", "12:27 E1011"},
		{"zone: Europe/Paris}", "zone: Europe/Pris}", "13:31 E1008"},
		{"zone: Europe/Paris}", "ambiguous: later}", "13:36 E1011"},
		{"zone: Europe/Paris}", "zone: UTC, ambiguous: latr}", "13:47 E1007"},
		{"decimal(12,2)", "decimal(19,2)", "14:17 E1005"},
		{"enum: [FR, BE]", "min: FR", "17:10 E1011"},
		{"enum: [FR, BE]", "enum: {FR: BE}", "17:11 E1005"},
		{"  raw_price: text", "  raw_price: {type: text, min: 1}", "10:27 E1003"},
		{"  raw_price: text", "  raw_price: text\n  id: text", "11:3 E1002"},
		/* rules */
		{"- money:", "- moneey:", "19:5 E1003"},
		{"from: raw_price, into", "from: raw_prise, into", "19:19 E1008"},
		{"from: raw_price, into", "form: raw_price, into", "19:5 E1004, 19:13 E1003"},
		{"from: raw_price, into", "from: id, into", "19:19 E1005"},
		{"- money: {from: raw_price, into: price}", "- money", "19:5 E1004, 19:5 E1004"},
		{"- money: {from: raw_price, into: price}", "- [money]", "19:5 E1005"},
		{"- money: {from: raw_price, into: price}", "- {money: {}, map: {}}", "19:5 E1005"},
		{"- money: {from: raw_price, into: price}",
		 "- extract: {from: raw_price, pattern: 'a(', into: x}", "19:41 E1013"},
		/* a rule that is wrong still makes its column for those behind it */
		{"- money: {from: raw_price, into: price}",
		 "- extract: {from: nothing, pattern: a, into: x}\n"
		 "  - extract: {from: x, pattern: b, into: country}",
		 "19:21 E1008"},
		/* store and rejects */
		{"table: shop.orders", "table: a.b.c", "20:16 E1005"},
		{"table: shop.orders", "table: sluice.x", "20:16 E1005"},
		{"table: shop.orders", "tabel: shop.orders", "20:1 E1004, 20:9 E1003"},
		{"mode: latest", "mode: latets", "20:35 E1007"},
		{"mode: latest", "mode: append", "20:43 E1011, 20:54 E1011"},
		{"key: [id], ", "", "20:1 E1004"},
		{"key: [id]", "key: []", "20:48 E1005"},
		{"key: [id]", "key: [di, id, id]", "20:49 E1008, 20:57 E1002"},
		{"key: [id]", "key: raw_price", "20:48 E1008"},
		{"version: at", "version: att", "20:63 E1008"},
		{"limit: 0.5%", "limit: 101%", "21:18 E1005"},
		{"limit: 0.5%", "limit: -1", "21:18 E1005"},
		{"limit: 0.5%", "limit: 0.5", "21:18 E1005"},
		{"limit: 0.5%", "limit: {a: 1}", "21:18 E1005"},
		/* models, queries, parallel */
		{"m: {as: table}", "m2: {as: table}", "23:3 E1012"},
		{"m: {as: table}", "m: {as: tabel}", "23:11 E1007"},
		{"m: {as: table}", "m: {file: models}", "23:13 E1012"},
		{"m: {as: table}", "shop.orders: {file: models/m.sql}", "23:3 E1011"},
		{"q: {description: all}", "q: {file: q.sql}", "25:13 E1012"},
		{"q: {description: all}", "q.x: {file: queries/q.sql}", "25:3 E1005"},
		{"m: {as: table}", "m: {file: delete.sql}", "23:13 E1012"},
		{"m: {as: table}", "m: {file: two.sql}", "23:13 E1012"},
		{"m: {as: table}", "m: {file: none.sql}", "23:13 E1012"},
		{"q: {description: all}", "q: {file: delete.sql}", "25:13 E1012"},
		{"q: {description: all}", "q: {file: two.sql}", "25:13 E1012"},
		{"bytes: 8MiB", "bytes: 8 parsecs", "26:27 E1005"},
		{"bytes: 8MiB", "bytes: 8KiB", "26:27 E1006"},
		{"max: 4", "max: 0", "26:17 E1006"},
		/* backends */
		{"postgres: warehouse", "postgers: warehouse", "28:19 E1007"},
		{"{postgres: warehouse}", "postgres", "28:18 E1004"},
		{"{postgres: warehouse}", "{duckdb: x}", "28:27 E1011"},
		{"{postgres: warehouse}", "{postgres: [x]}", "28:29 E1005"},
		{"local: {store", "local: {stores", "28:11 E1003"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, budget: 1GiB, ttl: 2h}}",
		 ""},
		{"{store: {postgres: warehouse}}", "{queue: {budget: 1GiB, redis: q}}", ""},
		{"{store: {postgres: warehouse}}", "{queue: redis}", "28:18 E1004"},
		{"{store: {postgres: warehouse}}", "{queue: {budget: 1GiB}}", "28:18 E1005"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, rabbit: r}}", "28:18 E1005"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, budget: many}}",
		 "28:37 E1005"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, prefix: \"a b\"}}",
		 "28:37 E1007"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, prefix: \"\"}}",
		 "28:37 E1007"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, ttl: 10ms}}", "28:34 E1007"},
		{"{store: {postgres: warehouse}}", "{queue: {redis: q, part: 3MiB}}",
		 "28:35 E1006"},
		/* all in one pass */
		{"  at: {type: timestamp,", "  at: {type: timestam, typo: 1,",
		 "13:14 E1005, 13:24 E1003"},
	};
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		struct sl_diags d = SL_DIAGS_INIT;
		replaced(cases[i].from, cases[i].to, &text);
		struct sl_pipeline *p = open_text(sl_buf_z(&text), NULL, &d);
		wrong += !same_diags(&d, "pipeline.yaml", cases[i].want, i);
		assert_int_equal(p != NULL, cases[i].want[0] == '\0');
		sl_pipeline_close(p);
		sl_diags_release(&d);
	}
	assert_int_equal(wrong, 0);
}

static void test_pipeline_names_end_at_63_bytes(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT, to = SL_BUF_INIT;
	(void)state;
	for (int length = 63; length <= 64; length++) {
		struct sl_diags d = SL_DIAGS_INIT;
		sl_buf_clear(&to);
		sl_buf_addf(&to, "  id: int64\n  %.*s: text", length, long_name);
		replaced("  id: int64", sl_buf_z(&to), &text);
		struct sl_pipeline *p = open_text(sl_buf_z(&text), NULL, &d);
		expect_diags(&d, "pipeline.yaml", length == 63 ? "" : "13:3 E1006", 0);
		sl_pipeline_close(p);
		sl_diags_release(&d);
	}
}

static void test_pipeline_errors_of_all_sections_come_in_one_pass(void **state)
{
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	assert_null(open_text("sluice: 1\n"
			      "pipeline: p\n"
			      "sources: {a: {kind: x, codec: y}}\n"
			      "contract: {}\n"
			      "rules: {}\n"
			      "store: {table: T}\n"
			      "models: {m3: {}}\n",
			      NULL, &d));
	expect_diags(&d, "pipeline.yaml",
		     "3:21 E1007, 3:31 E1007, 4:1 E1004, 5:8 E1005, 6:16 E1005, 7:10 E1012", 0);
	sl_diags_release(&d);
}

static void test_pipeline_other_documents_are_no_crash(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "1:1 E1001"},
		{"[1]", "1:1 E1005"},
		{"x", "1:1 E1005"},
		{"{}", "1:1 E1004, 1:1 E1004, 1:1 E1004, 1:1 E1004, 1:1 E1004"},
		{"sluice: 1\npipeline: a\nsources: 1\ncontract: [a]\nstore: x\nfields: ~\n"
		 "schedule: 1\nrejects: []\nmodels: m\nqueries: 0\nparallel: 2\nbackends: b\n",
		 "3:10 E1005, 4:11 E1005, 5:8 E1005, 6:9 E1005, 7:11 E1005, 8:10 E1005, "
		 "9:9 E1005, 10:10 E1005, 11:11 E1005, 12:11 E1005"},
		{"sluice: 1\npipeline: a\nsources: {s: 1}\ncontract: {c: [], d: *x}\n"
		 "store: {table: t}\nrules: [1, ~, {money: 3}]\nmodels: {m: 1}\n",
		 "3:14 E1005, 4:15 E1005, 4:22 E1010, 6:9 E1003, 6:12 E1005, 6:23 E1005, "
		 "7:13 E1005"},
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_diags d = SL_DIAGS_INIT;
		assert_null(open_text(cases[i].text, NULL, &d));
		expect_diags(&d, "pipeline.yaml", cases[i].want, i);
		sl_diags_release(&d);
	}
}

static void test_pipeline_set_beats_environment_beats_file(void **state)
{
	struct sl_override set[] = {{"rejects.limit", "7", "--set"},
				    {"rejects.limit", "8", "--set"}};
	struct sl_pipeline_opts opts = {.overrides = set};
	(void)state;
	setenv("SLUICE_REJECTS_LIMIT", "5", 1);
	setenv("SLUICE_PARALLEL_MAX", "9", 1);
	struct sl_pipeline *p = open_good(base, &opts);
	assert_int_equal(p->reject_limit, 5);
	assert_int_equal(p->partitions_max, 9);
	sl_pipeline_close(p);
	opts.n_overrides = 2;
	p = open_good(base, &opts);
	assert_int_equal(p->reject_limit, 8); /* the later one wins */
	assert_int_equal(p->reject_unit, SL_LIMIT_ROWS);
	sl_pipeline_close(p);
	unsetenv("SLUICE_REJECTS_LIMIT");
	unsetenv("SLUICE_PARALLEL_MAX");
}

static void test_pipeline_overrides_leave_sources_out_and_know_their_origin(void **state)
{
	static const struct {
		const char *path, *value, *want;
	} cases[] = {
		{"drop.path", "x/*.csv", ""},
		{"sources.drop.path", "x/*.csv", ""},
		{"drop.pathh", "x", "--set E1003"},
		{"drip.path", "x", "--set E1003"},
		{"drop", "x", "--set E1005"},
		{"", "x", "--set E1003"},
		{"store.mode.x", "1", "--set E1003"},
		{"store.mode", "lates", "--set E1007"},
		{"store.key", "[at]", ""},
		{"orders.drop.path", "x", "--set E1003"},
		{"schedule.cron", "* *", "--set E1005"},
		{"new.path", "x", "--set E1003"},
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_override set = {cases[i].path, cases[i].value, "--set"};
		struct sl_pipeline_opts opts = {.overrides = &set, .n_overrides = 1};
		struct sl_diags d = SL_DIAGS_INIT;
		struct sl_pipeline *p = open_text(base, &opts, &d);
		expect_diags(&d, "pipeline.yaml", cases[i].want, i);
		sl_pipeline_close(p);
		sl_diags_release(&d);
	}
}

static void test_pipeline_environment_names_a_sources_field(void **state)
{
	struct sl_diags d = SL_DIAGS_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	(void)state;
	setenv("SLUICE_DROP_INPUT", "whole", 1);
	setenv("SLUICE_DROP_NONSENSE", "1", 1); /* no field: not ours */
	struct sl_pipeline *p = open_good(base, NULL);
	assert_int_equal(p->sources[0].input, SL_INPUT_WHOLE);
	sl_pipeline_close(p);
	setenv("SLUICE_DROP_INPUT", "hole", 1);
	assert_null(open_text(base, NULL, &d));
	expect_diags(&d, "pipeline.yaml", "SLUICE_DROP_INPUT E1007", 0);
	sl_diags_release(&d);
	unsetenv("SLUICE_DROP_INPUT");
	unsetenv("SLUICE_DROP_NONSENSE");
	/* reserved: a source "log" cannot take SLUICE_LOG_PATH away from the log */
	setenv("SLUICE_LOG_PATH", "elsewhere", 1);
	replaced("  drop:\n", "  log:\n", &text);
	p = open_good(sl_buf_z(&text), NULL);
	assert_string_equal(
		sl_node_get(sl_node_get(sl_node_get(p->root, "sources"), "log"), "path")->text,
		"in/*.csv");
	sl_pipeline_close(p);
	unsetenv("SLUICE_LOG_PATH");
}

static void test_pipeline_backend_is_chosen_and_must_exist(void **state)
{
	struct sl_pipeline_opts opts = {.backend = "local"};
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	struct sl_pipeline *p = open_good(base, &opts);
	assert_string_equal(p->backend.store, "pg");
	assert_string_equal(p->backend.store_conn, "warehouse");
	assert_string_equal(p->backend.bronze, "file");
	assert_null(p->backend.queue);
	sl_pipeline_close(p);
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	replaced("{store: {postgres: warehouse}}", "{documents: {mongo: docs}}", &text);
	p = open_good(sl_buf_z(&text), &opts);
	assert_string_equal(p->backend.documents, "mongo");
	assert_string_equal(p->backend.documents_conn, "docs");
	assert_string_equal(p->backend.store, "duckdb");
	sl_pipeline_close(p);
	opts.backend = "loca";
	assert_null(open_text(base, &opts, &d));
	expect_diags(&d, "pipeline.yaml", "--backend E1008", 0);
	sl_diags_release(&d);
}

static void test_pipeline_column_is_computed_unless_it_is_read_too(void **state)
{
	static const struct {
		const char *rule, *price;
		bool want;
	} cases[] = {
		{"money: {from: raw_price, into: price}", "{type: decimal(12,2)}", true},
		{"money: {from: raw_price, into: price}", "{type: decimal(12,2), from: p}", false},
		{"coalesce: {from: [price], into: price}", "decimal(12,2)", false},
		{"coalesce: {from: price}", "decimal(12,2)", false},
		{"money: {from: raw_price, into: other}", "decimal(12,2)", false},
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char text[512];
		snprintf(text, sizeof(text),
			 "{sluice: 1, pipeline: p, sources: {s: {kind: file, path: x, codec: "
			 "csv}},\n"
			 "fields: {raw_price: text}, contract: {price: %s},\n"
			 "rules: [%s], store: {table: t}}",
			 cases[i].price, cases[i].rule);
		struct sl_diags d = SL_DIAGS_INIT;
		struct sl_pipeline *p = open_text(text, NULL, &d);
		expect_diags(&d, "pipeline.yaml", "", i);
		assert_int_equal(p->contract.cols[0].computed, cases[i].want);
		sl_pipeline_close(p);
		sl_diags_release(&d);
	}
}

static void identity_of(const char *from, const char *to, char rev[SL_HASH_HEX],
			char shape[SL_HASH_HEX])
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	replaced(from, to, &text);
	struct sl_pipeline *p = open_good(sl_buf_z(&text), NULL);
	memcpy(rev, p->rev, SL_HASH_HEX);
	memcpy(shape, p->shape, SL_HASH_HEX);
	sl_pipeline_close(p);
}

static void test_pipeline_rev_and_shape_change_with_what_they_stand_for(void **state)
{
	static const struct {
		const char *from, *to;
		bool rev, shape; /* changes it */
	} cases[] = {
		{"path: in", "path: out", false, false},
		{"limit: 0.5%", "limit: 3", false, false},
		{"pipeline: shop-1", "pipeline: shop-2", false, false},
		{"0 2 * * *", "0 3 * * *", false, false},
		{"max: 4", "max: 5", false, false},
		{"m: {as: table}", "m: {as: view}", false, false},
		{"  id: int64", "  id: {type: int64, required: true}", false, false}, /* key */
		{"delimiter: \";\"", "delimiter: \",\"", true, false},
		{"min: 0", "min: 1", true, false},
		{"decimal(12,2)", "decimal(12,3)", true, false},
		{"zone: Europe/Paris}", "zone: UTC}", true, false},
		{"enum: [FR, BE]", "enum: [FR, BE, CH]", true, false},
		{"    enum: [FR, BE]\n", "    required: true\n", true, false},
		{"raw_price: text", "raw_price: {type: text, from: p}", true, false},
		{"into: price}", "into: price, locale: fr}", true, false},
		{"  drop:\n", "  dropped:\n", true, true},
		{"table: shop.orders", "table: orders", false, true},
		{"key: [id]", "key: [id, country]", true, true},
		{", version: at", "", true, true},
		{"mode: latest, key: [id], version: at", "mode: append", true, true},
	};
	struct sl_pipeline *p = open_good(base, NULL);
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char rev[SL_HASH_HEX], shape[SL_HASH_HEX];
		identity_of(cases[i].from, cases[i].to, rev, shape);
		if ((strcmp(rev, p->rev) != 0) != cases[i].rev)
			fail_msg("case %zu: rev", i);
		if ((strcmp(shape, p->shape) != 0) != cases[i].shape)
			fail_msg("case %zu: shape", i);
	}
	sl_pipeline_close(p);
}

static void test_pipeline_source_order_is_part_of_rev_and_shape(void **state)
{
	char rev[2][SL_HASH_HEX], shape[2][SL_HASH_HEX];
	(void)state;
	identity_of("  drop:\n", "  a: {kind: file, path: x, codec: csv}\n  drop:\n", rev[0],
		    shape[0]);
	identity_of("fields:", "  a: {kind: file, path: x, codec: csv}\nfields:", rev[1], shape[1]);
	assert_string_not_equal(rev[0], rev[1]);
	assert_string_not_equal(shape[0], shape[1]);
}

static void test_pipeline_is_found_by_name_folder_and_file(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	static const char *const args[] = {"shop", "pipelines/shop", "pipelines/shop/",
					   "pipelines/shop/pipeline.yaml"};
	(void)state;
	assert_true(sl_dir_make("pipelines/shop/models", &err));
	assert_true(sl_dir_make("pipelines/shop/queries", &err));
	write_file("pipelines/shop/models/m.sql", "SELECT 1");
	write_file("pipelines/shop/queries/q.sql", "SELECT 1");
	write_file("pipelines/shop/pipeline.yaml", base);
	unsetenv("SLUICE_PIPELINES");
	for (size_t i = 0; i < SL_ARRAY_LEN(args); i++) {
		struct sl_pipeline *p = sl_pipeline_open(args[i], NULL, &d, &err);
		assert_case(i, args[i], p != NULL);
		assert_string_equal(p->file, "pipelines/shop/pipeline.yaml");
		assert_true(p->path[0] == '/');
		sl_pipeline_close(p);
	}
	setenv("SLUICE_PIPELINES", "pipelines/", 1);
	sl_pipeline_close(sl_pipeline_open("shop", NULL, &d, &err));
	assert_int_equal(err.kind, SL_ERR_NONE);
	unsetenv("SLUICE_PIPELINES");
	assert_null(sl_pipeline_open("shap", NULL, &d, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_null(sl_pipeline_open("no/such/file.yaml", NULL, &d, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_null(sl_pipeline_open("", NULL, &d, &err));
	assert_int_equal(d.total, 0);
}

static void test_pipeline_describe_lists_sections_and_modules(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	static const char *const parts[] = {
		"{\"sections\":{\"pipeline\":[{\"name\":\"sluice\"",
		"\"store\":[{\"name\":\"table\"",
		"\"sources\":{\"file\":{\"summary\":",
		"\"codecs\":{\"csv\":{",
		"\"rules\":{\"case\":{",
		"\"coalesce\":{",
		"}}",
	};
	(void)state;
	sl_pipeline_describe(&out);
	for (size_t i = 0; i < SL_ARRAY_LEN(parts); i++)
		if (!strstr(sl_buf_z(&out), parts[i]))
			fail_msg("no %s in %s", parts[i], sl_buf_z(&out));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pipeline_good_file_is_read_whole),
		TEST(test_pipeline_mistakes_are_told_at_their_place),
		TEST(test_pipeline_names_end_at_63_bytes),
		TEST(test_pipeline_errors_of_all_sections_come_in_one_pass),
		TEST(test_pipeline_other_documents_are_no_crash),
		TEST(test_pipeline_set_beats_environment_beats_file),
		TEST(test_pipeline_overrides_leave_sources_out_and_know_their_origin),
		TEST(test_pipeline_environment_names_a_sources_field),
		TEST(test_pipeline_backend_is_chosen_and_must_exist),
		TEST(test_pipeline_column_is_computed_unless_it_is_read_too),
		TEST(test_pipeline_rev_and_shape_change_with_what_they_stand_for),
		TEST(test_pipeline_source_order_is_part_of_rev_and_shape),
		TEST(test_pipeline_is_found_by_name_folder_and_file),
		TEST(test_pipeline_describe_lists_sections_and_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
