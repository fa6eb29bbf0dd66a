"""The metagenome pipeline: reads → filtering → host removal → Kraken 2 → abundance tables and a report."""
