"""What each cloud bills for a blueprint."""
