# One line an engine: a module beside the executables, opened at first use. The only places that
# include the library's own header.

sluice_module(simdjson engines/simdjson.cpp engines/simdjson_text.cpp)
target_link_libraries(engine_simdjson PRIVATE simdjson)
sluice_module(duckdb engines/duckdb.c engines/duckdb_copy.c engines/duckdb_load.c
  engines/duckdb_query.c engines/duckdb_text.c) # its library is opened by name: scripts/get-duckdb
sluice_module(pg engines/pg.c engines/pg_copy.c engines/pg_error.c engines/pg_lock.c engines/pg_text.c)
target_link_libraries(engine_pg PRIVATE PkgConfig::PQ)
sluice_module(curl engines/curl.c engines/curl_carry.c)
target_link_libraries(engine_curl PRIVATE PkgConfig::CURL)
sluice_module(html engines/html.c engines/html_charset.c engines/html_label.c engines/html_match.c
              engines/html_tags.c engines/html_xpath.c)
target_link_libraries(engine_html PRIVATE PkgConfig::XML)
sluice_module(mongo engines/mongo.c engines/mongo_bson.c engines/mongo_mark.c engines/mongo_probe.c
  engines/mongo_read.c engines/mongo_write.c)
target_link_libraries(engine_mongo PRIVATE PkgConfig::MONGOC)
sluice_module(crypto engines/crypto.c)
target_link_libraries(engine_crypto PRIVATE PkgConfig::CRYPTO)

# hiredis with TLS, where scripts/get-hiredis has built one (scripts/lib.sh does): linked into the module.
set(hiredis ${CMAKE_SOURCE_DIR}/.cache/hiredis)
if(EXISTS ${hiredis}/lib/libhiredis.a)
  find_package(OpenSSL REQUIRED)
  sluice_module(redis engines/redis.c engines/redis_list.c engines/redis_stream.c
    engines/redis_tls.c)
  target_include_directories(engine_redis SYSTEM PRIVATE ${hiredis}/include)
  target_link_libraries(engine_redis PRIVATE ${hiredis}/lib/libhiredis.a OpenSSL::SSL)
else()
  message(WARNING "no Redis: run scripts/get-hiredis, then configure again")
endif()
