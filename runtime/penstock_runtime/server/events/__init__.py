"""The events WebSocket."""
