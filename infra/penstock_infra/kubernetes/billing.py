"""What each resource type costs: the id of a cost line, or that it is free."""

from __future__ import annotations

from collections.abc import Mapping

from penstock_infra.billing import FREE

BILLING: Mapping[str, str] = {
    "docker-build:index:Image": FREE,
    "kubernetes:apps/v1:Deployment": "web",
    "kubernetes:apps/v1:StatefulSet": "database",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": FREE,
    "kubernetes:batch/v1:CronJob": FREE,
    "kubernetes:core/v1:ConfigMap": FREE,
    "kubernetes:core/v1:LimitRange": FREE,
    "kubernetes:core/v1:Namespace": FREE,
    "kubernetes:core/v1:PersistentVolumeClaim": "share",
    "kubernetes:core/v1:ResourceQuota": FREE,
    "kubernetes:core/v1:Secret": FREE,
    "kubernetes:core/v1:Service": FREE,
    "kubernetes:core/v1:ServiceAccount": FREE,
    "kubernetes:monitoring.coreos.com/v1:PodMonitor": FREE,
    "kubernetes:monitoring.coreos.com/v1:PrometheusRule": FREE,
    "kubernetes:networking.k8s.io/v1:Ingress": "balancer",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": FREE,
    "kubernetes:policy/v1:PodDisruptionBudget": FREE,
    "kubernetes:rbac.authorization.k8s.io/v1:Role": FREE,
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": FREE,
    "random:index/randomBytes:RandomBytes": FREE,
    "random:index/randomPassword:RandomPassword": FREE,
}
"""By token. A type that makes several things (a Deployment of web and of schedulers) names the first of their lines."""
