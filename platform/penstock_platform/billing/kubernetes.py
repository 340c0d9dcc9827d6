"""What a stack takes of a Kubernetes cluster. The cluster itself is the operator's."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.billing.lines import Amount, Bill, CostLine
from penstock_platform.quantities import cpu_millis, cpu_text, memory_text
from penstock_platform.vocabulary import Exposure, SparkMode

NODE_CPU_MILLIS, NODE_MEMORY_MIB = 4000, 16 * 1024
"""The reference node: a pod costs the share of it that its requests take, of CPU or of memory, whichever is more."""
THE_CLUSTER = "the cluster itself, its control plane and what its nodes have free, is yours and not counted"


def kubernetes_lines(bill: Bill) -> Iterator[CostLine]:
    """Yield every line of a stack on Kubernetes."""
    for service in bill.blueprint.services:
        pod = (service.cpu_millis, service.memory_mib)
        yield _pods(bill, service.name, f"Pods: {service.name}", pod, (service.minimum, service.maximum))
    yield from _data(bill)
    if bill.blueprint.front.exposure is not Exposure.PORT_FORWARD:
        yield bill.line("balancer", "Load balancer", "balancer", 1, "of the ingress; nothing where you have one")
    if bill.blueprint.spark.mode is not SparkMode.OFF:
        yield bill.line("spark", "Spark", "node", 0, "nothing while idle; the nodes that its pods take while they run")


def _data(bill: Bill) -> Iterator[CostLine]:
    database, cache = bill.blueprint.database, bill.blueprint.cache
    if database.external_secret is None:
        pod = (round(database.instance.cpus * 1000), database.instance.memory_mib)
        yield _pods(bill, "database", "Pods: Postgres", pod, (1, 1))
        yield bill.line("database-storage", "Volume of Postgres", "volume", database.storage_gb)
    if cache and cache.external_secret is None:
        # On Kubernetes a size is written as a pod's requests are: `100m/256Mi`.
        cpu = cpu_millis(cache.instance.instance.partition("/")[0])
        yield _pods(bill, "cache", "Pods: Redis", (cpu, cache.instance.memory_mib), (1, 1))
    yield bill.line("share", "Shared volume", "share", bill.blueprint.share.size_gb)


def _pods(bill: Bill, id: str, item: str, pod: tuple[int, int], copies: Amount) -> CostLine:
    cpu, memory = pod
    share = max(cpu / NODE_CPU_MILLIS, memory / NODE_MEMORY_MIB)
    price = bill.table.prices["node"]
    note = f"each asks for {cpu_text(cpu)} CPU, {memory_text(memory)}: {share:.1%} of a {price.of}"
    return CostLine(id, item, copies[0], copies[1], "pod", price.month * share, note, price.checked)
