"""The floor: the barest app of our packages that does the same work, with none of the promises."""
