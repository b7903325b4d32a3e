"""Write the self-contained page of an area, and the index of pages."""
