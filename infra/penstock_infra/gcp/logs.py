"""Logs: what the stack's containers print, kept for the plan's days in a log bucket of its own."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp
import pulumi_random as random

from penstock_infra.gcp.site import GcpComponent, Site


class Logs(GcpComponent):
    """Attributes: `bucket_id`, whose view `_AllLogs` executors may read.

    The project's default bucket gets the same lines: the console looks there first.
    """

    needs = ("logging",)

    def __init__(self, site: Site, days: int) -> None:
        """Make bucket and sink."""
        super().__init__("logs", site)
        # A deleted log bucket keeps its name for a week.
        ending = random.RandomId("logs", byte_length=3, opts=self.child())
        self.bucket = gcp.logging.ProjectBucketConfig(
            "logs",
            project=site.project,
            location=site.region,
            bucket_id=pulumi.Output.concat(site.called("logs-"), ending.hex),
            retention_days=days,
            opts=self.child(),
        )
        gcp.logging.ProjectSink(
            "logs",
            destination=pulumi.Output.concat("logging.googleapis.com/", self.bucket.id),
            filter=lines_of(site),
            unique_writer_identity=True,
            opts=self.child(),
        )
        self.bucket_id: pulumi.Output[str] = self.bucket.bucket_id
        self.finish()


def lines_of(site: Site) -> str:
    """Return the filter that the lines of this stack pass."""
    return " OR ".join(
        (
            f'resource.labels.service_name="{site.name}"',
            f'resource.labels.worker_pool_name="{site.called("scheduler")}"',
            f'resource.labels.job_name=~"^{site.called("(job-|share-owner)")}"',
        )
    )
