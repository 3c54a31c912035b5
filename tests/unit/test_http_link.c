/*
 * tasks/collect/http_link: which link is the next page's.
 */
#include "base_support.h"

#include "tasks/collect/http_link.h"

static void test_http_link_next_is_found_as_the_rfc_writes_it(void **state)
{
	static const struct {
		const char *value, *want; /* NULL: none */
	} cases[] = {
		{"</a>; rel=\"next\"", "/a"},
		{"</a>;rel=next", "/a"},
		{"</a> ; REL = \"Next\"", "/a"},
		{"</a>; rel=\"last next\"", "/a"},
		{"</a>; rel=prev, </b>; rel=next, </c>; rel=next", "/b"},
		{"</x?a,b;c>; rel=next", "/x?a,b;c"},
		{"</a>; title=\"1, 2; <x>\"; rel=next", "/a"},
		{"</a>; title=\"a\\\"; rel=next\"; rel=prev, </b>; rel=next", "/b"},
		{"</a>; title=\"a\\\"; rel=next; x=\\\"\"; rel=prev", NULL},
		{"</a>; title=\"rel=next\"", NULL},
		{"</a>; rel=prev; rel=next", NULL},
		{"</a>; rel=nextish, </b>; rel=\"x-next\"", NULL},
		{"</a>; title=\"never closed; rel=next", NULL},
		{"</a; rel=next", NULL},
		{"/a; rel=next", NULL},
		{"</a>, </b>; rel=next", "/b"},
		{"</a>; rel, </b>; rel=next", "/b"},
		{",, </a>;;; rel=next", "/a"},
		{"<>; rel=next", ""},
		{"", NULL},
		{"<", NULL},
		{"</a>; rel=", NULL},
		{"</a>; rel=\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const struct sl_str got = sl_http_next_link(sl_str_of(cases[i].value));

		print_message("%s\n", cases[i].value);
		if (!cases[i].want)
			assert_null(got.p);
		else
			assert_true(sl_str_eqz(got, cases[i].want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_link_next_is_found_as_the_rfc_writes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
