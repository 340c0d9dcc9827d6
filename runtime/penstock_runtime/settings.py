"""The only reader of the environment: the settings contract, checked and typed."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock_platform.contract import BY_NAME, Kind, Setting
from penstock_runtime.domain.errors import PenstockError

DATA_FOLDER = ".penstock"

CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
)
"""The platform's credential variables: no template reads them unless PENSTOCK_BLOCK_ENV names them."""

PLATFORM_PREFIXES = ("AWS_",)
"""How the names begin by which a cloud's SDK finds its region, credentials and endpoints: for processes of ours."""

SECRET_STORES = ("aws",)
"""Where PENSTOCK_DB_SECRET may point."""

OWNER_CODE_LENGTHS = range(16, 201)
"""Characters that an owner code may have: it opens the installation to whoever comes first, and goes into a form."""

PLAIN_NAMES = ("PATH", "HOME", "LANG", "TZ", "USER", "TMPDIR")
"""All that a block sees of our environment, besides what PENSTOCK_BLOCK_ENV names."""


_TOOL_PREFIXES = ("UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "NETRC", "XDG_CACHE_HOME")
"""Where packages come from and how they are reached: for the building of user environments."""
_NOT_FOR_TOOLS = "UV_PUBLISH_"
"""The right to publish packages is nothing that a build needs."""


class SettingsInvalid(PenstockError):
    """One or more settings cannot be used; the text names each, with what is allowed."""


@dataclass(frozen=True, slots=True)
class SecretReference:
    """One secret of a platform's store: `aws:<ARN or name>`, and after `#` the key of a JSON secret."""

    store: str
    name: str
    key: str | None = None

    @classmethod
    def parse(cls, text: str) -> SecretReference:
        """Read `<store>:<reference>[#key]`; ValueError says what is allowed."""
        store, _, rest = text.partition(":")
        name, _, key = rest.partition("#")
        if store not in SECRET_STORES or not name:
            raise ValueError("allowed: aws:<ARN or name of a secret>, with #<key> for another key than `password`")
        return cls(store, name, key or None)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its effective value. Paths are absolute; durations are seconds."""

    project_dir: Path
    data_dir: Path
    state_dir: Path
    database_url: str
    redis_url: str | None
    database_secret: str | None
    ca_file: str | None
    ssl_mode: str | None
    pool_size: int
    default_executor: str
    instance_type: str
    encryption_keys: tuple[str, ...]
    secret_store: str
    public_url: str | None
    host: str
    port: int
    health_port: int | None
    slots: int
    block_env: Mapping[str, str]
    local_execution: bool
    drain_seconds: float
    standby_seconds: float
    heartbeat_seconds: float
    lease_seconds: float
    poll_seconds: float
    statement_timeout_seconds: float
    log_limit_bytes: int
    history_days: float
    history_keep: int
    auth_mode: str
    session_hours: float
    owner_code: str | None
    template_env: Mapping[str, str]
    tool_env: Mapping[str, str]
    plain_env: Mapping[str, str]
    platform_env: Mapping[str, str]
    trusted_proxies: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    scaler_target: str | None = None
    scaler_min: int = 1
    scaler_max: int = 1
    scaler_dry_run: bool = False
    scaler_delay_seconds: float = 5.0
    scaler_look_seconds: float = 10.0
    scaler_cooldown_up_seconds: float = 30.0
    scaler_cooldown_down_seconds: float = 300.0

    def to_json(self) -> str:
        """Return the settings as one JSON text, to hand to a process of ours by a socket."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps(fields, default=str)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        for name in ("project_dir", "data_dir", "state_dir"):
            fields[name] = Path(fields[name])
        for name in ("encryption_keys", "trusted_proxies", "warnings"):
            fields[name] = tuple(fields[name])
        return cls(**fields)

    def with_(self, **changes: Any) -> Settings:
        """Return a copy with some values replaced (command-line options over the environment)."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    @property
    def sqlite(self) -> bool:
        """Whether runs are kept in SQLite."""
        return self.database_url.startswith("sqlite")


def read_settings(
    environ: Mapping[str, str] | None = None,
    *,
    project_dir: Path | None = None,
    given: Mapping[str, str] | None = None,
) -> Settings:
    """Read and check the environment, with the `given` settings over it.

    Raises SettingsInvalid with every problem at once.
    """
    env = {**(os.environ if environ is None else environ), **(given or {})}
    values, problems = _values(env)
    problems += _contradictions(values)
    if problems:
        raise SettingsInvalid("\n".join(problems))
    project = (project_dir or Path(values["PENSTOCK_PROJECT"] or ".")).expanduser().resolve()
    data = Path(values["PENSTOCK_DATA_DIR"] or project / DATA_FOLDER).expanduser().resolve()
    return Settings(
        project_dir=project,
        data_dir=data,
        state_dir=Path(values["PENSTOCK_STATE_DIR"] or _state_dir(env)).expanduser().resolve(),
        database_url=_database_url(values, data),
        redis_url=values["REDIS_URL"],
        database_secret=values["PENSTOCK_DB_SECRET"],
        ca_file=values["PENSTOCK_CA_FILE"],
        ssl_mode=values["PENSTOCK_DB_SSLMODE"],
        pool_size=values["PENSTOCK_DB_POOL_SIZE"],
        default_executor=values["DEFAULT_EXECUTOR_TYPE"],
        instance_type=values["INSTANCE_TYPE"],
        encryption_keys=tuple(filter(None, (values["PENSTOCK_ENCRYPTION_KEY"] or "").split(","))),
        secret_store=values["PENSTOCK_SECRET_STORE"],
        public_url=values["PENSTOCK_PUBLIC_URL"] if "PENSTOCK_PUBLIC_URL" in env else None,
        host=values["PENSTOCK_HOST"],
        port=values["PENSTOCK_PORT"],
        health_port=values["PENSTOCK_HEALTH_PORT"],
        slots=values["PENSTOCK_SLOTS"] or max(4, 2 * (os.cpu_count() or 2)),
        block_env=_block_env(env, values["PENSTOCK_BLOCK_ENV"]),
        local_execution=values["PENSTOCK_LOCAL_EXECUTION"],
        drain_seconds=values["PENSTOCK_DRAIN_SECONDS"],
        standby_seconds=values["PENSTOCK_STANDBY_SECONDS"],
        heartbeat_seconds=values["PENSTOCK_MEMBER_HEARTBEAT_SECONDS"],
        lease_seconds=values["PENSTOCK_MEMBER_LEASE_SECONDS"],
        poll_seconds=values["PENSTOCK_POLL_SECONDS"],
        statement_timeout_seconds=values["PENSTOCK_STATEMENT_TIMEOUT_SECONDS"],
        log_limit_bytes=values["PENSTOCK_LOG_LIMIT_BYTES"],
        history_days=values["PENSTOCK_HISTORY_DAYS"],
        history_keep=values["PENSTOCK_HISTORY_KEEP"],
        auth_mode=values["PENSTOCK_AUTH_MODE"],
        session_hours=values["PENSTOCK_SESSION_HOURS"],
        # Secret stores like to end a text with a newline, and the page trims what is typed.
        owner_code=(values["PENSTOCK_OWNER_CODE"] or "").strip() or None,
        template_env=_template_env(env, values["PENSTOCK_BLOCK_ENV"]),
        tool_env=_tool_env(env),
        plain_env={name: env[name] for name in PLAIN_NAMES if name in env},
        platform_env={name: value for name, value in env.items() if name.startswith(PLATFORM_PREFIXES)},
        trusted_proxies=values["PENSTOCK_TRUSTED_PROXIES"] or (),
        warnings=(*_unknown(env), *_planned(env)),
        scaler_target=values["PENSTOCK_SCALER_TARGET"],
        scaler_min=values["PENSTOCK_SCALER_MIN"],
        scaler_max=values["PENSTOCK_SCALER_MAX"] or values["PENSTOCK_SCALER_MIN"],
        scaler_dry_run=values["PENSTOCK_SCALER_DRY_RUN"],
        scaler_delay_seconds=values["PENSTOCK_SCALER_DELAY_SECONDS"],
        scaler_look_seconds=values["PENSTOCK_SCALER_LOOK_SECONDS"],
        scaler_cooldown_up_seconds=values["PENSTOCK_SCALER_COOLDOWN_UP_SECONDS"],
        scaler_cooldown_down_seconds=values["PENSTOCK_SCALER_COOLDOWN_DOWN_SECONDS"],
    )


def names_set(environ: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return which settings the environment names: what a person chose, beside the defaults."""
    env = os.environ if environ is None else environ
    return frozenset(name for name in BY_NAME if env.get(name))


def restore_platform_env(settings: Settings) -> None:
    """Put the platform's variables back into a process that was started without them, once it is non-dumpable.

    Cloud SDKs look for them there; children of ours are given their environment by name and do not inherit these.
    """
    os.environ.update(settings.platform_env)


def _values(env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems = []
    for name, setting in BY_NAME.items():
        text = env.get(name) or _plain_default(setting)
        try:
            values[name] = None if text is None else _parse(setting, text)
        except ValueError as error:
            values[name] = None
            shown = "its value" if setting.secret else repr(text)
            problems.append(f"{name}: {shown} cannot be used; {error}")
    secret = [name for name in values["PENSTOCK_BLOCK_ENV"] or () if name in BY_NAME and BY_NAME[name].secret]
    if secret:
        problems.append(f"PENSTOCK_BLOCK_ENV: {', '.join(secret)} cannot be used; a secret of ours is not for blocks")
    return values, problems


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with settings that are right one by one."""
    problems = []
    code = values["PENSTOCK_OWNER_CODE"]
    if code is not None and len(code.strip()) not in OWNER_CODE_LENGTHS:
        allowed = f"at least {OWNER_CODE_LENGTHS.start} characters, at most {OWNER_CODE_LENGTHS.stop - 1}"
        problems.append(f"PENSTOCK_OWNER_CODE: its value cannot be used; {allowed}")
    if values["PENSTOCK_DB_SSLMODE"] in ("verify-ca", "verify-full") and not values["PENSTOCK_CA_FILE"]:
        problems.append("PENSTOCK_DB_SSLMODE: nothing to verify with; set PENSTOCK_CA_FILE, or take require")
    problems += _scaler_problems(values)
    secret = values["PENSTOCK_DB_SECRET"]
    if secret is None:
        return problems
    try:
        SecretReference.parse(secret)
    except ValueError as error:
        problems.append(f"PENSTOCK_DB_SECRET: {secret!r} cannot be used; {error}")
    if values["PENSTOCK_DB_PASSWORD"]:
        problems.append("PENSTOCK_DB_SECRET: PENSTOCK_DB_PASSWORD is set as well; set one of the two")
    if not (values["DATABASE_URL"] or "").startswith("postgres") and not values["PENSTOCK_DB_HOST"]:
        problems.append("PENSTOCK_DB_SECRET: there is no Postgres to use it for; set PENSTOCK_DB_HOST or DATABASE_URL")
    return problems


def _scaler_problems(values: Mapping[str, Any]) -> list[str]:
    least, most = values["PENSTOCK_SCALER_MIN"], values["PENSTOCK_SCALER_MAX"]
    if values["PENSTOCK_SCALER_TARGET"] and most is None:
        return ["PENSTOCK_SCALER_MAX: missing; with PENSTOCK_SCALER_TARGET it says how many schedulers there may be"]
    if least is not None and most is not None and least > most:
        return [f"PENSTOCK_SCALER_MAX: {most} cannot be used; it must be at least PENSTOCK_SCALER_MIN, {least}"]
    return []


def _plain_default(setting: Setting) -> str | None:
    # Some defaults are words for people ("twice the cores"): those are worked out where they are used.
    words = {
        "DATABASE_URL", "PENSTOCK_PROJECT", "PENSTOCK_DATA_DIR", "PENSTOCK_STATE_DIR", "PENSTOCK_SLOTS",
        "PENSTOCK_DB_SSLMODE",
    }  # fmt: skip
    return None if setting.name in words else setting.default


def _parse(setting: Setting, text: str) -> Any:
    if setting.kind is Kind.CHOICE:
        if text not in setting.choices:
            raise ValueError("allowed: " + ", ".join(setting.choices))
        return text
    if setting.kind is Kind.BOOLEAN:
        return _boolean(text)
    if setting.kind in (Kind.INTEGER, Kind.NUMBER):
        return _number(setting, text)
    if setting.kind is Kind.NAMES:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _boolean(text: str) -> bool:
    known = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise ValueError("allowed: on, off")
    return known[text.lower()]


def _number(setting: Setting, text: str) -> float | int:
    if text in setting.choices:
        return math.inf  # `unlimited`, the one word that a number may be
    try:
        value: float | int = int(text) if setting.kind is Kind.INTEGER else float(text)
    except ValueError:
        kind = "a whole number" if setting.kind is Kind.INTEGER else "a number"
        raise ValueError(" or ".join([f"it must be {kind}", *setting.choices])) from None
    if not math.isfinite(value):
        raise ValueError(" or ".join(["it must be a finite number", *setting.choices]))
    if setting.minimum is not None and value < setting.minimum:
        raise ValueError(f"it must be at least {setting.minimum:g}")
    if setting.maximum is not None and value > setting.maximum:
        raise ValueError(f"it must be at most {setting.maximum:g}")
    return value


def _state_dir(env: Mapping[str, str]) -> Path:
    base = env.get("XDG_STATE_HOME") or str(Path("~").expanduser() / ".local" / "state")
    return Path(base) / "penstock"


def _database_url(values: Mapping[str, Any], data: Path) -> str:
    if values["DATABASE_URL"]:
        return str(values["DATABASE_URL"])
    if not values["PENSTOCK_DB_HOST"]:
        return f"sqlite:///{data / 'penstock.db'}"
    from urllib.parse import quote

    user, password = quote(values["PENSTOCK_DB_USER"], safe=""), quote(values["PENSTOCK_DB_PASSWORD"] or "", safe="")
    place = f"{values['PENSTOCK_DB_HOST']}:{values['PENSTOCK_DB_PORT']}/{quote(values['PENSTOCK_DB_NAME'], safe='')}"
    return f"postgresql://{user}:{password}@{place}"


def _block_env(env: Mapping[str, str], names: tuple[str, ...] | None) -> Mapping[str, str]:
    return {name: env[name] for name in names or () if name in env}


def _template_env(env: Mapping[str, str], granted: tuple[str, ...] | None) -> Mapping[str, str]:
    """Return what `env_var('X')` may read in io_config and SQL: the environment less the settings and credentials."""
    hidden = BY_NAME.keys() | set(CREDENTIALS) - set(granted or ())
    return {name: value for name, value in env.items() if name not in hidden and not name.startswith("PENSTOCK_")}


def _tool_env(env: Mapping[str, str]) -> Mapping[str, str]:
    named = {name: value for name, value in env.items() if name.upper().startswith(_TOOL_PREFIXES)}
    return {name: value for name, value in named.items() if not name.upper().startswith(_NOT_FOR_TOOLS)}


def _unknown(env: Mapping[str, str]) -> list[str]:
    warnings = []
    for name in sorted(env):
        if name.startswith("PENSTOCK_") and name not in BY_NAME:
            near = difflib.get_close_matches(name, BY_NAME, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"unknown setting {name} is ignored{hint}")
    return warnings


def _planned(env: Mapping[str, str]) -> list[str]:
    """Return one line for what stacks set already and this release does nothing with, so that it is not silent."""
    names = [name for name in sorted(env) if env[name] and name in BY_NAME and BY_NAME[name].planned]
    return [f"set, and not acted on by this release yet: {', '.join(names)}"] if names else []
