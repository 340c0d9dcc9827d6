"""Artifacts and logs: on local disk and in memory."""
