/* One line a codec: X(name) declares sl_codec_<name> and puts it into the table. */
X(csv)
X(json)
X(jsonl)
