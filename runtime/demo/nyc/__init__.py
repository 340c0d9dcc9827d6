"""Code that several blocks of this project share."""
