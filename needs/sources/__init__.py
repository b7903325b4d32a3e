"""Bring raw files in: read, verify, describe."""
