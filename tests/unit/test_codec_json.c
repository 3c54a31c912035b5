/*
 * JSON and JSON lines: where records end, which values reach the contract and how, and that
 * whatever cannot be read is one reject beside rows that stay whole.
 */
#include "codec_support.h"

static const struct col two[] = {{"id", "int64", NULL, false}, {"t", "text", NULL, false}};

struct json_case {
	const char *in, *want;
};

static void run_cases(const char *codec, const struct col *cols, size_t n_cols,
		      const struct json_case *cases, size_t n)
{
	struct kit k;
	kit_open(&k, codec, NULL, cols, n_cols);
	for (size_t i = 0; i < n; i++) {
		print_message("case %zu\n", i);
		kit_run(&k, cases[i].in);
		kit_expect(&k, cases[i].want);
		expect_same_records(&k, sl_str_of(cases[i].in));
	}
	kit_close(&k);
}

static void test_json_elements_of_an_array_are_records(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"", ""},
		{"[]", ""},
		{" [ \n ] \n", ""},
		{"[{\"id\":1,\"t\":\"a\"}]", "(1,a)"},
		{"[{\"id\":1,\"t\":\"a\"},{\"id\":2,\"t\":\"b\"}]\n", "(1,a) (2,b)"},
		{"[\n  {\n    \"id\": 1,\n    \"t\": \"a\"\n  },\n  {\n    \"id\": 2\n  }\n]\n",
		 "(1,a) (2,NULL)"},
		{"\xef\xbb\xbf[{\"id\":1}]", "(1,NULL)"},
		{"{\"id\":1,\"t\":\"a\"}", "(1,a)"},
		{"{\"id\":1}\n{\"id\":2}", "(1,NULL) (2,NULL)"},
		{"[{\"id\":1}][{\"id\":2}]", "(1,NULL) (2,NULL)"},
		{"[{\"id\":1,\"t\":\"[{]},\\\"\\\\\"},{\"id\":2}]", "(1,[{]},\"\\) (2,NULL)"},
		{"[{\"id\":1,\"x\":[[],{\"y\":[1,{}]}]},{\"id\":2}]", "(1,NULL) (2,NULL)"},
	};
	run_cases("json", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_other_elements_are_rejects_of_their_own(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"[1,{\"id\":1},\"x\",null,[2,3],{\"id\":2}]",
		 "-:syntax (1,NULL) -:syntax -:syntax -:syntax (2,NULL)"},
		{"[{\"id\":1},,{\"id\":2}]", "(1,NULL) -:syntax (2,NULL)"},
		{"[{\"id\":1},]", "(1,NULL) -:syntax"},
		{"[,{\"id\":1}]", "-:syntax (1,NULL)"},
		{"<html>\n<p class=\"a\">{no}</p>\n</html>\n", "-:syntax -:syntax -:syntax"},
		{"[{\"id\":1}xyz,{\"id\":2}]", "(1,NULL) -:syntax (2,NULL)"},
		{"[{\"id\" 1},{\"id\":2}]", "-:syntax (2,NULL)"},
		{"[{\"id\":1,},{\"id\":2}]", "-:syntax (2,NULL)"},
		{"[{\"id\":1 \"t\":2},{\"id\":2}]", "-:syntax (2,NULL)"},
		{"nothing", "-:syntax"},
		{"\xff\xfe{\0", "-:syntax"},
	};
	run_cases("json", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_unbalanced_brackets_keep_no_row(void **state)
{
	(void)state;
	static const char *const inputs[] = {
		"[{\"id\":[1},{\"id\":2}]",
		"[{\"id\":1]},{\"id\":{2}]",
		"{\"id\":1",
		"[{\"id\":1,\"t\":\"a",
		"[{\"id\":1,\"t\":\"a\\",
		"[",
		"[{",
	};
	struct kit k;
	kit_open(&k, "json", NULL, two, 2);
	for (size_t i = 0; i < SL_ARRAY_LEN(inputs); i++) {
		kit_run(&k, inputs[i]);
		assert_int_equal(sl_batch_count(&k.batch, SL_ROW_KEPT), 0);
		assert_true(k.batch.rows > 0);
	}
	kit_expect_reason(&k, "input ends inside a record");
	kit_close(&k);
}

static void test_json_an_array_that_is_not_closed_is_told(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"[{\"id\":1},{\"id\":2}", "(1,NULL) -:syntax"},
		{"[{\"id\":1},{\"id\":2}  \n", "(1,NULL) -:syntax"},
		{"[{\"id\":1},{\"id\":2},", "(1,NULL) (2,NULL) -:syntax"},
	};
	run_cases("json", two, 2, cases, SL_ARRAY_LEN(cases));
	struct kit k;
	kit_open(&k, "json", NULL, two, 2);
	kit_run(&k, cases[0].in);
	kit_expect_reason(&k, "input ends before the array is closed");
	assert_true(kit_decode(&k, sl_str_of(cases[0].in), false)); /* more parts follow */
	kit_expect(&k, "(1,NULL) (2,NULL)");
	kit_close(&k);
}

/* The reader expects a record's keys in the order of the one before. */
static void test_jsonl_keys_may_change_their_order_from_record_to_record(void **state)
{
	static const struct col three[] = {{"id", "int64", NULL, false},
					   {"t", "text", NULL, false},
					   {"u", "text", NULL, false}};
	static const struct json_case cases[] = {
		{"{\"id\":1,\"t\":\"a\",\"u\":\"x\"}\n{\"u\":\"y\",\"t\":\"b\",\"id\":2}\n"
		 "{\"t\":\"c\",\"id\":3,\"x\":{\"t\":0},\"u\":\"z\"}\n{\"u\":\"v\"}\n{\"x\":1}\n"
		 "{\"id\":6,\"t\":\"f\"}\n",
		 "(1,a,x) (2,b,y) (3,c,z) (NULL,NULL,v) (NULL,NULL,NULL) (6,f,NULL)"},
		{"{\"u\":\"a\\u0062\",\"\\u0074\":\"c\"}\n{\"t\":\"d\",\"id\":1}\n",
		 "(NULL,c,ab) (1,d,NULL)"},
	};

	(void)state;
	run_cases("jsonl", three, 3, cases, SL_ARRAY_LEN(cases));
}

static void test_jsonl_each_line_is_a_record(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"", ""},
		{"\n \r\n", ""},
		{"{\"id\":1}\n{\"id\":2}", "(1,NULL) (2,NULL)"},
		{"{\"id\":1}\r\n\r\n  {\"id\":2}  \r\n", "(1,NULL) (2,NULL)"},
		{"\xef\xbb\xbf{\"id\":1}\n", "(1,NULL)"},
		{"{\"id\":1}\n<html>\n[1]\n\"x\n{\"id\":2}\n",
		 "(1,NULL) -:syntax -:syntax -:syntax (2,NULL)"},
		{"{\"id\":1} {\"id\":2}\n", "-:syntax"},
		{"[{\"id\":1}]\n{\"id\":2}\n", "-:syntax (2,NULL)"},
		{"{\"id\":1}\n{\"id\":2", "(1,NULL) -:syntax"},
	};
	run_cases("jsonl", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_values_keep_their_kind_and_their_digits(void **state)
{
	(void)state;
	static const struct col cols[] = {
		{"i", "int64", NULL, 0}, {"d", "decimal(18,4)", NULL, 0}, {"b", "bool", NULL, 0},
		{"x", "text", NULL, 0},	 {"l", "list<text>", NULL, 0},
	};
	static const struct json_case cases[] = {
		{"{\"i\":9007199254740993,\"d\":123456789.1234,\"b\":true,\"x\":1.50,\"l\":[\"a\","
		 "1,\"\"]}",
		 "(9007199254740993,123456789.1234,true,1.50,a|1||)"},
		{"{\"i\":\"12\",\"d\":1e-2,\"b\":0,\"x\":{\"y\": [ 1 ]},\"l\":[]}",
		 "(12,0.0100,false,{\"y\": [ 1 ]},)"},
		{"{\"i\":null,\"d\":null,\"b\":null,\"x\":null,\"l\":null}",
		 "(NULL,NULL,NULL,NULL,NULL)"},
		{"{\"i\":\"\",\"d\":\"\",\"b\":\"\",\"x\":\"\",\"l\":\"\"}", "(NULL,NULL,NULL,,)"},
		{"{\"x\":[1, \"a\" ,null]}", "(NULL,NULL,NULL,[1, \"a\" ,null],NULL)"},
		{"{\"x\":[1, \"a\" ]}", "(NULL,NULL,NULL,[1, \"a\" ],NULL)"},
		{"{}", "(NULL,NULL,NULL,NULL,NULL)"},
		{"{\"i\":1e3}", "-i:type"},
		{"{\"i\":1.0}", "-i:type"},
		{"{\"i\":true}", "-i:type"},
		{"{\"l\":[null]}", "-l:type"},
		{"{\"l\":[[\"a\"]]}", "-l:type"},
		{"{\"l\":\"a\"}", "-l:type"},
	};
	run_cases("jsonl", cols, SL_ARRAY_LEN(cols), cases, SL_ARRAY_LEN(cases));
}

static void test_json_escapes_become_their_letters(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"{\"t\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "(NULL,\"\\/\b\f\n\r\t)"},
		{"{\"t\":\"\\u00e9\\u20ac\\uD83D\\uDD25\"}",
		 "(NULL,\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xa5)"},
		{"{\"\\u0074\":\"key\"}", "(NULL,key)"},
		{"{\"t\":\"a\\u0000b\"}", "-t:NUL"},
		{"{\"t\":\"code \\\\u0000\"}", "(NULL,code \\u0000)"},
		{"{\"t\":\"\\ud83d\"}", "-t:surrogate"},
		{"{\"t\":\"\\udd25\\ud83d\"}", "-t:surrogate"},
		{"{\"t\":\"\\ud83dx\"}", "-t:surrogate"},
		{"{\"t\":\"\\ud83d\\u0041\"}", "-t:surrogate"},
		{"{\"u\":\"\\ud83d\",\"t\":\"a\"}", "(NULL,a)"},
		{"{\"t\":\"\\q\"}", "-t:syntax"},
		{"{\"u\":\"\\q\"}", "-:syntax"},
		{"{\"t\":\"\\u12g4\"}", "-t:syntax"},
		{"{\"t\":\"\\u12\"}", "-t:syntax"},
		{"{\"t\":\"a\tb\"}", "-:syntax"},
		{"{\"t\":\"a\xff\"}", "-:syntax"},
	};
	run_cases("jsonl", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_skipped_values_are_checked_too(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"{\"id\":1,\"u\":NaN}", "-:syntax"},
		{"{\"id\":NaN}", "-id:syntax"},
		{"{\"id\":-Infinity}", "-id:syntax"},
		{"{\"id\":1,\"u\":01}", "-:syntax"},
		{"{\"id\":1,\"u\":1.}", "-:syntax"},
		{"{\"id\":1,\"u\":.5}", "-:syntax"},
		{"{\"id\":1,\"u\":+5}", "-:syntax"},
		{"{\"id\":1,\"u\":1e}", "-:syntax"},
		{"{\"id\":1,\"u\":-}", "-:syntax"},
		{"{\"id\":1,\"u\":tru}", "-:syntax"},
		{"{\"id\":1,\"u\":True}", "-:syntax"},
		{"{\"id\":1,\"u\":'a'}", "-:syntax"},
		{"{\"id\":1,\"u\":[1,]}", "-:syntax"},
		{"{\"id\":1,\"u\":[1 2]}", "-:syntax"},
		{"{\"id\":1,\"u\":[,1]}", "-:syntax"},
		{"{\"id\":1,\"u\":{1:2}}", "-:syntax"},
		{"{\"id\":1,\"u\":{\"a\"}}", "-:syntax"},
		{"{\"id\":1,\"u\":}", "-:syntax"},
		{"{\"id\":1,\"u\":\"x\"y}", "-:syntax"},
		{"{\"id\":1,\"u\":[}]", "-:syntax"},
		{"{\"id\":1}}", "-:syntax"},
		{"{\"id\":1,\"u\":-0.5E+10}", "(1,NULL)"},
	};
	run_cases("jsonl", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_a_used_key_may_not_stand_twice(void **state)
{
	(void)state;
	static const struct json_case cases[] = {
		{"{\"id\":1,\"t\":\"a\",\"id\":1}", "-id:duplicate key"},
		{"{\"id\":1,\"u\":1,\"u\":2}", "(1,NULL)"},
		{"{\"id\":1,\"u\":{\"id\":2},\"t\":\"a\"}", "(1,a)"},
		{"{\"id\":1,\"id\":null}\n{\"id\":2}", "-id:duplicate key (2,NULL)"},
	};
	run_cases("jsonl", two, 2, cases, SL_ARRAY_LEN(cases));
}

static void test_json_dots_lead_into_objects_unless_a_key_has_the_name(void **state)
{
	(void)state;
	static const struct col cols[] = {
		{"dpe", "text", "infos.dpe", 0},
		{"prix", "int64", "infos.prix.net", 0},
		{"infos", "text", NULL, 0},
	};
	static const struct json_case cases[] = {
		{"{\"infos\":{\"dpe\":\"C\",\"prix\":{\"net\":5}}}",
		 "(C,5,{\"dpe\":\"C\",\"prix\":{\"net\":5}})"},
		{"{\"infos.dpe\":\"A\",\"infos\":{\"dpe\":\"C\"}}", "(A,NULL,{\"dpe\":\"C\"})"},
		{"{\"infos\":{\"dpe\":\"C\"},\"infos.dpe\":\"A\"}", "(A,NULL,{\"dpe\":\"C\"})"},
		{"{\"infos\":{\"dpe\":\"C\"},\"infos.dpe\":null}", "(NULL,NULL,{\"dpe\":\"C\"})"},
		{"{\"infos\":{\"prix.net\":7}}", "(NULL,7,{\"prix.net\":7})"},
		{"{\"infos.prix\":{\"net\":7}}", "(NULL,NULL,NULL)"},
		{"{\"infos\":\"x\",\"dpe\":\"C\"}", "(NULL,NULL,x)"},
		{"{\"infos\":[{\"dpe\":\"C\"}]}", "(NULL,NULL,[{\"dpe\":\"C\"}])"},
		{"{\"u\":{\"infos\":{\"dpe\":\"C\"}}}", "(NULL,NULL,NULL)"},
		{"{\"infos\":{\"dpe\":\"C\",\"dpe\":\"D\"}}", "-dpe:duplicate key"},
	};
	run_cases("jsonl", cols, SL_ARRAY_LEN(cols), cases, SL_ARRAY_LEN(cases));
}

static void test_json_rest_is_what_no_other_column_reads(void **state)
{
	(void)state;
	static const struct col cols[] = {
		{"id", "int64", NULL, 0},
		{"rest", "text", "*", 0},
		{"dpe", "text", "infos.dpe", 0},
	};
	static const struct json_case cases[] = {
		{"{\"id\":1}", "(1,NULL,NULL)"},
		{"{\"id\":1,\"promo\":\"é\"}", "(1,{\"promo\":\"é\"},NULL)"},
		{"{ \"a\" : 1.50 , \"id\" : 1 , \"b\" : [ {\"id\":2} , 3 ] }",
		 "(1,{\"a\" : 1.50,\"b\" : [ {\"id\":2} , 3 ]},NULL)"},
		{"{\"id\":1,\"infos\":{\"dpe\":\"C\",\"x\":1},\"y\":{\"id\":7}}",
		 "(1,{\"y\":{\"id\":7}},C)"},
		{"{\"id\":1,\"x\":null,\"\\u0000\\ud800\":\"\\ud800\"}",
		 "(1,{\"x\":null,\"\\u0000\\ud800\":\"\\ud800\"},NULL)"},
		{"{\"id\":1,\"x\":1,\"x\":2,\"*\":3}", "(1,{\"x\":1,\"x\":2,\"*\":3},NULL)"},
		{"{\"id\":1,\"x\":2\n{\"id\":2}", "-:syntax (2,NULL,NULL)"},
		/* nothing stays of the record before, whole or broken */
		{"{\"id\":1,\"x\":2}\n{\"id\":2}\n{\"id\":3,\"y\":4}",
		 "(1,{\"x\":2},NULL) (2,NULL,NULL) (3,{\"y\":4},NULL)"},
		{"{\"id\":1,\"x\":2,}\n{\"id\":2}", "-:syntax (2,NULL,NULL)"},
	};
	run_cases("jsonl", cols, SL_ARRAY_LEN(cols), cases, SL_ARRAY_LEN(cases));
}

static void nest(struct sl_buf *in, size_t lists)
{
	sl_buf_clear(in);
	sl_buf_adds(in, "{\"id\":1,\"u\":");
	for (size_t i = 0; i < lists; i++)
		sl_buf_addc(in, '[');
	for (size_t i = 0; i < lists; i++)
		sl_buf_addc(in, ']');
	sl_buf_adds(in, "}\n");
}

static void test_json_nesting_ends_at_64_levels(void **state)
{
	(void)state;
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	struct kit k;
	kit_open(&k, "jsonl", NULL, two, 2);
	nest(&in, 63);
	kit_run(&k, sl_buf_z(&in));
	kit_expect(&k, "(1,NULL)");
	nest(&in, 64);
	kit_run(&k, sl_buf_z(&in));
	kit_expect(&k, "-:syntax");
	nest(&in, 100000);
	kit_run(&k, sl_buf_z(&in));
	kit_expect(&k, "-:syntax");
	kit_close(&k);
}

static void test_json_texts_without_escapes_are_views(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "json", NULL, two, 2);
	kit_run(&k, "[ {\"id\":1, \"t\":\"abc\", \"u\":\"\\n\"},\n {\"id\":2,\"t\":\"\"} ]");
	struct sl_str s = k.batch.cols[1].u.str[0];
	assert_true(s.p > k.body.p && s.p < k.body.p + k.body.n);
	assert_int_equal(k.batch.arena.used, 0);
	assert_int_equal(k.batch.pos[0].offset, 2);
	assert_memory_equal(k.body.p + k.batch.pos[1].offset, "{\"id\":2,\"t\":\"\"}",
			    k.batch.pos[1].length);
	kit_close(&k);
}

static void test_json_a_steady_flow_of_parts_allocates_nothing(void **state)
{
	(void)state;
	static const struct col cols[] = {
		{"id", "int64", NULL, 0}, {"t", "text", "a.t", 0}, {"l", "list<text>", NULL, 0}};
	struct kit k;
	kit_open(&k, "json", NULL, cols, 3);
	expect_no_allocation_in_a_second_part(&k,
					      "[{\"id\":1,\"a\":{\"t\":\"\\u00e9\"},\"l\":[\"x\",2,"
					      "\"\\n\"],\"u\":\"\\t\"},{\"id\":\"x\"},{]");
	kit_close(&k);
}

static void test_json_a_part_may_be_full_but_not_fuller(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "jsonl", NULL, two, 2);
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	for (size_t i = 0; i < SL_PART_ROWS; i++)
		sl_buf_addf(&in, "{\"id\":%zu}\n", i);
	assert_true(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(sl_batch_count(&k.batch, SL_ROW_KEPT), SL_PART_ROWS);
	assert_int_equal(k.batch.cols[0].u.i64[SL_PART_ROWS - 1], SL_PART_ROWS - 1);
	sl_buf_adds(&in, "{}");
	assert_false(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(k.err.kind, SL_ERR_DATA);
	kit_close(&k);
}

/* A part may begin at any record: decoding the parts gives the rows of the whole. */
static void test_json_parts_cut_at_any_record_give_the_same_rows(void **state)
{
	(void)state;
	static const char in[] = "\xef\xbb\xbf [ {\"id\":1} , {\"id\":2},[3],4 "
				 ",\n{\"id\":5,\"t\":\"]\"}, \"6\" ]\n[] {\"id\":7}\n";
	struct kit whole, part;
	kit_open(&whole, "json", NULL, two, 2);
	kit_open(&part, "json", NULL, two, 2);
	kit_run(&whole, in);
	const size_t rows = whole.batch.rows, n_ends = whole.n_ends;
	assert_int_equal(rows, 7);
	for (size_t i = 0; i < n_ends; i++) {
		const size_t at = whole.ends[i];
		assert_true(kit_decode(&part, (struct sl_str){in, at}, false));
		const size_t first = part.batch.rows;
		assert_true(kit_decode(&part, (struct sl_str){in + at, sizeof(in) - 1 - at}, true));
		assert_int_equal(first + part.batch.rows, rows);
		for (size_t r = 0; r < part.batch.rows; r++)
			assert_int_equal(part.batch.state[r], whole.batch.state[first + r]);
	}
	kit_close(&part);
	kit_close(&whole);
}

/* Random texts of the bytes that matter: as many rows as the cutter counted (kit_decode compares).
 */
static void fuzz(const char *codec)
{
	static const char bytes[] = "[[]]{{}},,::\"\"\"\\\n 1atn\xef\xbb\xbf-.e\xff";
	struct kit k;
	kit_open(&k, codec, NULL, two, 2);
	uint64_t seed = 11;
	for (size_t i = 0; i < 10000; i++) {
		char in[32];
		size_t n = i % sizeof(in);
		for (size_t j = 0; j < n; j++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			in[j] = bytes[(seed >> 33) % (sizeof(bytes) - 1)];
		}
		assert_true(kit_decode(&k, (struct sl_str){in, n}, i % 2));
		if (i % 50 == 0)
			expect_same_records(&k, (struct sl_str){in, n});
	}
	kit_close(&k);
}

static void test_json_cutter_and_decoder_agree_on_any_bytes(void **state)
{
	(void)state;
	fuzz("json");
	fuzz("jsonl");
}

/* --- inputs of the shared cases --- */

static void run_shared(const char *file, const struct col *cols, size_t n, const char *want,
		       const char *reason)
{
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	read_case(file, &in);
	struct kit k;
	kit_open(&k, "jsonl", NULL, cols, n);
	if (!kit_decode(&k, sl_buf_str(&in), true))
		fail_msg("%s: %s", file, k.err.msg);
	kit_expect(&k, want);
	if (reason)
		kit_expect_reason(&k, reason);
	expect_same_records(&k, sl_buf_str(&in));
	kit_close(&k);
}

static void test_case_f05_identifiers_keep_every_digit(void **state)
{
	(void)state;
	static const struct col cols[] = {{"id", "int64", NULL, true},
					  {"id_str", "text", NULL, true}};
	run_shared("f05.ndjson", cols, 2,
		   "(9007199254740993,9007199254740993) (1234567890123456789,1234567890123456789) "
		   "(-9007199254740995,-9007199254740995)",
		   NULL);
}

static void test_case_f07_an_escaped_nul_rejects_its_row_alone(void **state)
{
	(void)state;
	static const struct col cols[] = {{"id", "int64", NULL, true},
					  {"titre", "text", NULL, true}};
	run_shared("f07.ndjson", cols, 2, "(1,Maison) -titre:NUL (3,code \\u0000 litteral)", "NUL");
}

static void test_case_f08_half_a_surrogate_pair_is_no_text(void **state)
{
	(void)state;
	run_shared("f08.ndjson", two, 2,
		   "(1,ok) -t:surrogate -t:surrogate -t:surrogate (5,\xf0\x9f\x94\xa5)",
		   "surrogate");
}

static void test_case_f10_nan_and_infinity_are_rejected(void **state)
{
	(void)state;
	static const struct col cols[] = {{"id", "int64", NULL, true},
					  {"surface", "float64", NULL, 0}};
	run_shared("f10.ndjson", cols, 2, "-surface:syntax -surface:syntax (3,42.5)",
		   "NaN and Infinity are not JSON");
}

static void test_case_f16_the_cut_off_record_is_a_reject_with_its_place(void **state)
{
	(void)state;
	static const struct col cols[] = {{"id", "int64", NULL, true}, {"titre", "text", NULL, 0}};
	run_shared("f16.ndjson", cols, 2, "(1,Studio) (2,Loft) -:syntax",
		   "input ends inside a record");
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	read_case("f16.ndjson", &in);
	struct kit k;
	kit_open(&k, "jsonl", NULL, cols, 2);
	assert_true(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(k.batch.pos[2].offset, 50);
	assert_int_equal(k.batch.pos[2].length, 23);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_elements_of_an_array_are_records),
		cmocka_unit_test(test_json_other_elements_are_rejects_of_their_own),
		cmocka_unit_test(test_json_unbalanced_brackets_keep_no_row),
		cmocka_unit_test(test_json_an_array_that_is_not_closed_is_told),
		cmocka_unit_test(test_jsonl_keys_may_change_their_order_from_record_to_record),
		cmocka_unit_test(test_jsonl_each_line_is_a_record),
		cmocka_unit_test(test_json_values_keep_their_kind_and_their_digits),
		cmocka_unit_test(test_json_escapes_become_their_letters),
		cmocka_unit_test(test_json_skipped_values_are_checked_too),
		cmocka_unit_test(test_json_a_used_key_may_not_stand_twice),
		cmocka_unit_test(test_json_dots_lead_into_objects_unless_a_key_has_the_name),
		cmocka_unit_test(test_json_rest_is_what_no_other_column_reads),
		cmocka_unit_test(test_json_nesting_ends_at_64_levels),
		cmocka_unit_test(test_json_texts_without_escapes_are_views),
		cmocka_unit_test(test_json_a_steady_flow_of_parts_allocates_nothing),
		cmocka_unit_test(test_json_a_part_may_be_full_but_not_fuller),
		cmocka_unit_test(test_json_parts_cut_at_any_record_give_the_same_rows),
		cmocka_unit_test(test_json_cutter_and_decoder_agree_on_any_bytes),
		cmocka_unit_test(test_case_f05_identifiers_keep_every_digit),
		cmocka_unit_test(test_case_f07_an_escaped_nul_rejects_its_row_alone),
		cmocka_unit_test(test_case_f08_half_a_surrogate_pair_is_no_text),
		cmocka_unit_test(test_case_f10_nan_and_infinity_are_rejected),
		cmocka_unit_test(test_case_f16_the_cut_off_record_is_a_reject_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
