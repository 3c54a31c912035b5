/*
 * A message of a list as one line of JSON that codec jsonl reads.
 */
#ifndef SL_COLLECT_MESSAGE_H
#define SL_COLLECT_MESSAGE_H

#include "base/buf.h"
#include "base/str.h"

/*
 * Appends the message and a line end. JSON text that was encoded again as a JSON string, up to three
 * times, is taken out; line ends between its tokens become blanks. What is no JSON stays as it is
 * and becomes a reject; nothing at all becomes null, so that it is one, too.
 */
void sl_message_line(struct sl_buf *out, struct sl_str message);

#endif
