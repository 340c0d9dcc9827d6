"""The settings contract: every environment variable that passes between the programs and the runtime, in one list.

The infrastructure writes these names, the runtime reads them (in `penstock_runtime.settings`, nowhere else), and the
settings reference in the docs is made from this list. Durations are seconds.
"""

from __future__ import annotations

from penstock_platform.executor_contract import EXECUTOR_SETTINGS
from penstock_platform.setting import Kind, Setting

__all__ = ["BY_NAME", "SETTINGS", "Kind", "Setting"]

_EXECUTORS = (
    "local_python",
    "local_python_force",
    "pyspark",
    "k8s",
    "ecs",
    "gcp_cloud_run",
    "azure_container_instance",
)
_INSTANCES = ("server_and_scheduler", "web_server", "scheduler")

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        Kind.TEXT,
        "Where runs, users and settings are kept: `sqlite:///path` or `postgresql://user:password@host/name`.",
        "SQLite in the data folder",
        secret=True,
    ),
    Setting("PENSTOCK_DB_HOST", Kind.TEXT, "Postgres host, instead of DATABASE_URL."),
    Setting("PENSTOCK_DB_PORT", Kind.INTEGER, "Postgres port.", "5432", minimum=1, maximum=65535),
    Setting("PENSTOCK_DB_NAME", Kind.TEXT, "Postgres database.", "penstock"),
    Setting("PENSTOCK_DB_USER", Kind.TEXT, "Postgres user.", "penstock"),
    Setting("PENSTOCK_DB_PASSWORD", Kind.TEXT, "Postgres password.", secret=True),
    Setting(
        "PENSTOCK_DB_SECRET",
        Kind.TEXT,
        "Where a managed, rotating Postgres password is, instead of PENSTOCK_DB_PASSWORD: `aws:` and the ARN or name "
        "of a secret of Secrets Manager. Of a JSON secret the key `password` is taken, or the one named after `#`. It "
        "is read at the first connection, and again when the server refuses it.",
    ),
    Setting(
        "PENSTOCK_DB_SSLMODE",
        Kind.CHOICE,
        "TLS to Postgres, in libpq's words. `verify-ca` and `verify-full` need PENSTOCK_CA_FILE.",
        "`verify-full` with PENSTOCK_CA_FILE, else `prefer`",
        ("prefer", "require", "verify-ca", "verify-full"),
    ),
    Setting("PENSTOCK_DB_POOL_SIZE", Kind.INTEGER, "Connections a process keeps.", "5", minimum=1, maximum=200),
    Setting(
        "REDIS_URL",
        Kind.TEXT,
        "Redis, with Postgres: several schedulers share the work, and wake each other through it. Without it one works "
        "and the others stand by.",
        secret=True,
    ),
    Setting(
        "PENSTOCK_CA_FILE",
        Kind.TEXT,
        "Certificate authority that Postgres is checked against, and Redis over rediss:// besides the machine's own.",
    ),
    Setting("DEFAULT_EXECUTOR_TYPE", Kind.CHOICE, "Executor of blocks that choose none.", "local_python", _EXECUTORS),
    Setting("INSTANCE_TYPE", Kind.CHOICE, "Which processes `penstock start` runs.", "server_and_scheduler", _INSTANCES),
    Setting("PENSTOCK_PROJECT", Kind.TEXT, "The project folder.", "the current folder"),
    Setting("PENSTOCK_DATA_DIR", Kind.TEXT, "Where data is kept on this machine.", "`.penstock` in the project"),
    Setting("PENSTOCK_STATE_DIR", Kind.TEXT, "Where keys and environments are kept.", "`~/.local/state/penstock`"),
    Setting("PENSTOCK_ENCRYPTION_KEY", Kind.TEXT, "Fernet keys, newest first, comma-separated.", secret=True),
    Setting("PENSTOCK_SECRET_STORE", Kind.CHOICE, "Where secrets are kept.", "database", ("database", "env")),
    Setting("PENSTOCK_ARTIFACTS_URL", Kind.TEXT, "Where outputs and bundles go: s3://, gs:// or az://.", planned=True),
    Setting("PENSTOCK_LOGS_URL", Kind.TEXT, "Where logs go: s3://, gs:// or az://.", planned=True),
    Setting("PENSTOCK_PUBLIC_URL", Kind.TEXT, "The address people open.", "http://localhost:6789"),
    Setting("PENSTOCK_HOST", Kind.TEXT, "Address the server listens on.", "127.0.0.1"),
    Setting("PENSTOCK_PORT", Kind.INTEGER, "Port the server listens on.", "6789", minimum=0, maximum=65535),
    Setting(
        "PENSTOCK_TRUSTED_PROXIES",
        Kind.NAMES,
        "Addresses and networks of proxies whose X-Forwarded-For and -Proto are believed (`*`: every one's).",
    ),
    Setting(
        "PENSTOCK_HEALTH_PORT",
        Kind.INTEGER,
        "Port of a scheduler's probes and metrics, at PENSTOCK_HOST (off when unset).",
        minimum=1,
        maximum=65535,
    ),
    Setting(
        "PENSTOCK_SLOTS",
        Kind.INTEGER,
        "Blocks one scheduler runs at once on its machine.",
        "twice the cores, at least 4",
        minimum=1,
        maximum=1000,
    ),
    Setting(
        "PENSTOCK_BLOCK_ENV",
        Kind.NAMES,
        "Environment variables that blocks may see, besides the plain ones; no secret setting.",
    ),
    Setting("PENSTOCK_LOCAL_EXECUTION", Kind.BOOLEAN, "Whether blocks may run on this machine.", "on"),
    Setting(
        "PENSTOCK_DRAIN_SECONDS", Kind.NUMBER, "How long a stopping scheduler lets its blocks finish.", "30", minimum=0
    ),
    Setting(
        "PENSTOCK_STANDBY_SECONDS",
        Kind.NUMBER,
        "How long a second scheduler waits for the right to schedule; the word `unlimited` is for platforms that start "
        "the next release before they stop the last.",
        "20",
        ("unlimited",),
        minimum=0,
    ),
    Setting(
        "PENSTOCK_MEMBER_HEARTBEAT_SECONDS", Kind.NUMBER, "How often a process says that it lives.", "2", minimum=0.05
    ),
    Setting(
        "PENSTOCK_MEMBER_LEASE_SECONDS",
        Kind.NUMBER,
        "After how long without a word it counts as dead.",
        "10",
        minimum=0.2,
    ),
    Setting(
        "PENSTOCK_POLL_SECONDS", Kind.NUMBER, "How often a scheduler looks without being woken.", "1", minimum=0.02
    ),
    Setting(
        "PENSTOCK_STATEMENT_TIMEOUT_SECONDS",
        Kind.NUMBER,
        "Longest database statement or idle transaction.",
        "5",
        minimum=0.1,
    ),
    Setting(
        "PENSTOCK_LOG_LIMIT_BYTES", Kind.INTEGER, "Log kept of one attempt; the cut is shown.", "10485760", minimum=1024
    ),
    Setting(
        "PENSTOCK_HISTORY_DAYS",
        Kind.NUMBER,
        "How many days an ended run is kept, with its outputs and logs; or the word `unlimited`.",
        "90",
        ("unlimited",),
        minimum=0.01,
    ),
    Setting(
        "PENSTOCK_HISTORY_KEEP",
        Kind.INTEGER,
        "How many of each pipeline's newest runs are kept whatever their age.",
        "100",
        minimum=0,
    ),
    Setting("PENSTOCK_AUTH_MODE", Kind.CHOICE, "How people sign in.", "password", ("password", "none")),
    Setting(
        "PENSTOCK_OWNER_CODE",
        Kind.TEXT,
        "The code that makes the first owner at `/setup`, once, while there is no user: at least 16 characters. Unset, "
        "the server makes one and prints it.",
        secret=True,
    ),
    Setting("PENSTOCK_SESSION_HOURS", Kind.NUMBER, "How long a sign-in lasts.", "168", minimum=0.1),
    *EXECUTOR_SETTINGS,
)
"""Every setting, in the order in which people meet them."""

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
"""The same, by name."""
