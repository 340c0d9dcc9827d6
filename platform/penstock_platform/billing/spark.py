"""What Spark costs while no pipeline runs."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.billing.lines import Bill, CostLine
from penstock_platform.vocabulary import SparkMode


def spark_line(bill: Bill, *, least_workers: int = 1) -> Iterator[CostLine]:
    """Yield the line of Spark, unless it is off.

    `least_workers` are those that the cloud keeps up in a shared cluster while it idles; none: it pauses as a whole.
    """
    plan = bill.blueprint.spark
    price = bill.table.prices["spark.node"]
    if plan.mode is SparkMode.SHARED and least_workers:
        nodes = (1 + max(least_workers, plan.min_workers), 1 + max(least_workers, plan.max_workers))
        yield bill.line("spark", "Spark", "spark.node", nodes, f"the primary and its workers, each a {price.of}")
    elif plan.mode is not SparkMode.OFF:
        note = f"nothing while idle; about ${price.usd:.2f} an hour for each {price.of}"
        yield bill.line("spark", "Spark", "spark.node", 0, note)
