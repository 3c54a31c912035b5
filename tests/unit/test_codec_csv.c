/*
 * CSV: which bytes are a record, which are a cell, and what becomes of those that are neither.
 */
#include "codec_support.h"

static const struct col two[] = {{"id", "int64", NULL, false}, {"t", "text", NULL, false}};

struct csv_case {
	const char *in, *want;
};

static void run_cases(const struct setting *settings, const struct csv_case *cases, size_t n)
{
	struct kit k;
	kit_open(&k, "csv", settings, two, 2);
	for (size_t i = 0; i < n; i++) {
		print_message("case %zu\n", i);
		kit_run(&k, cases[i].in);
		kit_expect(&k, cases[i].want);
	}
	kit_close(&k);
}

static void test_csv_cells_follow_rfc_4180(void **state)
{
	(void)state;
	static const struct csv_case cases[] = {
		{"id,t\n1,a\n", "(1,a)"},
		{"id,t\n1,a", "(1,a)"},
		{"id,t\n", ""},
		{"id,t", ""},
		{"id,t\n1,\"a,b\"\n", "(1,a,b)"},
		{"id,t\n1,\"say \"\"hi\"\"\"\n", "(1,say \"hi\")"},
		{"id,t\n1,\"\"\"\"\n", "(1,\")"},
		{"id,t\n1,a\"b\n", "(1,a\"b)"},
		{"id,t\n1,\"a\nb\"\n2,c\n", "(1,a\nb) (2,c)"},
		{"id,t\n1,\"a\rb\"\n2,c\n", "(1,a\rb) (2,c)"},
		{"id,t\r\n1,\"a\r\nb\"\r\n2,c\r\n", "(1,a\r\nb) (2,c)"},
		{"id,t\r1,a\r2,b", "(1,a) (2,b)"},
		{"id,t\r1,a\r2,b\r", "(1,a) (2,b)"},
		{"id,t\n\n1,a\n\r\n\n2,b\n\n", "(1,a) (2,b)"},
		{"t,id\na,1\n", "(1,a)"},
		{"x,t,id,y\n9,a,1,8\n", "(1,a)"},
		{"\"id\",\"t\"\n1, a \n", "(1, a )"},
		{"id,t\n1,\xc3\xa9t\xc3\xa9\n", "(1,\xc3\xa9t\xc3\xa9)"},
	};
	run_cases(NULL, cases, SL_ARRAY_LEN(cases));
}

static void test_csv_what_is_no_record_of_cells_is_one_reject(void **state)
{
	(void)state;
	static const struct csv_case cases[] = {
		{"id,t\n1\n2,b\n", "-:fields (2,b)"},
		{"id,t\n1,a,x\n2,b\n", "-:fields (2,b)"},
		{"id,t\n1,a,\n", "-:fields"},
		{"id,t\n1,\"a\"x\n2,b\n", "-:syntax (2,b)"},
		{"id,t\n1,a\n2,\"b\n3,c\n", "(1,a) -:syntax"},
		{"id,t\n1,\"\n", "-:syntax"},
		{"id,t\nx,a\n2,b\n", "-id:type (2,b)"},
		{"id,t\n1,a\xff\n2,b\n", "-t:UTF-8 (2,b)"},
		{"id,t\n1,\"a\"\"\xff\"\n2,b\n", "-t:UTF-8 (2,b)"},
	};
	run_cases(NULL, cases, SL_ARRAY_LEN(cases));
}

static void test_csv_lenient_drops_an_empty_extra_cell_and_fills_missing_ones(void **state)
{
	(void)state;
	static const struct setting lenient[] = {{"ragged", "lenient"}, {NULL, NULL}};
	static const struct csv_case cases[] = {
		{"id,t\n1,a,\n2\n3,c,x\n4,d,,\n", "(1,a) (2,NULL) -:fields -:fields"},
	};
	run_cases(lenient, cases, SL_ARRAY_LEN(cases));
}

static void test_csv_delimiter_quote_and_header_are_settings(void **state)
{
	(void)state;
	static const struct setting tabs[] = {{"delimiter", "\t"}, {"quote", ""}, {NULL, NULL}};
	static const struct csv_case tab_cases[] = {{"id\tt\n1\t\"a\n2\t,\n", "(1,\"a) (2,,)"}};
	run_cases(tabs, tab_cases, 1);
	static const struct setting single[] = {{"delimiter", ";"}, {"quote", "'"}, {NULL, NULL}};
	static const struct csv_case single_cases[] = {{"id;t\n1;'a;''b'\n", "(1,a;'b)"}};
	run_cases(single, single_cases, 1);
	static const struct setting bare[] = {{"header", "false"}, {NULL, NULL}};
	static const struct csv_case bare_cases[] = {
		{"1,a\n2,b\n", "(1,a) (2,b)"},
		{"\xef\xbb\xbf\"1\",a,more\n2\n", "(1,a) -:fields"},
		{"\xef\xbb\xbf", ""},
		{"", ""},
	};
	run_cases(bare, bare_cases, SL_ARRAY_LEN(bare_cases));
}

static void test_csv_delimiter_auto_is_what_the_header_has_most(void **state)
{
	(void)state;
	static const struct setting automatic[] = {{"delimiter", "auto"}, {NULL, NULL}};
	static const struct csv_case cases[] = {
		{"id,t\n1,a;b\n", "(1,a;b)"},
		{"id;t\n1;a,b\n", "(1,a,b)"},
		{"id\tt\n1\t\"a\tb\"\n", "(1,a\tb)"},
		{"\xef\xbb\xbf\"id\"|t\n1|a\n", "(1,a)"},
		{"\"x,y,z\";id;t\n0;1;\"a;\nb\"\n", "(1,a;\nb)"}, /* quoted ones do not count */
		{"\n\nid;t\r\n1;a\r\n", "(1,a)"},
		{"id\n1,a\n", "-:fields"}, /* none: the comma */
		{"id;t", ""},
	};
	run_cases(automatic, cases, SL_ARRAY_LEN(cases));
	struct kit k;
	kit_open(&k, "csv", automatic, two, 2);
	expect_same_records(&k, SL_STR("\"x,y\";id;t\n0;1;\"a;\nb\"\n2;3;4\n"));
	kit_close(&k);
}

static void test_csv_escape_takes_the_next_character_inside_quotes(void **state)
{
	(void)state;
	static const struct setting escape[] = {{"escape", "\\"}, {NULL, NULL}};
	static const struct csv_case cases[] = {
		{"id,t\n1,\"say \\\"hi\\\"\"\n", "(1,say \"hi\")"},
		{"id,t\n1,\"a\\\\\"\n2,b\n", "(1,a\\) (2,b)"},
		{"id,t\n1,a\\b\n", "(1,a\\b)"},
		{"id,t\n1,\"a\\\",\nb\"\n2,c\n", "(1,a\",\nb) (2,c)"},
		{"id,t\n1,\"a\"\"b\"\n", "(1,a\"b)"},
		{"id,t\n1,\"a\\\"\n", "-:syntax"},
	};
	run_cases(escape, cases, SL_ARRAY_LEN(cases));
	struct kit k;
	kit_open(&k, "csv", escape, two, 2);
	expect_same_records(&k, SL_STR("id,t\n1,\"a\\\",\nb\\\\\"\n2,c\n"));
	kit_close(&k);
}

static void test_csv_skip_counts_lines_before_the_header(void **state)
{
	(void)state;
	static const struct setting skip[] = {{"skip", "2"}, {"delimiter", "auto"}, {NULL, NULL}};
	static const struct csv_case cases[] = {
		{"Report, a, b, c\n\"open\nid;t\n1;a\n", "(1,a)"},
		{"\xef\xbb\xbf"
		 "Report\r\n\r\nid;t\r\n1;a\r\n",
		 "(1,a)"},
		{"x\n\n\n\nid;t\n1;a\n", "(1,a)"},
	};
	run_cases(skip, cases, SL_ARRAY_LEN(cases));
	struct kit k;
	kit_open(&k, "csv", skip, two, 2);
	expect_same_records(&k, SL_STR("Report\r\n\r\nid;t\r\n1;a\r\n"));
	kit_close(&k);
}

static void test_csv_names_that_stand_twice_can_be_numbered(void **state)
{
	(void)state;
	static const struct setting suffix[] = {{"duplicates", "suffix"}, {NULL, NULL}};
	static const struct col cols[] = {{"a", "text", "an", false},
					  {"b", "text", "an_2", false},
					  {"c", "text", "an_3", false},
					  {"d", "text", "an_3_2", false}};
	struct kit k;
	kit_open(&k, "csv", suffix, cols, 4);
	kit_run(&k, "an,an,an,an_3\n1,2,3,4\n");
	kit_expect(&k, "(1,2,3,4)");
	kit_close(&k);
}

static void test_csv_values_are_read_in_the_files_encoding(void **state)
{
	(void)state;
	static const struct setting cp1252[] = {{"encoding", "windows-1252"}, {NULL, NULL}};
	static const struct csv_case cp1252_cases[] = {
		{"id,t\n1,\xe9t\xe9 \x80\n", "(1,\xc3\xa9t\xc3\xa9 \xe2\x82\xac)"},
		{"id,t\n1,\"\x93\"\"\x94\"\n", "(1,\xe2\x80\x9c\"\xe2\x80\x9d)"},
	};
	run_cases(cp1252, cp1252_cases, SL_ARRAY_LEN(cp1252_cases));
	static const struct setting latin9[] = {{"encoding", "iso-8859-15"}, {NULL, NULL}};
	static const struct csv_case latin9_cases[] = {{"id,t\n1,\xa4\n", "(1,\xe2\x82\xac)"}};
	run_cases(latin9, latin9_cases, 1);
	static const struct setting mixed[] = {{"invalid", "windows-1252"}, {NULL, NULL}};
	static const struct csv_case mixed_cases[] = {
		{"id,t\n1,\xc3\xa9\n2,\x80\xe9\n", "(1,\xc3\xa9) (2,\xe2\x82\xac\xc3\xa9)"}};
	run_cases(mixed, mixed_cases, 1);
	static const struct setting replace[] = {{"invalid", "replace"}, {NULL, NULL}};
	static const struct csv_case replace_cases[] = {
		{"id,t\n1,a\xf0\x9f\xffz\n", "(1,a\xef\xbf\xbd\xef\xbf\xbdz)"}};
	run_cases(replace, replace_cases, 1);
}

static void test_csv_without_header_from_is_a_cells_number(void **state)
{
	(void)state;
	static const struct setting bare[] = {{"header", "false"}, {NULL, NULL}};
	static const struct col cols[] = {{"id", "int64", "3", false}, {"t", "text", "1", false}};
	struct kit k;
	kit_open(&k, "csv", bare, cols, 2);
	kit_run(&k, "a,x,1\nb,x,2\nc,x\n");
	kit_expect(&k, "(1,a) (2,b) -:fields");
	kit_close(&k);
	static const struct col wrong[] = {{"id", "int64", "prix", false}};
	kit_open(&k, "csv", bare, wrong, 1);
	assert_false(kit_decode(&k, SL_STR("a\n"), true));
	assert_int_equal(k.err.kind, SL_ERR_CONFIG);
	kit_close(&k);
}

static void test_csv_wrong_settings_are_refused(void **state)
{
	(void)state;
	static const struct setting wrong[][3] = {
		{{"escape", ","}, {NULL, NULL}},
		{{"delimiter", "auto"}, {"header", "false"}, {NULL, NULL}},
		{{"skip", "1"}, {"header", "false"}, {NULL, NULL}},
		{{"encoding", "iso-8859-1"}, {"invalid", "replace"}, {NULL, NULL}},
		{{"delimiter", ";;"}, {NULL, NULL}},
		{{"delimiter", "\xc2\xa7"}, {NULL, NULL}},
		{{"delimiter", "\n"}, {NULL, NULL}},
		{{"delimiter", ""}, {NULL, NULL}},
		{{"quote", "\"\""}, {NULL, NULL}},
		{{"quote", ","}, {NULL, NULL}},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		struct kit k;
		kit_open(&k, "csv", wrong[i], two, 2);
		assert_false(kit_decode(&k, SL_STR("id,t\n"), true));
		assert_int_equal(k.err.kind, SL_ERR_CONFIG);
		kit_close(&k);
	}
}

static void test_csv_header_must_name_required_columns_once(void **state)
{
	(void)state;
	static const struct col cols[] = {{"id", "int64", NULL, true}, {"t", "text", NULL, false}};
	static const struct {
		const char *in, *says;
	} cases[] = {
		{"t,x\na,1\n", "no column \"id\""},
		{"id,t,x,t\n1,a,b,c\n", "\"t\" stands twice in the header: columns 2 and 4"},
		{"\n", "empty"},
		{"", "empty"},
		{"\xef\xbb\xbf", "empty"},
		{"id,\"t\n", "quote never closed"},
		{"id,t\xff\n", "UTF-8"},
		{"\xff\xfei\0d\0,\0t\0\n\0", "UTF-16"},
		{"\xfe\xff\0i", "UTF-16"},
		{"\xef\xbf\xbe"
		 "id,t\n",
		 "UTF-16"},
	};
	struct kit k;
	kit_open(&k, "csv", NULL, cols, 2);
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		if (kit_decode(&k, sl_str_of(cases[i].in), true))
			fail_msg("case %zu is accepted", i);
		assert_int_equal(k.err.kind, SL_ERR_DATA);
		if (!strstr(k.err.msg, cases[i].says))
			fail_msg("case %zu: %s", i, k.err.msg);
	}
	kit_run(&k, "id,x,x\n1,a,b\n"); /* twice, but nobody reads it; t is not required */
	kit_expect(&k, "(1,NULL)");
	kit_close(&k);
}

static void test_csv_nul_and_bad_bytes_are_named_with_their_place(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	assert_true(kit_decode(&k, SL_STR("id,t\n1,a\0b\n2,c\n"), true));
	kit_expect(&k, "-t:NUL (2,c)");
	kit_expect_reason(&k, "byte 3 of the record");
	assert_true(kit_decode(&k, SL_STR("id,t\n1,\"a\"\"\"\"\0b\"\n"), true));
	kit_expect(&k, "-t:NUL");
	kit_expect_reason(&k, "byte 8 of the record");
	assert_true(kit_decode(&k, SL_STR("id,t\n1,\"a\"\"\xff\"\n"), true));
	kit_expect(&k, "-t:UTF-8");
	kit_expect_reason(&k, "byte 6 of the record");
	kit_close(&k);
}

static void test_csv_texts_without_doubled_quotes_are_views(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	kit_run(&k, "id,t\n1,abc\n2,\"d,e\"\n");
	for (size_t row = 0; row < 2; row++) {
		struct sl_str s = k.batch.cols[1].u.str[row];
		assert_true(s.p >= k.body.p && s.p < k.body.p + k.body.n);
	}
	assert_int_equal(k.batch.arena.used, 0);
	assert_int_equal(k.batch.pos[1].offset, 6);
	assert_int_equal(k.batch.pos[1].length, 7);
	kit_close(&k);
}

static void test_csv_a_steady_flow_of_parts_allocates_nothing(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	expect_no_allocation_in_a_second_part(&k, "id,t\n1,a\n2,\"b\"\"c\"\nx,d\n4\n5,\"e\n");
	kit_close(&k);
}

static void test_csv_a_part_may_be_full_but_not_fuller(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	sl_buf_adds(&in, "id,t\n");
	for (size_t i = 0; i < SL_PART_ROWS; i++)
		sl_buf_addf(&in, "%zu,x\n", i);
	assert_true(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(sl_batch_count(&k.batch, SL_ROW_KEPT), SL_PART_ROWS);
	assert_int_equal(k.batch.cols[0].u.i64[SL_PART_ROWS - 1], SL_PART_ROWS - 1);
	sl_buf_adds(&in, "1,x\n");
	assert_false(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(k.err.kind, SL_ERR_DATA);
	kit_close(&k);
}

static void test_csv_pieces_of_any_size_give_the_same_records(void **state)
{
	(void)state;
	static const char *const inputs[] = {
		"\xef\xbb\xbf\"a,1\",b\r\n1,\"x\r\ny\"\r\n\r\n2,\"\"\"\"\n3,\"a\"b\"\n\n4,\xc3\xa9",
		"\xef\xbb\xbf\n\xef\xbb\xbf\"x\n\"\n",
		"\xef\xbbx\"\n\"\n",
		"a\rb\r\rc\r\n\r\r\n\"q\r\"\rd\r",
		"a,\"never closed\nb,c\n",
		"\n\n\r\n",
		"a\n",
	};
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	for (size_t i = 0; i < SL_ARRAY_LEN(inputs); i++)
		expect_same_records(&k, sl_str_of(inputs[i]));
	kit_close(&k);
}

/* Random texts of the bytes that matter: as many rows as the cutter counted (kit_decode compares).
 */
static void test_csv_cutter_and_decoder_agree_on_any_bytes(void **state)
{
	(void)state;
	static const struct setting bare[] = {
		{"header", "false"}, {"ragged", "lenient"}, {NULL, NULL}};
	static const char bytes[] = "\"\"\",,\n\r\nab\xef\xbb\xbf ";
	struct kit k;
	kit_open(&k, "csv", bare, two, 2);
	uint64_t seed = 7;
	for (size_t i = 0; i < 20000; i++) {
		char in[24];
		size_t n = i % sizeof(in);
		for (size_t j = 0; j < n; j++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			in[j] = bytes[(seed >> 33) % (sizeof(bytes) - 1)];
		}
		assert_true(kit_decode(&k, (struct sl_str){in, n}, true));
		if (i % 50 == 0)
			expect_same_records(&k, (struct sl_str){in, n});
	}
	kit_close(&k);
}

/* --- inputs of the shared cases --- */

struct shared_case {
	const char *file;
	const struct setting *settings;
	struct col cols[4];
	size_t n;
	const char *want, *reason;
};

static void run_shared(const struct shared_case *c)
{
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	read_case(c->file, &in);
	struct kit k;
	kit_open(&k, "csv", c->settings, c->cols, c->n);
	if (!kit_decode(&k, sl_buf_str(&in), true))
		fail_msg("%s: %s", c->file, k.err.msg);
	kit_expect(&k, c->want);
	if (c->reason)
		kit_expect_reason(&k, c->reason);
	expect_same_records(&k, sl_buf_str(&in));
	kit_close(&k);
}

static void test_case_f01_mark_before_a_quoted_header(void **state)
{
	(void)state;
	run_shared(&(struct shared_case){
		.file = "f01.csv",
		.cols = {{"ref, interne", "text", NULL, true}, {"prix", "int64", NULL, true}},
		.n = 2,
		.want = "(1000001,345000) (1000002,280000)",
	});
}

static void test_case_f02_line_break_before_a_closing_quote(void **state)
{
	(void)state;
	run_shared(&(struct shared_case){
		.file = "f02.csv",
		.cols = {{"id", "int64", NULL, true},
			 {"note", "text", NULL, 0},
			 {"qty", "int64", NULL, 0}},
		.n = 3,
		.want = "(1,ligne un\nvaleur = 2\n,10) (2,fin\n,20) (3,ok,30)",
	});
}

static void test_case_f11_one_separator_too_many(void **state)
{
	(void)state;
	static const struct setting lenient[] = {{"ragged", "lenient"}, {NULL, NULL}};
	struct shared_case c = {
		.file = "f11.csv",
		.cols = {{"ref", "int64", NULL, 0},
			 {"pieces", "int64", NULL, 0},
			 {"prix", "int64", NULL, 0}},
		.n = 3,
		.want = "-:fields -:fields -:fields",
		.reason = "4 fields, 3 expected",
	};
	run_shared(&c);
	c.settings = lenient;
	c.want = "(11,40,700) (12,50,800) -:fields";
	run_shared(&c);
}

static void test_case_f13_a_quote_never_closed(void **state)
{
	(void)state;
	run_shared(&(struct shared_case){
		.file = "f13.csv",
		.cols = {{"id", "int64", NULL, 0},
			 {"titre", "text", NULL, 0},
			 {"prix", "int64", NULL, 0}},
		.n = 3,
		.want = "(1,Studio,90000) (2,Loft,310000) -:syntax",
		.reason = "quote never closed",
	});
}

static void test_csv_open_quote_says_its_line_where_that_is_not_the_records(void **state)
{
	(void)state;
	static const struct {
		const char *in, *reason;
	} cases[] = {
		{"id,t\n1,\"x\n", "quote never closed"},
		{"id,t\n\"1\n2\r\n\",\"x\ny\n",
		 "quote never closed: opened on line 3 of the record"},
	};
	struct kit k;
	kit_open(&k, "csv", NULL, two, 2);
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		assert_true(kit_decode(&k, sl_str_of(cases[i].in), true));
		assert_int_equal(k.batch.n_rejects, 1);
		assert_string_equal(k.batch.rejects[0].reason, cases[i].reason);
	}
	kit_close(&k);
}

static void test_csv_lenient_rows_are_counted_with_the_first_place(void **state)
{
	(void)state;
	static const struct setting lenient[] = {{"ragged", "lenient"}, {NULL, NULL}};
	struct kit k;
	kit_open(&k, "csv", lenient, two, 2);
	kit_run(&k, "id,t\n1,a\n2,b,\n3\n4,c,\n5,d,e\n");
	assert_int_equal(k.batch.ragged.longer, 2);
	assert_int_equal(k.batch.ragged.shorter, 1);
	assert_int_equal(k.batch.ragged.first.offset, strlen("1,a\n"));
	kit_run(&k, "id,t\n1,a\n");
	assert_int_equal(k.batch.ragged.longer + k.batch.ragged.shorter, 0);
	kit_close(&k);
}

static void test_case_f17_two_columns_of_one_name(void **state)
{
	(void)state;
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	read_case("f17.csv", &in);
	static const struct col cols[] = {{"mai", "text", NULL, 0}, {"an", "text", NULL, 0}};
	struct kit k;
	kit_open(&k, "csv", NULL, cols, 2);
	assert_false(kit_decode(&k, sl_buf_str(&in), true));
	assert_int_equal(k.err.kind, SL_ERR_DATA);
	assert_non_null(strstr(k.err.msg, "\"an\""));
	assert_non_null(strstr(k.err.msg, "columns 2 and 4"));
	kit_close(&k);
}

static void test_case_f19_one_line_of_another_encoding(void **state)
{
	(void)state;
	run_shared(&(struct shared_case){
		.file = "f19.csv",
		.cols = {{"id", "int64", NULL, 0}, {"texte", "text", NULL, 0}},
		.n = 2,
		.want = "(1,\xc3\xa9t\xc3\xa9) -texte:UTF-8 (3,\xc3\xa0 louer)",
		.reason = "byte 4 of the record",
	});
}

static void test_case_f20_crlf_and_lf_give_the_same_rows(void **state)
{
	(void)state;
	struct shared_case c = {
		.file = "f20.lf.csv",
		.cols = {{"id", "int64", NULL, 0}, {"t", "text", NULL, 0}},
		.n = 2,
		.want = "(1,a) (2,b\nb) (3,c\rc) (4,d)",
	};
	run_shared(&c);
	c.file = "f20.crlf.csv";
	run_shared(&c);
}

static void test_case_p04_empty_text_and_null_differ(void **state)
{
	(void)state;
	static const struct setting nulls[] = {{"nulls", "NULL"}, {NULL, NULL}};
	struct shared_case c = {
		.file = "p04.csv",
		.cols = {{"id", "int64", NULL, 0}, {"t", "text", NULL, 0}},
		.n = 2,
		.want = "(1,NULL) (2,) (3,NULL) (4,NULL) (5, )",
	};
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;
	read_case(c.file, &in);
	run_shared(&c);
	for (int with_token = 0; with_token < 2; with_token++) {
		struct kit k;
		kit_open(&k, "csv", with_token ? nulls : NULL, c.cols, c.n);
		assert_true(kit_decode(&k, sl_buf_str(&in), true));
		const uint8_t want[] = {0, 1, 1, !with_token,
					1}; /* "NULL" as text counts as a value */
		assert_memory_equal(k.batch.cols[1].valid, want, 5);
		kit_close(&k);
	}
	c.cols[1].required = true;
	c.want = "-t:required (2,) (3,NULL) (4,NULL) (5, )";
	run_shared(&c);
}

static void test_case_n04_codes_with_an_e_are_texts_and_no_integers(void **state)
{
	(void)state;
	static const struct setting tabs[] = {{"delimiter", "\t"}, {NULL, NULL}};
	struct shared_case c = {
		.file = "n04.tsv",
		.settings = tabs,
		.cols = {{"code", "text", NULL, 0}},
		.n = 1,
		.want = "(0031590042281DD70004) (0031590042281E730002) (904416e1) (44E44) (7E0) "
			"(1_000) (0x1A)",
	};
	run_shared(&c);
	c.cols[0].type = "int64";
	c.want = "-code:type -code:type -code:type -code:type -code:type -code:type -code:type";
	run_shared(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_cells_follow_rfc_4180),
		cmocka_unit_test(test_csv_what_is_no_record_of_cells_is_one_reject),
		cmocka_unit_test(test_csv_lenient_drops_an_empty_extra_cell_and_fills_missing_ones),
		cmocka_unit_test(test_csv_delimiter_quote_and_header_are_settings),
		cmocka_unit_test(test_csv_delimiter_auto_is_what_the_header_has_most),
		cmocka_unit_test(test_csv_escape_takes_the_next_character_inside_quotes),
		cmocka_unit_test(test_csv_skip_counts_lines_before_the_header),
		cmocka_unit_test(test_csv_names_that_stand_twice_can_be_numbered),
		cmocka_unit_test(test_csv_values_are_read_in_the_files_encoding),
		cmocka_unit_test(test_csv_without_header_from_is_a_cells_number),
		cmocka_unit_test(test_csv_wrong_settings_are_refused),
		cmocka_unit_test(test_csv_header_must_name_required_columns_once),
		cmocka_unit_test(test_csv_nul_and_bad_bytes_are_named_with_their_place),
		cmocka_unit_test(test_csv_texts_without_doubled_quotes_are_views),
		cmocka_unit_test(test_csv_a_steady_flow_of_parts_allocates_nothing),
		cmocka_unit_test(test_csv_a_part_may_be_full_but_not_fuller),
		cmocka_unit_test(test_csv_pieces_of_any_size_give_the_same_records),
		cmocka_unit_test(test_csv_cutter_and_decoder_agree_on_any_bytes),
		cmocka_unit_test(test_case_f01_mark_before_a_quoted_header),
		cmocka_unit_test(test_case_f02_line_break_before_a_closing_quote),
		cmocka_unit_test(test_case_f11_one_separator_too_many),
		cmocka_unit_test(test_case_f13_a_quote_never_closed),
		cmocka_unit_test(test_case_f17_two_columns_of_one_name),
		cmocka_unit_test(test_csv_open_quote_says_its_line_where_that_is_not_the_records),
		cmocka_unit_test(test_csv_lenient_rows_are_counted_with_the_first_place),
		cmocka_unit_test(test_case_f19_one_line_of_another_encoding),
		cmocka_unit_test(test_case_f20_crlf_and_lf_give_the_same_rows),
		cmocka_unit_test(test_case_p04_empty_text_and_null_differ),
		cmocka_unit_test(test_case_n04_codes_with_an_e_are_texts_and_no_integers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
