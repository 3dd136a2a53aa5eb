"""What the dashboard shows: its rows, and what each panel asks Prometheus."""  # noqa: INP001  (see panels.py)

from __future__ import annotations

from deploy.grafana.panels import BAD, GOOD, Query, Row, figure, lines, rows_of, states

DESK = 'job="$job"'
OURS = f'{DESK}, group=~"enrichment|indexer|ingest:.+"'
OTHERS = f'{DESK}, group!~"enrichment|indexer|ingest:.+"'


def per_minute(metric: str, by: str, extra: str = "") -> str:
    """The rate of a counter, in articles (or whatever it counts) a minute, summed ``by`` labels."""
    return f"sum by ({by}) (rate({metric}{{{DESK}{extra}}}[$__rate_interval])) * 60"


def quantile(share: float, metric: str, by: str, extra: str = "") -> str:
    """Seconds within which ``share`` of what a histogram saw was done."""
    rate = f"sum by ({by}, le) (rate({metric}_bucket{{{DESK}{extra}}}[$__rate_interval]))"
    return f"histogram_quantile({share:g}, {rate})"


def top(how: str, metric: str, by: str, labels: str = DESK) -> str:
    """A gauge that several processes see alike, once."""
    return f"{how} by ({by}) ({metric}{{{labels}}})"


OVERVIEW = Row(
    "Overview",
    (
        figure(
            "Unaccounted",
            "Articles received that are neither on their way nor have an outcome. Not 0: "
            "`wiredesk ledger` names them.",
            f"sum(wiredesk_ledger_unaccounted_articles{{{DESK}}})",
            (1, BAD),
        ),
        figure(
            "Ledger balanced",
            "Seconds since the ledger was last balanced; it is each minute.",
            f"time() - min(wiredesk_ledger_checked_timestamp_seconds{{{DESK}}})",
            (600, BAD),
            unit="s",
        ),
        figure(
            "In flight",
            "Articles received that have no outcome yet.",
            f'sum(wiredesk_ledger_articles{{{DESK}, state="in_flight"}})',
        ),
        figure(
            "Ready",
            "Processes whose /readyz is green.",
            f"sum(wiredesk_ready{{{DESK}}})",
            (1, GOOD),
            first=BAD,
        ),
        figure(
            "Halted stages",
            "Stages that their failure budget has stopped: `wiredesk dead list`, then "
            "`wiredesk resume`.",
            f"sum(max by (stage) (wiredesk_halted{{{DESK}}}))",
            (1, BAD),
        ),
        figure(
            "Dead letters",
            "In the last 24 hours, of all stages.",
            f"sum(increase(wiredesk_dead_letters_total{{{DESK}}}[24h]))",
            (1, BAD),
        ),
        figure(
            "Oldest in inbox",
            "Age of the oldest file without a receipt.",
            f"max(wiredesk_inbox_oldest_seconds{{{DESK}}})",
            (3600, BAD),
            unit="s",
        ),
        figure("Articles", "In the store, to be found.", f"max(wiredesk_store_articles{{{DESK}}})"),
        lines(
            "Articles a minute",
            "Four stations of the same articles: the lines lie on each other where the desk keeps "
            "up. Received also counts what couldn't be read.",
            "short",
            Query(
                f"sum(rate(wiredesk_articles_received_total{{{DESK}}}[$__rate_interval])) * 60",
                "received",
            ),
            Query(
                f"sum(rate(wiredesk_articles_published_total{{{DESK}}}[$__rate_interval])) * 60",
                "published",
            ),
            Query(per_minute("wiredesk_articles_processed_total", "stage"), "{{stage}}"),
            width=12,
        ),
        lines(
            "From drop to store",
            "Seconds within which half, 95 and 99 of 100 articles are searchable after their file "
            "was dropped.",
            "s",
            *(
                Query(quantile(share, "wiredesk_hop_seconds", "hop", ', hop="end_to_end"'), name)
                for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ),
            width=12,
        ),
    ),
)

STAGES = Row(
    "Stages",
    (
        lines(
            "Processes",
            "Of each stage, that answer.",
            "short",
            Query(top("count", "wiredesk_build_info", "stage"), "{{stage}}"),
        ),
        states(
            "Not ready, waiting, halted",
            "Red: /readyz is red; the stage waits for something outside; its failure budget has "
            "stopped it.",
            Query(f"1 - {top('max', 'wiredesk_ready', 'stage')}", "{{stage}} not ready"),
            Query(top("min", "wiredesk_waiting", "stage"), "{{stage}} waiting"),
            Query(top("max", "wiredesk_halted", "stage"), "{{stage}} halted"),
        ),
        lines(
            "Seconds of a batch",
            "Within which 95 of 100 batches were worked on.",
            "s",
            Query(quantile(0.95, "wiredesk_batch_seconds", "stage"), "{{stage}}"),
        ),
        lines(
            "Articles of a batch",
            "On average. Low: there is nothing to wait for. At its most: there is a backlog.",
            "short",
            Query(
                f"sum by (stage) (rate(wiredesk_batch_articles_sum{{{DESK}}}[$__rate_interval])) / "
                f"sum by (stage) (rate(wiredesk_batch_articles_count{{{DESK}}}[$__rate_interval]))",
                "{{stage}}",
            ),
        ),
        lines(
            "Seconds of a hop",
            "Within which 95 of 100 articles are published after the drop, enriched after that, "
            "searchable after that.",
            "s",
            Query(quantile(0.95, "wiredesk_hop_seconds", "hop", ', hop!="end_to_end"'), "{{hop}}"),
        ),
        lines(
            "Outcomes a minute",
            "What became of articles, counted where it is decided.",
            "short",
            Query(per_minute("wiredesk_outcomes_total", "outcome"), "{{outcome}}"),
        ),
    ),
)

STREAMS = Row(
    "Streams and groups",
    (
        lines(
            "Entries in streams",
            "Read ones too, as long as they are kept.",
            "short",
            Query(top("max", "wiredesk_stream_length", "stream"), "{{stream}}"),
        ),
        lines(
            "Waiting for a stage",
            "Entries that a stage's group hasn't been given (lag).",
            "short",
            Query(top("max", "wiredesk_group_lag_entries", "stream, group", OURS), "{{group}}"),
        ),
        lines(
            "In work",
            "Entries given to a worker and not acknowledged (pending).",
            "short",
            Query(top("max", "wiredesk_group_pending_entries", "stream, group", OURS), "{{group}}"),
        ),
        lines(
            "Oldest of a stage",
            "Age of the oldest entry that a stage isn't done with.",
            "s",
            Query(top("max", "wiredesk_group_oldest_seconds", "stream, group", OURS), "{{group}}"),
        ),
        lines(
            "Subscribers behind",
            "Entries that a subscriber or a webhook hasn't been given. At its limit "
            "(WIREDESK_SUBSCRIBER_LIMIT) it loses events.",
            "short",
            Query(
                top("max", "wiredesk_group_lag_entries", "stream, group", OTHERS),
                "{{group}} ({{stream}})",
            ),
        ),
        lines(
            "Oldest of subscribers",
            "Age of the oldest entry that a subscriber isn't done with.",
            "s",
            Query(
                top("max", "wiredesk_group_oldest_seconds", "stream, group", OTHERS),
                "{{group}} ({{stream}})",
            ),
        ),
    ),
)

FAILURES = Row(
    "Dead letters and attempts",
    (
        lines(
            "Dead letters",
            "In 15 minutes, by stage and reason. `wiredesk dead list` shows them.",
            "short",
            Query(
                f"sum by (stage, reason) (increase(wiredesk_dead_letters_total{{{DESK}}}[15m]))",
                "{{stage}} {{reason}}",
            ),
        ),
        lines(
            "Attempts a minute",
            "Begun, and those that ended in an exception.",
            "short",
            Query(per_minute("wiredesk_attempts_total", "stage"), "{{stage}}"),
            Query(per_minute("wiredesk_attempts_failed_total", "stage"), "{{stage}} failed"),
        ),
        lines(
            "Dead letters that came back",
            "Retried and processed, in 15 minutes.",
            "short",
            Query(
                f"sum by (stage) (increase(wiredesk_dead_letters_retried_total{{{DESK}}}[15m]))",
                "{{stage}}",
            ),
        ),
    ),
)

INBOX = Row(
    "Inbox, receipts, ledger",
    (
        lines(
            "Files in the inbox",
            "Waiting, or on their way.",
            "short",
            Query(top("sum", "wiredesk_inbox_files", "state"), "{{state}}"),
        ),
        lines(
            "Receipts a minute",
            "By the folder that the file went to.",
            "short",
            Query(per_minute("wiredesk_receipts_total", "folder"), "{{folder}}"),
        ),
        lines(
            "Lines of receipts a minute",
            "One for each article, by outcome.",
            "short",
            Query(per_minute("wiredesk_receipt_articles_total", "outcome"), "{{outcome}}"),
        ),
        lines(
            "The ledger",
            "Received is the sum of all others, always.",
            "short",
            Query(top("sum", "wiredesk_ledger_articles", "state"), "{{state}}"),
            width=16,
        ),
        lines(
            "Unaccounted",
            "0, or something was lost or counted twice.",
            "short",
            Query(f"sum(wiredesk_ledger_unaccounted_articles{{{DESK}}})", "articles"),
        ),
    ),
)

READERS = Row(
    "Store, API, webhooks",
    (
        lines(
            "Articles in the store",
            "That can be found.",
            "short",
            Query(f"max(wiredesk_store_articles{{{DESK}}})", "articles"),
        ),
        lines(
            "Enriched anew a minute",
            "By `wiredesk reenrich`.",
            "short",
            Query(per_minute("wiredesk_reenriched_total", "outcome"), "{{outcome}}"),
        ),
        lines(
            "Webhooks and event streams",
            "Requests to receivers a minute, by result; clients that read /v1/events now.",
            "short",
            Query(per_minute("wiredesk_webhook_deliveries_total", "result"), "{{result}}"),
            Query(f"sum(wiredesk_event_clients{{{DESK}}})", "clients of /v1/events"),
        ),
    ),
)

RESOURCES = Row(
    "Server and disks",
    (
        lines(
            "The server's memory",
            "Used, and its limit (0: none). Full, it refuses to write, and everything waits.",
            "bytes",
            Query(f"max(wiredesk_server_memory_bytes{{{DESK}}})", "used"),
            Query(f"max(wiredesk_server_memory_limit_bytes{{{DESK}}})", "limit"),
        ),
        states(
            "Server away",
            "Red: a process of the stage doesn't get an answer.",
            Query(
                "1 - min by (stage) (wiredesk_server_up{%s} * on (instance, job) "  # noqa: UP031  (the braces are PromQL's)
                "group_left (stage) wiredesk_build_info{%s})" % (DESK, DESK),
                "{{stage}}",
            ),
        ),
        lines(
            "Free on disks",
            "Bytes free where a folder of ours lies.",
            "bytes",
            Query(top("min", "wiredesk_disk_free_bytes", "folder"), "{{folder}}"),
        ),
    ),
)

PROCESSES = Row(
    "Processes",
    (
        lines(
            "Memory",
            "Resident, of each process.",
            "bytes",
            Query(f"process_resident_memory_bytes{{{DESK}}}", "{{instance}}"),
        ),
        lines(
            "CPU",
            "Cores in use by each process.",
            "short",
            Query(f"rate(process_cpu_seconds_total{{{DESK}}}[$__rate_interval])", "{{instance}}"),
        ),
        lines(
            "Open files",
            "Share of what the process may open.",
            "percentunit",
            Query(f"process_open_fds{{{DESK}}} / process_max_fds{{{DESK}}}", "{{instance}}"),
        ),
        lines(
            "Age of the loop",
            "Seconds since the event loop last turned. It grows while it stalls; after some 30 the "
            "process ends.",
            "s",
            Query(f"wiredesk_loop_age_seconds{{{DESK}}}", "{{instance}}"),
        ),
        lines(
            "Loading the model",
            "Seconds at the last start.",
            "s",
            Query(f"wiredesk_model_load_seconds{{{DESK}}} > 0", "{{instance}}"),
        ),
        rows_of(
            "What runs",
            "Releases and models.",
            f"wiredesk_build_info{{{DESK}}} or wiredesk_model_info{{{DESK}}}",
            *("instance", "stage", "model", "version"),
        ),
    ),
)

LOGS = Row(
    "Logs",
    (
        lines(
            "Lines left out a minute",
            "By the log's limit (WIREDESK_LOG_RATE). Warnings and errors never are.",
            "short",
            Query(per_minute("wiredesk_log_lines_left_out_total", "event"), "{{event}}"),
            width=24,
        ),
    ),
)

RECEIVER = Row(
    "Receiver",
    (
        lines(
            "Uploads a minute",
            "Files sent by HTTP, by how it ended.",
            "short",
            Query(per_minute("wiredesk_drop_uploads_total", "ending"), "{{ending}}"),
        ),
        lines(
            "Bytes a second",
            "Of files that came by HTTP.",
            "Bps",
            Query(
                f"sum(rate(wiredesk_drop_received_bytes_total{{{DESK}}}[$__rate_interval]))",
                "received",
            ),
        ),
        lines(
            "Uploads now",
            "Files that are being taken in.",
            "short",
            Query(f"sum(wiredesk_drop_open_uploads{{{DESK}}})", "open"),
        ),
    ),
)

ROWS = (
    *(OVERVIEW, STAGES, STREAMS, FAILURES),
    *(INBOX, RECEIVER, READERS, RESOURCES, PROCESSES, LOGS),
)
