"""Kubernetes: a blueprint as the objects of two namespaces, one for the stack and one for its jobs."""

from penstock_infra.kubernetes.stack import render

__all__ = ["render"]
