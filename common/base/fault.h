/*
 * Fault points, test builds only (-DSL_FAULTS): SL_FAULT("store.before_switch") does nothing unless
 * the environment says SLUICE_FAULT=name[:nth][:kill|abort|eio|stop|wait], nth = 1, 2, … or "last" is
 * found by the suite with SLUICE_FAULT_TRACE=FILE, which appends each point's name when passed.
 * kill: SIGKILL to itself; abort: SIGABRT; stop: SIGSTOP; wait: sleeps until it is told to end, for
 * the first process of a container, which cannot stop itself; eio: the function returns false with
 * SL_ERR_IO, so the macro stands where a bool with err can be returned.
 */
#ifndef SL_BASE_FAULT_H
#define SL_BASE_FAULT_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"

#ifdef SL_FAULTS
SL_NODISCARD bool sl_fault(const char *name, struct sl_err *err);
#define SL_FAULT(name, err)                                                                        \
	do {                                                                                       \
		if (!sl_fault(name, err))                                                          \
			return false;                                                              \
	} while (0)
#else
#define SL_FAULT(name, err)                                                                        \
	do {                                                                                       \
	} while (0)
#endif

#endif
