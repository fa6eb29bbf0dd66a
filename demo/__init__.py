"""The story that `make demo` tells: a branch uploads a sample, the results come back, HQ sees it."""
