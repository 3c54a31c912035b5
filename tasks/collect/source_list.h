/* One line a source: X(name) declares sl_source_<name> and puts it into the table. */
X(file)
X(redis)
X(sql)
X(mongo)
X(http)
X(web)
