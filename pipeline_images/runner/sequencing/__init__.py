"""What pipelines share about reads: which files are reads, and whether each record is whole."""
