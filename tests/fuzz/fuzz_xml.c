/*
 * S3's answers: what is found lies inside the document, and a text written into an element reads
 * back as it was.
 */
#include "fuzz.h"
#include "net/s3_xml.h"

static void walk(struct sl_str doc)
{
	static const char *const tags[] = {"Contents", "Key", "Size", "a"};

	for (size_t i = 0; i < SL_ARRAY_LEN(tags); i++) {
		struct sl_str rest = doc, inner;

		for (size_t left = rest.n; sl_xml_next(&rest, tags[i], &inner); left = rest.n) {
			FUZZ_MUST(rest.n < left && rest.p + rest.n == doc.p + doc.n);
			FUZZ_MUST(inner.n == 0 ||
				  (inner.p >= doc.p && inner.p + inner.n <= rest.p));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf element = SL_BUF_INIT, text = SL_BUF_INIT;
	const struct sl_str in = fuzz_input(data, size);

	walk(in);
	sl_xml_text(in, &text);
	FUZZ_MUST(text.n <= in.n);
	sl_buf_clear(&text);
	sl_buf_adds(&element, "<Key>");
	sl_xml_add(in, &element);
	sl_buf_adds(&element, "</Key>");
	sl_xml_text(sl_xml_first(sl_buf_str(&element), "Key"), &text);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&text), in));
	return 0;
}
