"""What pipelines share about reports: the page, its charts, its findings."""
