"""Cohort: the samples of a project beside each other."""
