"""The Azure rendering: Container Apps, Postgres, Managed Redis, Azure Files by NFS, Key Vault, Synapse."""

from penstock_infra.azure.stack import render

__all__ = ["render"]
