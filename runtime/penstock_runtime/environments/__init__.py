"""User environments: resolved, built and cached apart from ours, by uv."""

from penstock_runtime.environments.builder import EnvironmentBuilder

__all__ = ["EnvironmentBuilder"]
