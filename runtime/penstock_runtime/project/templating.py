"""Jinja in a project's files: connections, executor values and SQL, rendered here and never in the user's environment.

The environment is sandboxed and strict: an undefined name is an error that names it. Values that a template asks for
(environment variables, secrets) come through functions that the caller passes in, so nothing here reads either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.project.documents import LOADER, DocumentBroken, parse

UPSTREAM_TABLE = "penstock_df_{}"
"""The name, in a rendered SQL block, of the table that holds the output of the n-th upstream block (from 1)."""


class TemplateFailed(PenstockError):
    """A template could not be rendered; the text names what is missing."""


class ProfileNotFound(PenstockError):
    """io_config.yaml has no profile of that name."""


def _no_environment(name: str) -> str | None:
    raise TemplateFailed(f"the environment variable {name!r} is not available here")


def _no_secret(name: str) -> str | None:
    raise TemplateFailed(f"the secret {name!r} is not available here")


@dataclass(frozen=True, slots=True)
class TemplateFunctions:
    """What a template may ask for. Each function returns None for a name that does not exist."""

    env_var: Callable[[str], str | None] = _no_environment
    secret: Callable[[str], str | None] = _no_secret
    variables: Mapping[str, Any] = field(default_factory=dict)


def has_template(text: str) -> bool:
    """Whether the text holds anything that Jinja would act on."""
    return "{{" in text or "{%" in text


def render_text(text: str, functions: TemplateFunctions, names: Mapping[str, Any] | None = None) -> str:
    """Render a template with the functions, and with `names` defined besides. TemplateFailed."""
    return _render(_environment(functions), text, names or {})


def render_values(value: Any, functions: TemplateFunctions) -> Any:
    """Render every string inside mappings and lists; anything else is returned as it is. TemplateFailed."""
    if isinstance(value, str):
        return render_text(value, functions) if has_template(value) else value
    if isinstance(value, Mapping):
        return {key: render_values(item, functions) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render_values(item, functions) for item in value]
    return value


def render_sql(
    template: str,
    upstream_count: int,
    variables: Mapping[str, Any],
    functions: TemplateFunctions,
    execution_date: datetime | str | None = None,
) -> str:
    """Render a SQL block.

    `{{ df_1 }}` … become the tables that the child loads the upstream outputs into (UPSTREAM_TABLE); every variable
    of the run is a name of its own and answers `{{ variables('x') }}`; `{{ execution_date }}` reads as
    `2022-09-24 23:01:08.376057`, in UTC. TemplateFailed.
    """
    names: dict[str, Any] = dict(variables)
    date = execution_date if execution_date is not None else names.get("execution_date")
    if date is not None:
        names["execution_date"] = plain_time(date)
    for number in range(1, upstream_count + 1):
        names[f"df_{number}"] = UPSTREAM_TABLE.format(number)
    known = TemplateFunctions(functions.env_var, functions.secret, {**functions.variables, **variables})
    return render_text(template, known, {**names, "block_output": _block_output})


def plain_time(value: datetime | str) -> str:
    """Return a time as SQL templates expect it: UTC, without a zone, a blank between date and time."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return str(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment)


def profile_names(text: str) -> list[str]:
    """Return the profiles of an io_config.yaml, without rendering it."""
    return [name for name in _sections(text) if name != "version"]


def render_io_profile(text: str, profile: str, functions: TemplateFunctions) -> dict[str, Any]:
    """Return one profile of an io_config.yaml with its templates rendered.

    Only that profile's lines are rendered, so a variable that another profile needs may be missing. A rendered value
    stays one value whatever characters it holds: it is put in place after the YAML has been parsed. Unquoted ones are
    then read as YAML reads plain text (`5432` is a number). A value that asks for an environment variable or a secret
    that is not there is null: the profile that every project starts with names those of every provider there is.
    ProfileNotFound, TemplateFailed, DocumentBroken.
    """
    sections = _sections(text)
    if profile not in sections or profile == "version":
        known = ", ".join(name for name in sections if name != "version") or "none"
        raise ProfileNotFound(f"io_config.yaml has no profile {profile!r} (there are: {known})")
    try:
        return _render_profile(sections[profile], profile, functions)
    except DocumentBroken as error:
        if "alias" not in str(error):
            raise
        return _render_profile(text, profile, functions)


def _render_profile(text: str, profile: str, functions: TemplateFunctions) -> dict[str, Any]:
    values: list[str | None] = []

    @jinja2.pass_context
    def keep(_context: jinja2.runtime.Context, value: Any) -> str:
        if isinstance(value, jinja2.Undefined):
            str(value)  # raises, naming what is undefined
        values.append(None if isinstance(value, _Absent) else "" if value is None else str(value))
        return f"{_OPEN}{len(values) - 1}{_CLOSE}"

    environment = _environment(functions, keep)
    environment.globals.update(
        env_var=_asking("environment variable", functions.env_var, _Absent()),
        mage_secret_var=_asking("secret", functions.secret, _Absent()),
        penstock_secret=_asking("secret", functions.secret, _Absent()),
    )
    rendered = _render(environment, _without_comments(text), {})
    node = parse(rendered, "io_config.yaml").root
    if node is not None:
        _fill(node, values)
    loader = LOADER("")
    try:
        document = loader.construct_document(node) if node is not None else None
    finally:
        loader.dispose()
    found = document.get(profile) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise DocumentBroken(f"the profile {profile!r} is not a mapping")
    return found


# Private-use characters: allowed in YAML, and in nobody's configuration.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_PLACEHOLDER = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_SECTION = re.compile(r"^(?:'([^'\n]+)'|\"([^\"\n]+)\"|([^\s#'\"\-{%][^:\n]*?))\s*:(?=\s|$)", re.MULTILINE)
_RESOLVER = yaml.SafeLoader("")


def _sections(text: str) -> dict[str, str]:
    starts = [(next(group for group in found.groups() if group), found.start()) for found in _SECTION.finditer(text)]
    ends = [start for _, start in starts[1:]] + [len(text)]
    return {name: text[start:end] for (name, start), end in zip(starts, ends, strict=True)}


def _without_comments(text: str) -> str:
    """Blank the lines that are comments: a template in a comment is an example, not a request."""
    return "\n".join("" if line.lstrip().startswith("#") else line for line in text.split("\n"))


class _Absent(str):
    """What a profile's template gets for a name that is not there; filters take it for an empty text."""

    __slots__ = ()


def _fill(root: yaml.Node, values: list[str | None]) -> None:
    todo, visited = [root], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            todo.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.ScalarNode) and _PLACEHOLDER.search(node.value):
            absent = any(values[int(found[1])] is None for found in _PLACEHOLDER.finditer(node.value))
            node.value = _PLACEHOLDER.sub(lambda found: values[int(found[1])] or "", node.value)
            if absent:
                node.value, node.tag = "", "tag:yaml.org,2002:null"
            elif not node.style:
                node.tag = _RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]


class _Sandbox(ImmutableSandboxedEnvironment):
    """Templates are rendered in the server's processes, so what would fill their memory in one step is refused."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse powers, and repeating a text or a list; other products are computed."""
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TemplateFailed(f"`{operator}` is for numbers, and powers are refused")
        return super().call_binop(context, operator, left, right)


def _environment(functions: TemplateFunctions, finalize: Callable[..., Any] | None = None) -> jinja2.Environment:
    # No autoescape: what is rendered is SQL, YAML values and executor names, never HTML.
    environment = _Sandbox(
        undefined=jinja2.StrictUndefined, finalize=finalize, keep_trailing_newline=True, autoescape=False
    )
    environment.globals = {"range": safe_range}
    environment.globals.update(
        env_var=_asking("environment variable", functions.env_var),
        mage_secret_var=_asking("secret", functions.secret),
        penstock_secret=_asking("secret", functions.secret),
        variables=_asking("variable", functions.variables.get),
        aws_secret_var=_unsupported("aws_secret_var"),
        azure_secret_var=_unsupported("azure_secret_var"),
        gcp_secret_var=_unsupported("gcp_secret_var"),
    )
    return environment


def _render(environment: jinja2.Environment, text: str, names: Mapping[str, Any]) -> str:
    try:
        return environment.from_string(text).render(names)
    except TemplateFailed:
        raise
    except jinja2.TemplateError as error:
        place = f" (line {error.lineno})" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise TemplateFailed(f"{error.message or type(error).__name__}{place}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        # What the author's own expression may raise: {{ 1 / 0 }}, {{ x[5] }}, {{ df_1.upper(3) }} …
        raise TemplateFailed(f"{type(error).__name__}: {error}") from error


def _asking(what: str, ask: Callable[[str], Any], otherwise: Any = None) -> Callable[..., Any]:
    def answer(name: str, default: Any = None) -> Any:
        found = ask(name)
        if found is None:
            found = otherwise if default is None else default
        if found is None:
            raise TemplateFailed(f"there is no {what} {name!r}")
        return found

    return answer


def _unsupported(name: str) -> Callable[..., Any]:
    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise TemplateFailed(f"{name} is not supported: keep the secret in Penstock and use penstock_secret('name')")

    return refuse


def _block_output(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise TemplateFailed("block_output is not supported in SQL blocks: use {{ df_1 }} for the first upstream block")
