"""What every stack does, on Kubernetes."""

from __future__ import annotations

from penstock_platform.vocabulary import Cloud
from support.stack_suite import StackSuite


class TestKubernetesStack(StackSuite):
    cloud = Cloud.KUBERNETES
