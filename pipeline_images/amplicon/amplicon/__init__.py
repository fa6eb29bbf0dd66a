"""The amplicon pipeline: reads → primers cut off → sequence variants (ASVs) → names, tables and a report."""
