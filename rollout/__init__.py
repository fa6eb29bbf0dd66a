"""How a merge reaches the offices: which ones it touches, in which order, when, and what it would do."""
