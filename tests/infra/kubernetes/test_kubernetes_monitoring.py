"""What is watched: scraping by annotation or by the operator, alarms, and the dashboard."""

from __future__ import annotations

import json

import pytest

OPERATOR = {"kubernetes": {"prometheusNamespace": "monitoring"}}


@pytest.mark.parametrize(("name", "port"), [("web", "6789"), ("scheduler", "6790")])
def test_pods_say_where_their_metrics_are(rendering, name, port):
    told = rendering("ha").named("Deployment", name)["spec"]["template"]["metadata"]["annotations"]
    assert told["prometheus.io/scrape"] == "true"
    assert (told["prometheus.io/port"], told["prometheus.io/path"]) == (port, "/metrics")


def test_without_the_operator_there_is_no_alarm_and_it_is_said(rendering):
    stack = rendering("ha")
    assert stack.of("PrometheusRule") == stack.of("PodMonitor") == []
    assert "No alarms: name the namespace of a Prometheus operator" in stack.steps()


def test_with_the_operator_each_alarm_of_the_blueprint_is_a_rule_or_is_said_to_be_none(rendering):
    stack = rendering("ha", **OPERATOR, alarms={"email": "team@example.com"})
    (group,) = stack.named("PrometheusRule", "penstock")["spec"]["groups"]
    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert rules.keys() == {
        "PenstockWebErrors", "PenstockWebUnhealthy", "PenstockSchedulerDown", "PenstockDatabaseCpu",
        "PenstockDatabaseStorage", "PenstockCacheMemory", "PenstockShareFull",
    }  # fmt: skip
    assert "Not watched, because nothing in the cluster measures it: database connections" in stack.steps()
    assert "stack=penstock to team@example.com in Alertmanager" in stack.steps()
    down = rules["PenstockSchedulerDown"]
    assert down["expr"].endswith('{namespace="penstock",deployment="scheduler"}) < 1')
    assert (down["for"], down["labels"]["severity"]) == ("5m", "warning")
    assert rules["PenstockDatabaseStorage"]["expr"].endswith(" / 2^30 < 4")


def test_rules_are_of_what_the_topology_has(rendering):
    (group,) = rendering("single", **OPERATOR).named("PrometheusRule", "penstock")["spec"]["groups"]
    expressions = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    assert "PenstockCacheMemory" not in expressions
    assert 'deployment="penstock"' in expressions["PenstockSchedulerDown"]


def test_the_operator_scrapes_every_service_at_its_port(rendering):
    for topology, names in (("single", ["penstock"]), ("ha", ["web", "scheduler"])):
        stack = rendering(topology, **OPERATOR)
        spec = stack.named("PodMonitor", "penstock")["spec"]
        assert spec["selector"]["matchExpressions"][0]["values"] == names
        ports = [stack.container("Deployment", name)["ports"][0]["name"] for name in names]
        assert {each["port"] for each in spec["podMetricsEndpoints"]} == set(ports)


def test_the_dashboard_is_found_by_its_label_and_shows_runs_and_every_signal(rendering):
    found = rendering("ha").named("ConfigMap", "dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    board = json.loads(found["data"]["penstock.json"])
    titles = [panel["title"] for panel in board["panels"]]
    assert {"Runs going", "Requests a second, by status", "Redis memory", "Database CPU"} <= set(titles)
    assert len({panel["id"] for panel in board["panels"]}) == len(titles)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == len(titles)
    assert all('namespace="penstock"' in target["expr"] for panel in board["panels"] for target in panel["targets"])
