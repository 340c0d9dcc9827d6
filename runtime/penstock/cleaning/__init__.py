"""Mage's transformer actions on pandas frames: one call that says what to do to which columns or rows."""
