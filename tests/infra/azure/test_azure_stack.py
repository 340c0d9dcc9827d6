"""What every stack does, on Azure."""

from __future__ import annotations

from penstock_platform.vocabulary import Cloud
from support.stack_suite import StackSuite


class TestAzureStack(StackSuite):
    cloud = Cloud.AZURE
