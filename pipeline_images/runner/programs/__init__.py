"""What pipelines share about programs: running them in chains, and how a pipeline may end."""
