"""The words of a message: the author's templates over ours, filled with the facts that were recorded.

`{name}` is the project format's own way to write a placeholder, `{{ name }}` is Jinja's; both work. What they may name
is in NAMES. Facts are put in as they are: nothing in an error text is ever read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_runtime.domain.notices import RunEvent
from penstock_runtime.project.templating import TemplateFunctions, render_text

PARTS = ("title", "summary", "details")
NAMES = (
    "ended_at",
    "epoch",
    "error",
    "event",
    "execution_time",
    "failed_blocks",
    "pipeline_name",
    "pipeline_run_id",
    "pipeline_run_url",
    "pipeline_schedule_id",
    "pipeline_schedule_name",
    "pipeline_uuid",
    "run_id",
    "stacktrace",
    "started_at",
    "status",
    "timed_out",
    "trigger_name",
)
"""What a template may name."""

_BRACED = re.compile(r"(?<![{%])\{(\w+)\}(?![}%])")
_TITLES = {
    RunEvent.FAILURE: "Pipeline {{ pipeline_name }} failed",
    RunEvent.SUCCESS: "Pipeline {{ pipeline_name }} succeeded",
    RunEvent.SLA_MISSED: "Pipeline {{ pipeline_name }} missed its service level",
}
_SUMMARIES = {
    RunEvent.FAILURE: "A run of {{ pipeline_uuid }} failed",
    RunEvent.SUCCESS: "A run of {{ pipeline_uuid }} succeeded",
    RunEvent.SLA_MISSED: "A run of {{ pipeline_uuid }} has not ended in the time that its trigger allows",
}
_WHICH = "{% if trigger_name %}, trigger {{ trigger_name }}{% endif %}, execution time {{ execution_time }}."
_DETAILS = (
    "{% if timed_out %}It ran out of time.\n{% endif %}"
    "{% for one in failed_blocks %}{{ one.block or 'the pipeline' }}"
    "{% if one.map_index is not none %} [{{ one.map_index }}]{% endif %}: {{ one.message or one.type }}\n{% endfor %}"
    "{% if pipeline_run_url %}{{ pipeline_run_url }}{% else %}Run {{ run_id }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A message in words. `body` is plain text: the summary, an empty line, the details."""

    title: str
    body: str


def unknown_placeholders(template: str) -> Sequence[str]:
    """Return the `{name}` placeholders that name nothing."""
    return [name for name in _BRACED.findall(template) if name not in NAMES]


def write_notice(
    facts: Mapping[str, Any],
    templates: Mapping[str, Mapping[str, str]],
    run_url: Callable[[str], str | None],
    functions: TemplateFunctions,
) -> NoticeText:
    """Write the message for recorded facts (see runs.occasions). TemplateFailed."""
    event = RunEvent(facts["event"])
    own = templates.get(event, {})
    names = _names(facts, run_url)
    ours = {"title": _TITLES[event], "summary": _SUMMARIES[event] + _WHICH, "details": _DETAILS}
    words = {part: _fill(own.get(part) or ours[part], names, functions).strip() for part in PARTS}
    body = "\n\n".join(words[part] for part in ("summary", "details") if words[part])
    return NoticeText(" ".join(words["title"].split()), body)


def check_template(template: str, event: RunEvent, functions: TemplateFunctions) -> None:
    """Render a template with made-up facts; TemplateFailed tells what is wrong with it."""
    block = {"block": "a_block", "map_index": None, "type": "ValueError", "message": "text", "traceback": "text"}
    facts = {"event": event, "run_id": "0", "epoch": 1, "status": "failed", "failed_blocks": [block]}
    _fill(template, _names(facts, lambda _run: None), functions)


def _fill(template: str, names: Mapping[str, Any], functions: TemplateFunctions) -> str:
    jinja = _BRACED.sub(lambda found: f"{{{{ {found[1]} }}}}" if found[1] in NAMES else found[0], template)
    # No secrets: a message is read by many, and kept by whoever carries it.
    return render_text(jinja, TemplateFunctions(env_var=functions.env_var), names)


def _names(facts: Mapping[str, Any], run_url: Callable[[str], str | None]) -> Mapping[str, Any]:
    failed = facts.get("failed_blocks") or ()
    first = failed[0] if failed else {}
    run_id = str(facts["run_id"])
    pipeline = facts.get("pipeline") or ""
    return {
        "ended_at": facts.get("ended_at") or "",
        "epoch": facts.get("epoch"),
        "error": first.get("message") or "",
        "event": str(facts["event"]),
        "execution_time": facts.get("logical_at") or facts.get("created_at") or "",
        "failed_blocks": failed,
        "pipeline_name": facts.get("pipeline_name") or pipeline,
        "pipeline_run_id": run_id,
        "pipeline_run_url": run_url(run_id) or "",
        "pipeline_schedule_id": facts.get("trigger_id") or "",
        "pipeline_schedule_name": facts.get("trigger") or "",
        "pipeline_uuid": pipeline,
        "run_id": run_id,
        "stacktrace": first.get("traceback") or "",
        "started_at": facts.get("started_at") or "",
        "status": facts.get("status") or "",
        "timed_out": bool(facts.get("timed_out")),
        "trigger_name": facts.get("trigger") or "",
    }
