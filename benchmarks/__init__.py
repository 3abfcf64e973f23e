"""Scripts that print ratios measured in one run; nothing here is a test."""
