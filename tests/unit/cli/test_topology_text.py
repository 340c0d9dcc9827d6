"""How amounts of money and notes are written."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from penstock_platform.comparison import compare, recommend
from penstock_platform.load import Load
from penstock_platform.vocabulary import Cloud, Topology
from penstock_runtime.cli.topology_text import (
    config_lines,
    cost_rows,
    money,
    notes_of,
    shared_notes,
    size_text,
    span,
    wait_text,
)


@pytest.mark.parametrize(
    ("dollars", "text"), [(0, "$0"), (0.234, "$0.23"), (9.5, "$9.50"), (10.4, "$10"), (1225.94, "$1,226")]
)
def test_dollars_are_written_as_people_say_them(dollars, text):
    assert money(dollars) == text


@pytest.mark.parametrize(
    ("least", "most", "text"),
    [(146, 171, "$146-171"), (73.6, 74.4, "$74"), (0.9, 9, "$0.90-9.00"), (1, 10, "$1.00-10")],
)
def test_two_amounts_are_one_text(least, most, text):
    assert span(least, most) == text


@pytest.mark.parametrize("cloud", Cloud)
def test_every_line_of_every_topology_is_in_a_row(cloud):
    summaries = compare(cloud)
    rows = list(cost_rows(summaries))
    assert len({item for item, _ in rows}) == len(rows)
    for one in summaries:
        assert [found[one.topology] for _, found in rows if one.topology in found] == list(one.cost.lines)


def test_a_note_that_differs_names_its_topologies():
    database = dict(cost_rows(compare(Cloud.GCP)))["Cloud SQL"]
    assert notes_of(database) == (
        "single, split: db-g1-small; ha, autoscale: db-custom-2-7680 and a standby in another zone"
    )
    same = {topology: replace(line, note="the same") for topology, line in database.items()}
    assert notes_of(same) == "the same"


def test_one_note_is_said_once_of_all_its_items():
    notes = shared_notes(compare(Cloud.AWS))
    assert {"S3", "Traffic through NAT", "ECR"} <= set(notes["by use"])
    assert not any("~" in item for items in notes.values() for item in items)


def test_a_recommendation_is_written_as_keys_of_a_stack():
    found = recommend(Cloud.GCP, Load(60))
    assert (size_text(found), wait_text(found)) == ("2 CPU, 4Gi", "<0.01 s")
    assert config_lines(found) == [
        "penstock:cloud: gcp",
        "penstock:topology: single",
        'penstock:scheduler: {cpu: "2", memory: "4Gi"}',
    ]


def test_what_does_not_fit_has_no_keys_to_write():
    found = recommend(Cloud.AZURE, Load(5000))
    assert (config_lines(found), wait_text(found)) == ([], "grows")
    assert math.isinf(found.mean_wait_seconds)
    assert found.topology is Topology.HA
