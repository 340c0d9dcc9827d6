"""The command line: parse, call the composition root, draw. Nothing is decided here."""
