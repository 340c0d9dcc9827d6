"""Alarms, dashboard, logs, budget, names and costs on GCP."""

from __future__ import annotations

import json

import pytest

from penstock_infra.billing import is_mark
from penstock_infra.gcp.billing import BILLING
from penstock_infra.gcp.site import labels_of
from penstock_platform.cost import LINE_IDS
from support.engine.clouds import gcp_tokens as t

HA = {"exposure": "private", "spark": {"mode": "serverless"}}
WATCHED = {
    "domain": "pipes.example.com",
    "spark": {"mode": "shared"},
    "alarms": {"email": "team@example.com"},
    "monthlyBudget": "2000",
    "tags": {"Cost Centre": "Data & AI"},
}


def condition(stack, name):
    ((one),) = stack.one(t.ALERT, name)["conditions"]
    return one["conditionThreshold"]


def test_each_alarm_watches_the_stacks_own_parts(made):
    stack = made("ha", **HA)
    names = {
        "web-errors": ('resource.labels.service_name="penstock"', 10, "COMPARISON_GT"),
        "web-unhealthy": ('resource.labels.service_name="penstock"', 0.5, "COMPARISON_GT"),
        "scheduler-down": ('resource.labels.worker_pool_name="penstock-scheduler"', 0.5, "COMPARISON_LT"),
        "database-cpu": (stack.one(t.DATABASE_INSTANCE)["name"], 0.8, "COMPARISON_GT"),
        "database-storage": (stack.one(t.DATABASE_INSTANCE)["name"], 0.8, "COMPARISON_GT"),
        "database-connections": (stack.one(t.DATABASE_INSTANCE)["name"], 160, "COMPARISON_GT"),
        "cache-memory": (stack.one(t.CACHE)["name"], 0.8, "COMPARISON_GT"),
        "share-full": ('resource.labels.instance_name="penstock-share"', 80, "COMPARISON_GT"),
    }
    assert {one.name for one in stack.all(t.ALERT)} == set(names)
    for name, (part, threshold, comparison) in names.items():
        found = condition(stack, name)
        assert part in found["filter"], name
        assert found["thresholdValue"] == pytest.approx(threshold), name
        assert found["comparison"] == comparison, name


def test_a_scheduler_that_reports_nothing_is_down(made):
    assert condition(made("ha", **HA), "scheduler-down")["evaluationMissingData"] == "EVALUATION_MISSING_DATA_ACTIVE"


def test_in_single_the_one_service_is_watched_as_the_scheduler(made):
    assert 'resource.labels.service_name="penstock"' in condition(made("single"), "scheduler-down")["filter"]


def test_alarms_go_to_the_address_that_was_given(made):
    stack = made("autoscale", **WATCHED)
    channel = stack.outputs(t.CHANNEL)["name"]
    assert stack.one(t.CHANNEL)["labels"] == {"email_address": "team@example.com"}
    assert {tuple(one.inputs["notificationChannels"]) for one in stack.all(t.ALERT)} == {(channel,)}
    assert t.CHANNEL not in made("single").tokens


def test_the_dashboard_has_a_chart_for_each_alarm(made):
    stack = made("ha", **HA)
    layout = json.loads(stack.one(t.DASHBOARD)["dashboardJson"])["mosaicLayout"]
    assert len(layout["tiles"]) == 8
    for tile in layout["tiles"]:
        ((data),) = tile["widget"]["xyChart"]["dataSets"]
        assert "metric.type=" in data["timeSeriesQuery"]["timeSeriesFilter"]["filter"]
        assert tile["xPos"] + tile["width"] <= layout["columns"]
    (url,) = stack.record.outputs["dashboards"]
    assert url.startswith("https://console.cloud.google.com/monitoring/dashboards/builder/")


def test_logs_are_kept_for_the_plans_days(made):
    stack = made("split")
    assert stack.one(t.LOG_BUCKET)["retentionDays"] == 30
    assert stack.one(t.SINK)["destination"].endswith(stack.one(t.LOG_BUCKET)["bucketId"])
    lines = stack.one(t.SINK)["filter"]
    assert 'service_name="penstock"' in lines
    assert 'worker_pool_name="penstock-scheduler"' in lines


def test_a_budget_warns_where_one_is_given(made):
    budget = made("autoscale", **WATCHED).one(t.BUDGET)
    assert budget["amount"]["specifiedAmount"] == {"units": "2000"}
    assert budget["budgetFilter"]["projects"] == [f"projects/{t.NUMBER}"]
    assert [one["thresholdPercent"] for one in budget["thresholdRules"]] == [0.5, 0.9, 1.0]
    assert t.BUDGET not in made("single").tokens


def test_tags_become_labels(made):
    assert labels_of({"Cost Centre": "Data & AI", "9": "x"}) == {"cost_centre": "data___ai", "x-9": "x"}
    labels = {"app": "penstock", "stack": "penstock", "topology": "autoscale", "cost_centre": "data___ai"}
    stack = made("autoscale", **WATCHED)
    assert stack.one(t.SERVICE)["labels"] == labels
    assert stack.one(t.DATABASE_INSTANCE)["settings"]["userLabels"] == labels
    (provider,) = [one for one in stack.state if one.type == "pulumi:providers:gcp"]
    assert json.loads(provider.inputs["defaultLabels"]) == labels


@pytest.mark.parametrize(("topology", "keys"), [("single", {}), ("ha", HA), ("autoscale", WATCHED)])
def test_each_resource_has_a_cost_line_or_says_why_not(made, topology, keys):
    tokens = {token for token in made(topology, **keys).tokens if token.startswith("gcp:")}
    assert tokens <= set(BILLING)
    assert all(is_mark(value) or value in LINE_IDS for value in BILLING.values())


def test_the_apis_that_are_used_are_enabled_first_and_stay(made):
    stack = made("ha", **HA)
    apis = {one.inputs["service"]: one.inputs for one in stack.all(t.API)}
    assert {"run.googleapis.com", "redis.googleapis.com", "dataproc.googleapis.com"} <= set(apis)
    assert all(one["disableOnDestroy"] is False for one in apis.values())
    assert "redis.googleapis.com" not in {one.inputs["service"] for one in made("single").all(t.API)}
    (service,) = [one for one in stack.state if one.type == t.SERVICE]
    assert [urn for urn in service.dependencies if urn.endswith("Service::run")]
