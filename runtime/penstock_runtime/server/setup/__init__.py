"""The first owner."""
