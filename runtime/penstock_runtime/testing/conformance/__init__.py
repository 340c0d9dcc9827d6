"""What every adapter of a port does, as test classes to subclass."""
