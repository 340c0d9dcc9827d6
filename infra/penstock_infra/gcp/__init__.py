"""GCP: Cloud Run, Cloud SQL, Filestore, Memorystore, Cloud Storage, Secret Manager, Dataproc."""

from __future__ import annotations

from penstock_infra.gcp.stack import render

__all__ = ["render"]
