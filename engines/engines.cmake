# One line an engine: a module beside the executables, opened at first use. The only places that
# include the library's own header.

sluice_module(simdjson engines/simdjson.cpp)
target_link_libraries(engine_simdjson PRIVATE simdjson)
