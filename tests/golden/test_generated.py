"""Each generated file is what the code would write today; `make golden` mends a stale one."""

from __future__ import annotations

import pytest

from support.golden import GENERATED
from support.sources import ROOT


@pytest.mark.parametrize("name", GENERATED)
def test_the_checked_in_file_is_not_stale(name):
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), f"{name} is stale: run `make golden`"
