"""The cloud-neutral blueprint."""
