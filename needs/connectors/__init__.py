"""Fetch raw files from their publishers: politely, whole or not at all, each with a twin that says what it is."""
