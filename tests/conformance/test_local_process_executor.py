"""LocalProcessExecutor keeps the executor's port, with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_runtime.testing.conformance.executor import ExecutorConformance
from support.process_bench import LocalExecutorBench


class TestLocalProcessExecutor(ExecutorConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[LocalExecutorBench]:
        bench = LocalExecutorBench(tmp_path)
        yield bench
        bench.executor.close()
