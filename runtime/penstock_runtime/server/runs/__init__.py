"""Runs, block runs and attempts."""
