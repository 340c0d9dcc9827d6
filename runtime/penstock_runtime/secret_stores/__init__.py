"""Where the values of secrets are kept."""
