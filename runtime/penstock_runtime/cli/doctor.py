"""`penstock doctor`."""

from __future__ import annotations

import typer

from penstock_runtime.cli.output import EXIT_BAD_ANSWER, Json, Project, print_json, print_table


def doctor(*, project: Project = None, as_json: Json = False) -> None:
    """Say what is configured, what answers and what is missing; exit 1 when something is bad."""
    from penstock_runtime.bootstrap.snapshots import Health
    from penstock_runtime.bootstrap.upkeep import examine

    findings = examine(project)
    if as_json:
        print_json({"findings": findings})
    else:
        rows = [(f.health.value, f.subject, f"{f.message} — {f.remedy}" if f.remedy else f.message) for f in findings]
        print_table(rows)
    if any(finding.health is Health.BAD for finding in findings):
        raise typer.Exit(EXIT_BAD_ANSWER)
