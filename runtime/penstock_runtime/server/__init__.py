"""The HTTP and WebSocket API, one folder a resource, and the built web UI."""
