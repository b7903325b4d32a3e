"""Find English councils by name, former name or code, and say which districts they are made of."""
