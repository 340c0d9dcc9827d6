"""What every stack does, on Google Cloud."""

from __future__ import annotations

from penstock_platform.vocabulary import Cloud
from support.stack_suite import StackSuite


class TestGcpStack(StackSuite):
    cloud = Cloud.GCP
