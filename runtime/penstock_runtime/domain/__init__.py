"""Pipelines, blocks, runs, attempts, schedules and retry policy: pure rules, no input or output."""
