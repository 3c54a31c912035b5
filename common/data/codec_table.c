/*
 * The codecs there are, from codec_list.h.
 */
#include "data/codec.h"

#define X(name) extern const struct sl_codec sl_codec_##name;
#include "data/codec_list.h"
#undef X

const struct sl_codec *const sl_codecs[] = {
#define X(name) &sl_codec_##name,
#include "data/codec_list.h"
#undef X
	NULL,
};

const struct sl_codec *sl_codec_find(const char *name)
{
	for (size_t i = 0; sl_codecs[i]; i++)
		if (strcmp(sl_codecs[i]->name, name) == 0)
			return sl_codecs[i];
	return NULL;
}
