"""Find shortest times, many to many, on arrays: the fast core, which knows no streets."""

from needs.routing.arcs import Arcs, Ends

__all__ = ["Arcs", "Ends"]
