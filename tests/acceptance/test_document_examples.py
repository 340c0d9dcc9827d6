"""The examples of the docs, tried in the order in which a reader meets them, one folder a page."""

from __future__ import annotations

import pytest

from support.documents import blocks, pages, try_block
from support.sources import ROOT

PAGES = [page for page in pages() if any(True for _ in blocks(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_work(page, tmp_path):
    for block in blocks(page):
        try_block(block, tmp_path)
