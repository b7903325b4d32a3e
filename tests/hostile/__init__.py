"""Broken and hostile inputs over every reader and setting: each must end in a message, with nothing written."""
