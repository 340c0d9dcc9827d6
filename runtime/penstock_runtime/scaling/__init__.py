"""The scaler: it looks at the load now and then, and sets how many schedulers there are."""
