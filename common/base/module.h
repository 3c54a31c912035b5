/*
 * Engine modules: libsluice-<name>.so, opened at first use so that a stage pays only for the engine
 * it needs. Each exports one symbol, sl_module_<name>, a pointer to the engine's descriptor.
 * Looked for beside the executable (/proc/self/exe): ./, ../lib/sluice/, then ../engines/.
 */
#ifndef SL_BASE_MODULE_H
#define SL_BASE_MODULE_H

#include "base/compiler.h"
#include "base/err.h"

/* SL_ERR_CONFIG when the module or a library that it needs is missing (names both). Stays open. */
SL_NODISCARD bool sl_module_open(const char *name, const void **ret_descriptor, struct sl_err *err);

/* The directory of the running executable, without a slash at its end; borrowed for ever. */
const char *sl_exe_dir(void);

#endif
