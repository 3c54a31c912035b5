/*
 * What an executable of ours says of itself: every flag and field, by --describe.
 */
#ifndef SL_SLUICE_DESCRIBE_H
#define SL_SLUICE_DESCRIBE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"

/* exe: "sluice-normalize", beside this one. *ret is the caller's. SL_ERR_CONFIG. */
SL_NODISCARD bool sl_describe_of(const char *exe, json_t **ret, struct sl_err *err);
void sl_described_release(json_t **j);

#endif
