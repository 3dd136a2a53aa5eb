"""Every setting of Wiredesk, read from ``WIREDESK_…`` environment variables.

One flat tree, read once at the start of a process and handed on; nothing reads
the environment at import.  Each field says its unit and why its default is what
it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]
KIB = 1024
MIB = 1024 * KIB


class Settings(BaseSettings):
    """All settings; see each field's description."""

    model_config = SettingsConfigDict(env_prefix="WIREDESK_", frozen=True, extra="forbid")

    # --- Redis -----------------------------------------------------------------
    redis_url: SecretStr | None = Field(
        default=None,
        description="An existing server, e.g. redis://host:6379/0; or "
        "redis+sentinel://host:26379,host:26379/MASTER/0, or redis+cluster://host:7000,host:7001; "
        "rediss… for TLS. Unset: the embedded one. See docs/high-availability.md.",
    )
    redis_ca_file: Path | None = Field(
        default=None,
        description="The certificate authorities (PEM) that the server's certificate is checked "
        "against, with rediss… URLs. Unset: the system's.",
    )
    redis_cert_file: Path | None = Field(
        default=None,
        description="Our certificate (PEM), where the server asks for one (tls-auth-clients).",
    )
    redis_key_file: Path | None = Field(
        default=None, description="The private key (PEM) of that certificate."
    )
    redis_sentinel_password: SecretStr | None = Field(
        default=None,
        description="The password that the sentinels themselves ask for; a user's name goes into "
        "the URL, ?sentinel_username=NAME.",
    )
    namespace: str = Field(
        default="news",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Hash tag in front of every key; two desks on one server need two names.",
    )
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1,
        description="Parts that the streams of articles are split into, each in a slot of its own "
        "of a Redis Cluster, and read by one worker of a stage at a time: so what comes about one "
        "article is worked on in its order. The same for all services; see docs/partitions.md.",
    )
    connect_timeout: Seconds = Field(
        default=30.0,
        description="Seconds to wait for the server at start before giving up with an error. "
        "Longer than a server takes to load a large append-only file would hide a wrong address.",
    )

    # --- Stages ----------------------------------------------------------------
    claim_after: Seconds = Field(
        default=30.0,
        description="Seconds without a renewed lease after which a message is taken over from its "
        "worker. 15 to 60 is sensible: leases are renewed every quarter of it, so only a dead or "
        "frozen worker loses one; shorter risks work done twice, longer delays recovery.",
    )
    max_attempts: Annotated[int, Field(ge=2)] = Field(
        default=3,
        description="Attempts after which a message becomes a dead letter. At least 2: the first "
        "one is shared with the batch's neighbours, so it proves nothing about the message.",
    )
    batch_size: PositiveInt = Field(
        default=8,
        description="Messages read and worked on together. 8 was the best for spaCy; more only "
        "costs memory.",
    )
    poll_interval: Annotated[int, Field(ge=10, le=2000)] = Field(
        default=500,
        description="Milliseconds that a read blocks for. At most 2000: redis-py's socket timeout "
        "is 5 s, and a stop waits for it.",
    )
    handler_timeout: Seconds = Field(
        default=300.0,
        description="Seconds that one batch may take before the process ends itself as stalled. "
        "Far above any real batch, far below a night.",
    )
    graceful_timeout: Seconds = Field(
        default=20.0,
        description="Seconds that a stop waits for the batch in work. Below the 30 s after which "
        "Kubernetes and Compose kill; what isn't finished is claimed by another worker.",
    )
    marker_ttl: Seconds = Field(
        default=7 * 24 * 3600.0,
        description="Seconds that the marker of where an article is lives after its last hop. "
        "Longer than any outage to be ridden out: while it lives, nothing crosses twice.",
    )
    raw_backlog: PositiveInt = Field(
        default=10_000,
        description="Articles waiting for enrichment above which ingest stops publishing. About "
        "50 MB of Redis at 5 kB each; the folder is the buffer beyond.",
    )

    # --- Retention -------------------------------------------------------------
    retain_raw: Seconds = Field(
        default=3600.0,
        description="Seconds that acknowledged raw articles are kept, for looking at them.",
    )
    retain_enriched: Seconds = Field(
        default=7 * 24 * 3600.0,
        description="Seconds that enriched events are kept for subscribers to replay.",
    )
    retain_outcomes: Seconds = Field(
        default=7 * 24 * 3600.0, description="Seconds that outcomes are kept for replay."
    )
    retain_dead: Seconds = Field(
        default=90 * 24 * 3600.0,
        description="Seconds that dead letters are kept: a quarter, so that somebody sees them.",
    )
    retain_changes: Seconds = Field(
        default=7 * 24 * 3600.0,
        description="Seconds that events of merged stories and changed entities are kept.",
    )
    retain_entries: PositiveInt = Field(
        default=100_000,
        description="Entries of each stream (dead letters excepted) that are kept for replay at "
        "most, however young: about 2 GB of enriched events at 3,000 characters each. What a "
        "service or a subscriber has yet to read is kept beyond.",
    )
    janitor_interval: Seconds = Field(
        default=60.0, description="Seconds between two trims of the streams."
    )
    subscriber_limit: PositiveInt = Field(
        default=1_000_000,
        description="Entries that a subscriber's consumer group may lag before the janitor no "
        "longer protects it, unless it was added with a limit of its own. It is reported at half.",
    )

    # --- Ingest ----------------------------------------------------------------
    inbox: Path = Field(default=Path("inbox"), description="The watched folder.")
    done_dir: Path | None = Field(
        default=None, description="Where settled files go. Default: INBOX/done."
    )
    rejected_dir: Path | None = Field(
        default=None,
        description="Where files go of which nothing was accepted. Default: INBOX/rejected.",
    )
    state_dir: Path | None = Field(
        default=None,
        description="Journal, lock, store and embedded server. Default: INBOX/.wiredesk. Set it to "
        "a local disk when the inbox is on a network share: SQLite's WAL needs one.",
    )
    settle_time: Annotated[float, Field(ge=0)] = Field(
        default=2.0,
        description="Seconds for which a file's size, mtime and inode must stand still before it "
        "is taken. Longer than the pauses of a copy over a slow network; renaming into place "
        "from a .tmp or .part name skips the wait.",
    )
    scan_interval: Seconds = Field(
        default=1.0,
        description="Seconds between two scans of the inbox. File events only bring a scan "
        "forward, so this bounds the delay where events don't arrive (network shares).",
    )
    redrive_interval: Seconds = Field(
        default=30.0,
        description="Seconds after which an unsettled file is read and published again. Harmless "
        "while its articles are on their way (publish-once), needed when Redis lost them.",
    )
    max_article_bytes: PositiveInt = Field(
        default=8 * MIB,
        description="Bytes of the largest text taken as one article. Ten times the longest book "
        "chapter; a larger one is a dump with the wrong name.",
    )
    max_expanded_bytes: PositiveInt = Field(
        default=16 * 1024 * MIB,
        description="Bytes that everything packed in one file (gzip, zip, tar, …) may come to, "
        "unpacked. Ten times a day's web crawl of a large outlet; nothing unpacked is kept, so it "
        "bounds time and not memory.",
    )
    reader_timeout: Seconds = Field(
        default=30.0,
        description="Seconds that the reading process may work on one record without giving it or "
        "reading on; then it is ended and the record rejected. The slowest real article seen took "
        "under 2 s.",
    )
    reader_memory_bytes: PositiveInt = Field(
        default=768 * MIB,
        description="Bytes of memory that a reading process may take. A page or document of "
        "the largest size allowed takes under half of it.",
    )
    reader_processes: Annotated[int, Field(ge=2)] = Field(
        default=3,
        description="Reading processes at most, about 100 MB each. At least 2: long files hold "
        "all but one, which is there for the files that come meanwhile.",
    )
    bulk_backlog: PositiveInt = Field(
        default=64,
        description="Articles waiting for enrichment above which a long file pauses, so that a "
        "file dropped meanwhile waits only for these; four times as many may be on their way in "
        "all. A few seconds of one worker's time; with many workers, 32 for each.",
    )
    field_map_file: Path | None = Field(
        default=None,
        description="A YAML file that says, for JSON dumps of your own, which key is which field. "
        "See docs/formats.md.",
    )

    # --- Enrichment --------------------------------------------------------------
    spacy_model: str | None = Field(
        default=None,
        description="Name or path of the English spaCy pipeline. Unset: the best that is installed "
        "(en_core_web_md, then sm; official packages before wheels).",
    )
    spacy_models: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="Name or path of a spaCy pipeline for each further language, e.g. "
        "fr=fr_core_news_sm,de=/models/de. Names are looked for only in languages that have one.",
    )
    workers: PositiveInt | None = Field(
        default=None,
        description="Enrichment processes that `wiredesk up` starts. Unset: one for each core. "
        "More threads in one process make the models slower, more processes don't.",
    )
    annotators: tuple[str, ...] = Field(
        default=(
            "language",
            "entities",
            "values",
            "topics",
            "quotes",
            "summary",
            "duplicates",
            "story",
        ),
        description="Which blocks are made, in order. Later ones build on what earlier ones found.",
    )
    entity_aliases_file: Path | None = Field(
        default=None,
        description="A YAML file of your own names: who or what they mean. Read at start and "
        "whenever it changes. See docs/enrichment.md.",
    )
    user_topics_file: Path | None = Field(
        default=None,
        description="A YAML file of topics of your own, beside IPTC's: names, words, examples. "
        "Read at start and whenever it changes. See docs/enrichment.md.",
    )
    near_duplicate_window: Seconds = Field(
        default=14 * 24 * 3600.0,
        description="Seconds for which an article is remembered for finding near-duplicates. Wire "
        "copy is reprinted within days; 200,000 articles take about 200 MB of Redis at most.",
    )
    story_window: Seconds = Field(
        default=72 * 3600.0,
        description="Seconds that may lie between two articles for one to join the other's story.",
    )
    index_entries: PositiveInt = Field(
        default=200_000,
        description="Articles remembered at most, for near-duplicates and for stories each; the "
        "oldest are forgotten first. Bounds the memory of Redis.",
    )

    # --- Indexer -----------------------------------------------------------------
    store_path: Path | None = Field(
        default=None, description="The SQLite store. Default: STATE_DIR/store.sqlite3."
    )
    store_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL server (15 or newer) to store articles in, e.g. "
        "postgresql://user:password@host/wiredesk. Unset: the SQLite file.",
    )
    index_batch_size: PositiveInt = Field(
        default=100,
        description="Articles filed in one transaction at most. While many wait for enrichment, "
        "they are gathered for up to a second until half as many are there; 1: never.",
    )

    # --- API and page ------------------------------------------------------------
    api: bool = Field(
        default=True,
        description="Whether the indexer serves the HTTP API and the page. With several indexers "
        "on one machine, let one do it.",
    )
    api_host: str = Field(
        default="127.0.0.1",
        description="Address that the API listens on. Any other than a loopback address is refused "
        "until there is a token: `wiredesk tokens add NAME`.",
    )
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8420, description="Port of the API. 0: any free one; `wiredesk status` tells which."
    )
    api_hosts: tuple[str, ...] = Field(
        default=(),
        description="Further names by which the API may be called, e.g. desk.example.org: a JSON "
        "list. A request under another name is refused, so that no web page can reach the desk "
        "through a visitor's browser by a name of its own. `*`: any.",
    )
    api_cors_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins of web pages that may call the API, e.g. https://app.example.org: a "
        "JSON list. Empty: none but its own.",
    )
    api_rate: PositiveInt = Field(
        default=1200,
        description="Requests a minute for each token, or each address without one; bursts of a "
        "sixth of it. The page of a busy desk makes about 60.",
    )
    api_max_request_bytes: PositiveInt = Field(
        default=64 * KIB,
        description="Bytes of the largest request body taken. Nothing that can be sent is longer "
        "than a few hundred.",
    )
    sse_clients: PositiveInt = Field(
        default=500,
        description="Event streams open at once at most; each costs about 100 kB at its worst.",
    )
    webhook_private_targets: bool = Field(
        default=False,
        description="Whether webhooks may go to private, loopback and link-local addresses. Off, "
        "so that nobody who may add one reaches what only this machine can reach.",
    )
    webhook_timeout: Seconds = Field(
        default=10.0, description="Seconds that a webhook's receiver may take to answer."
    )
    webhook_max_attempts: PositiveInt = Field(
        default=12,
        description="Attempts after which an event goes to the webhook's dead letters; with the "
        "growing delays between them about a day.",
    )

    # --- Receiver ----------------------------------------------------------------
    drop: bool = Field(
        default=False,
        description="Whether `wiredesk up` starts the receiver too, which takes files by HTTP. See "
        "docs/drop.md.",
    )
    drop_host: str = Field(
        default="127.0.0.1",
        description="Address that the receiver listens on. Any other than a loopback address is "
        "refused without drop_tokens_file or drop_s3_keys_file.",
    )
    drop_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8424, description="Port of the receiver. 0: any free one."
    )
    drop_tokens_file: Path | None = Field(
        default=None,
        description="A file with a line for each token that may drop files, made by `wiredesk "
        "drop-token`; it holds their digests only. Read again when it changes.",
    )
    drop_s3_keys_file: Path | None = Field(
        default=None,
        description="A file with a line for each key by which S3 clients may drop files: name, "
        "key id, secret. It is a secret itself, since signatures can't be checked with a digest.",
    )
    drop_url: str | None = Field(
        default=None,
        description="How senders reach the receiver, e.g. https://drop.example.org: what addresses "
        "of receipts begin with. Unset: they begin with /.",
    )
    drop_max_bytes: PositiveInt = Field(
        default=1024 * MIB,
        description="Bytes of the largest file that the receiver takes. A day's dump of a large "
        "agency is a tenth of it.",
    )
    drop_uploads: PositiveInt = Field(
        default=32,
        description="Files that the receiver takes in at once; about 2 MB of memory each. S3 "
        "clients send ten at a time. One sender gets half of the places.",
    )
    drop_timeout: Seconds = Field(
        default=30.0,
        description="Seconds in which a sender must get at least 16 KiB across; a mobile line does "
        "that in 10.",
    )
    drop_rate: PositiveInt = Field(
        default=3000,
        description="Requests a minute for each token, or each address without one; bursts of a "
        "sixth of it. A script that sends small files one by one makes about as many.",
    )

    # --- Operating ---------------------------------------------------------------
    health: bool = Field(
        default=True,
        description="Whether each service serves /metrics, /livez and /readyz.",
    )
    health_host: str = Field(
        default="127.0.0.1",
        description="Address that they listen on. They tell counts, names of stages and of "
        "consumer groups, never content; in a container 0.0.0.0.",
    )
    health_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8421,
        description="Port of /metrics, /livez and /readyz; where it is taken the next free one of "
        "the 32 above it, since several services may run on one machine: `wiredesk status` tells "
        "which. 0: any free one.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="Where to send traces, e.g. http://collector:4318: OpenTelemetry's protocol "
        "over HTTP. Unset: nowhere.",
    )
    otlp_sample: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0,
        description="Share of the articles whose traces are sent, told by the trace id, so that a "
        "trace is sent whole or not at all.",
    )
    failure_budget_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        default=50.0,
        description="A stage stops once more than this share of its last failure_budget_window "
        "articles became dead letters. 100: never for that.",
    )
    failure_budget_window: Annotated[int, Field(ge=10)] = Field(
        default=200,
        description="Articles over which that share is counted; nothing is judged before there "
        "were so many.",
    )
    failure_budget_in_a_row: Annotated[int, Field(ge=0)] = Field(
        default=50,
        description="A stage stops after this many dead letters in a row; 0: never for that. More "
        "than a hostile file makes, less than an operator wants to retry by hand.",
    )
    ledger_interval: Seconds = Field(
        default=60.0,
        description="Seconds between two balances of the ledger for the metrics.",
    )

    # --- Logs --------------------------------------------------------------------
    log_rate: Annotated[float, Field(ge=0)] = Field(
        default=20.0,
        description="Lines a second at INFO and below of one event name, per process; a burst of "
        "ten times as many passes. What is left out is counted and said each minute. 0: no limit. "
        "Warnings and errors are never left out.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is written."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: readable on a terminal, JSON elsewhere."
    )

    @field_validator("spacy_models", mode="before")
    @classmethod
    def _by_language(cls, given: object) -> object:
        """``fr=name,de=path`` as a mapping; an empty text is an empty one."""
        if not isinstance(given, str):
            return given
        pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
        if not all(language.strip() and model.strip() for language, _, model in pairs):
            raise ValueError("write LANGUAGE=PIPELINE, several with commas between them")
        return {language.strip().lower(): model.strip() for language, _, model in pairs}

    @property
    def done(self) -> Path:
        """Folder of settled files."""
        return self.done_dir or self.inbox / "done"

    @property
    def rejected(self) -> Path:
        """Folder of files of which nothing was accepted."""
        return self.rejected_dir or self.inbox / "rejected"

    @property
    def state(self) -> Path:
        """Folder of what Wiredesk itself keeps."""
        return self.state_dir or self.inbox / ".wiredesk"

    @property
    def store(self) -> Path:
        """The SQLite store's file."""
        return self.store_path or self.state / "store.sqlite3"
