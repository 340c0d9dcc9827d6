"""Messages to people about runs."""
