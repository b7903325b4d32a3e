"""Choose hubs for all councils at once, and say which areas should have theirs first."""
