"""What every stack does, on AWS."""

from __future__ import annotations

from penstock_platform.vocabulary import Cloud
from support.stack_suite import StackSuite


class TestAwsStack(StackSuite):
    cloud = Cloud.AWS
