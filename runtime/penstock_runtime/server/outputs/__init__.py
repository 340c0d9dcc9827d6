"""Outputs of blocks."""
