"""The project format: reading, validation, templates, editing, and code versions."""
