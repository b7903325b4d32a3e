"""Assess all of England: every council by the same stages, and what follows from all of them together."""
