"""The faults that Sluice must survive, which tests meet each, and the table that the suite prints. A test is named
by a part of its id; one that does not run here, because its layer was not asked for, is told as such."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POINTS = "test_chain_points.py::test_a_fault_anywhere_then_the_task_again"
STOPS = "test_chain_points.py::test_a_stage_that_stops_anywhere"
KILLS = "test_kill.py::test_every_fault_point_then_rerun"
STAGE = "test_kill_stage.py::test_stage_killed_at_random_moments"
SIGNALS = "test_chain_signals.py::test_signals_at_random_moments_then_the_run_again"
SERVERS = "test_chain_servers.py::test_"
BETWEEN = f"{SERVERS}redis_loses_what_it_had_between_two_stages"
ALWAYS = f"{SERVERS}redis_in_trouble_all_the_time"
DOCUMENTS = "test_chain_documents.py::test_"
ATTEMPTS = "test_chain_attempts.py::test_"

OTHER = "test_other_points.py::test_a_fault_anywhere_then_once_more"
COLLECTS = ("a_sql_source", "a_mongo_source", "an_http_source", "a_site", "a_list", "an_upload_in_parts")


@dataclass(frozen=True)
class Row:
    fault: str
    tests: tuple[str, ...] = ()
    note: str = ""  # what else proves it, or why these parts cannot meet it


def killed(stage: str) -> tuple[str, ...]:
    return tuple(f"{STAGE}_then_again[{backend}-{stage}]" for backend in ("embedded", "local"))


def other(kind: str, works: tuple[str, ...] = COLLECTS) -> tuple[str, ...]:
    return tuple(f"{OTHER}[{work}-{kind}" for work in works)


ROWS = {
    "F1": Row(
        "collect is killed before a chunk is linked",
        (f"{POINTS}[collect-kill", KILLS, *killed("collect"), *other("kill")),
    ),
    "F2": Row(
        "… after the link, before the log entry",
        (f"{POINTS}[collect-kill", f"{POINTS}[collect-abort", KILLS, *other("abort")),
    ),
    "F3": Row(
        "… after a ticket was pushed; its answer is lost",
        (
            f"{POINTS}[collect-",
            f"{SERVERS}redis_behind_a_bad_line",
            "test_queue.py::test_a_trouble_while_tickets_are_pushed",
        ),
    ),
    "F4": Row("normalize is killed between input and output", (f"{POINTS}[normalize-", *killed("normalize"))),
    "F5": Row(
        "… after its output, before the ticket is taken off",
        (
            f"{POINTS}[normalize-kill",
            "test_queue.py::test_killed_anywhere",
            "test_queue.py::test_what_a_killed_taker_held",
        ),
    ),
    "F6": Row("store is killed before COMMIT", (f"{POINTS}[store-", KILLS, *killed("store"))),
    "F7": Row("… after COMMIT, before its mark", (f"{POINTS}[store-kill", KILLS)),
    "F8": Row("aggregate is killed in mid-write", (f"{POINTS}[aggregate-", *killed("aggregate"))),
    "F9": Row("change capture is killed", note="there is no change capture"),
    "F10": Row(
        "SIGTERM at any moment",
        (f"{SIGNALS}[term", "test_kill.py::test_sigterm", "test_signals.py::test_stop_at_any_moment"),
    ),
    "F11": Row(
        "the parent dies",
        ("test_late.py::test_stage_ends_with_its_parent", "test_signals.py::test_stage_is_gone", f"{SIGNALS}[kill"),
    ),
    "F12": Row(
        "Redis restarts", (f"{ALWAYS}[restart", f"{BETWEEN}[restart", "time_only[restarted]", "time_only[killed]")
    ),
    "F13": Row("Redis loses everything", (f"{ALWAYS}[flush", f"{BETWEEN}[lose", f"{BETWEEN}[flush", f"{BETWEEN}[stay")),
    "F14": Row("Redis is full", (f"{ALWAYS}[fill", f"{BETWEEN}[fill", "time_only[no memory]")),
    "F15": Row(
        "Redis evicts, or writes no log",
        ("time_only[evicting]",),
        "allowed: a ticket is a cache, and what is lost is F13",
    ),
    "F16": Row(
        "PostgreSQL restarts or hangs up in mid-work",
        (
            f"{SERVERS}postgres_restarts_in_a_loop",
            f"{SERVERS}the_line_to_postgres_is_cut",
            "test_pg_errors.py::test_server_gives_up",
        ),
    ),
    "F17": Row(
        "deadlocks, lock timeouts",
        (
            f"{ATTEMPTS}eight_identical_runs",
            f"{STOPS}_and_wakes_when_another_attempt_is_done[store",
            "test_kill.py::test_two_runs_at_once",
        ),
    ),
    "F18": Row("PostgreSQL refuses rows", ("test_refused_rows.py::",)),
    "F19": Row(
        "the document server fails",
        (
            f"{POINTS}[publish-",
            f"{STOPS}_and_wakes_when_another_attempt_is_done[publish",
            f"{DOCUMENTS}the_document_server",
            f"{DOCUMENTS}the_line",
            f"{DOCUMENTS}a_fault",
            "test_publish_kill.py::",
            "test_publish_access.py::test_a_failover",
            "test_publish_access.py::test_what_fails_once",
            "test_source_mongo.py::test_a_server_that_dies",
        ),
    ),
    "F20": Row(
        "a line falls silent",
        (
            f"{DOCUMENTS}the_line_to_the_document_server_falls_silent",
            "test_queue.py::test_a_bad_line_costs_time_only",
            "test_s3.py::test_stopping_is_quick",
        ),
        "PostgreSQL: keepalive and TCP_USER_TIMEOUT",
    ),
    "F21": Row(
        "a connection breaks at any byte",
        (
            f"{SERVERS}the_line_to_postgres_is_cut",
            f"{DOCUMENTS}the_line_to_the_document_server_is_cut",
            f"{SERVERS}redis_behind_a_bad_line",
            f"{SERVERS}a_bucket_that_fails",
        ),
    ),
    "F22": Row("a server is slow", ("test_web.py::test_a_slow_page", "test_chaos.py::")),
    "F23": Row(
        "429, 503, storms of errors",
        (
            f"{SERVERS}a_bucket_that_fails",
            "test_s3.py::test_a_store_that_stays_busy",
            "test_http.py::test_a_wait",
            "test_web.py::test_a_server_that_is_busy",
        ),
    ),
    "F24": Row(
        "a body is cut off or damaged",
        (
            f"{SERVERS}a_bucket_that_fails",
            "test_s3.py::test_what_comes_back_damaged",
            "test_http.py::test_every_fault_has_its_exit_code",
        ),
    ),
    "F25": Row(
        "what is paged changes meanwhile",
        ("test_source_sql.py::test_rows_that_move", "test_source_mongo.py::test_documents_that_move"),
    ),
    "F26": Row(
        "I/O error or full disk anywhere",
        ("[collect-eio", "[normalize-eio", "[store-eio", "[aggregate-eio", "-eio]", "test_hostile.py::test_full_disk"),
    ),
    "F27": Row("tickets come 1-5 times, in any order", (f"{ATTEMPTS}tickets_come_twice",)),
    "F28": Row(
        "versions of a key in any order",
        ("test_delivery.py::test_latest_keeps_the_greatest", "test_generate.py::test_late_versions"),
        "every case of the chain: 40 % of its records",
    ),
    "F29": Row("a record that crashes whoever takes it", note="no queue decides: the stage ends with 70, others go on"),
    "F30": Row(
        "an oversized record",
        ("test_hostile.py::test_line_of_a_gibibyte", "test_hostile.py::test_a_record_that_just_fits"),
    ),
    "F31": Row("wrong or jumping clocks", ("test_s3.py::test_a_wrong_clock",), "no name comes from a clock"),
    "F32": Row(
        "the same run several times at once",
        (
            f"{ATTEMPTS}eight_identical_runs",
            "test_kill.py::test_two_runs_at_once",
            "test_late.py::test_a_store_whose_clean_parts",
        ),
    ),
    "F33": Row(
        "an attempt sleeps while another finishes",
        (
            STOPS,
            *other("stop", (*COLLECTS, "documents_in_a_file", "a_rebuild")),
            f"{ATTEMPTS}rules_change_in_mid_run",
            f"{DOCUMENTS}a_publish_of_changes_sleeps",
            "test_late.py::test_attempt_that_wakes_up_late",
            "test_late.py::test_embedded",
        ),
    ),
    "F34": Row(
        "the scheduler starts a task again while it runs", (STOPS, f"{ATTEMPTS}eight_identical_runs"), "as F32 and F33"
    ),
    "F35": Row("columns come, go or change", ("test_evolve.py::", "test_mutations.py::")),
    "F36": Row("broken UTF-8, NUL, surrogates", ("test_cases.py::test_f", "test_hostile.py::test_broken_content")),
    "F37": Row(
        "numbers at and beyond their limits",
        ("test_cases.py::test_n", "test_cases.py::test_f05", "test_cases.py::test_f10"),
        "unit: test_num, test_type",
    ),
    "F38": Row("deep, huge, colliding JSON", ("test_hostile.py::test_broken_content",), "unit: test_codec_json"),
    "F39": Row("decompression bombs", ("test_hostile.py::",), "unit: test_bronze, test_ticket"),
    "F40": Row(
        "XML entities",
        ("test_hostile.py::test_hostile_page_gives_its_rows_or_is_refused[entities",),
        "no XML is read; pages go through an HTML parser, without entities or network",
    ),
    "F41": Row(
        "addresses of one's own network",
        ("test_http.py::test_local_addresses", "test_web.py::test_addresses"),
        "unit: test_http_guard",
    ),
    "F42": Row(
        "SQL in names and data",
        (
            "test_cases.py::test_p05",
            "test_source_sql.py::test_names_with_quotes",
            "test_source_sql.py::test_a_query_cannot_write",
        ),
    ),
    "F43": Row(
        "operators in document keys",
        (
            "test_publish.py::test_keys_with_dots_dollars",
            "test_publish.py::test_a_wrong_section",
            "test_cases_mongo.py::test_m02",
        ),
        'every case of the chain: the keys "$set" and "a.b"',
    ),
    "F44": Row(
        "regular expressions that never end", ("test_web_limits.py::test_a_regex",), "unit: test_rules (match limit)"
    ),
    "F45": Row(
        "secrets in logs, command lines, tables, bronze, cores",
        (
            f"{ATTEMPTS}a_secret",
            f"{ATTEMPTS}a_stage_that_aborts",
            "test_queue_access.py::test_the_password",
            "test_s3.py::test_the_secret",
            "test_http.py::test_credentials",
        ),
    ),
    "F46": Row(
        "paths out of their folder, devices, links",
        ("test_hostile.py::test_input_that_cannot_be_read",),
        "unit: test_file, test_collect",
    ),
    "F47": Row(
        "TLS that cannot be trusted",
        (
            "test_queue_access.py::test_tls",
            "test_publish_access.py::test_a_certificate",
            "test_http.py::test_certificates",
            "test_pg_errors.py::test_tls",
        ),
    ),
    "F48": Row(
        "answers without end",
        ("test_http.py::test_pages_that_never_end", "test_http.py::test_more_pages"),
        "unit: test_http",
    ),
    "F49": Row("memory is refused", ("test_exit_codes.py::test_out_of_memory", "test_exit_codes.py::test_more_memory")),
    "F50": Row(
        "memory and files grow in long runs",
        ("test_source_sql.py::test_memory_stays_flat", "test_generate.py::test_memory"),
        "bench/, 1 M to 10 M rows",
    ),
}

Report = tuple[str, dict[str, object], bool]  # a test's id, its properties, whether it passed


def others() -> list[str]:
    """Files of other layers that hold a test which meets a fault."""
    files = {t.partition("::")[0] for row in ROWS.values() for t in row.tests if ".py" in t}
    tests = Path(__file__).resolve().parents[1]
    places = [tests / layer / name for layer in ("contract", "golden", "integration") for name in files]
    return sorted(str(path) for path in places if path.exists())


def meets_one(test: str) -> bool:
    return any(t in test for row in ROWS.values() for t in row.tests)


def told(row: Row, reports: list[Report]) -> tuple[str, str]:
    """How many faults of this kind were met, and what came of it."""
    ran = [r for r in reports if any(t in r[0] for t in row.tests)]
    failed = [r for r in ran if not r[2]]
    if failed:
        return str(sum(count(r) for r in ran)), f"FAILED: {failed[0][0].rpartition('::')[2]}"
    if ran:
        return str(sum(count(r) for r in ran)), "passed" if row.note == "" else f"passed; {row.note}"
    if row.tests:
        return "-", "not in this run: " + ", ".join(sorted({t.partition("::")[0] for t in row.tests}))
    return "-", row.note


def count(report: Report) -> int:
    return int(str(report[1].get("cases", 1)))


def table(reports: list[Report]) -> list[str]:
    """Markdown."""
    lines = ["| | fault | cases | result |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {row.fault} | {n} | {result} |"
        for name, row in ROWS.items()
        for n, result in [told(row, reports)]
    ]  # fmt: skip
    total = sum(count(r) for r in reports if r[2])
    return [*lines, "", f"{total} cases in {len(reports)} tests, {sum(not r[2] for r in reports)} of which failed."]
