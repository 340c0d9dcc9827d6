"""A fresh server for each test that asks for one."""

from __future__ import annotations

import pytest

from support.api_stack import open_stack, serving


@pytest.fixture
def stack(tmp_path):
    with open_stack(tmp_path) as made:
        yield made


@pytest.fixture
def api(stack):
    with serving(stack) as running:
        yield running


@pytest.fixture
def owner(api):
    with api.client() as client:
        yield client
