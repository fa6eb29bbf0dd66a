"""Budgets: kept as declared. Nothing costs anything here."""

from twin.resources.kind import declared_only

KINDS = (declared_only("aws:budgets/budget:Budget", "the twin has no costs that a budget could watch"),)
