"""The blueprint on AWS: ECS on Fargate, RDS, EFS, S3, ElastiCache, Secrets Manager, EMR."""

from __future__ import annotations

from penstock_infra.aws.stack import render

__all__ = ["render"]
