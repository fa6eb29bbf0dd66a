"""Measurements of speed and memory, each a module with `measure`: `python -m benchmarks [NAME]`.

Each prints a table and writes `.bench/<name>.json`, with the machine and the commit it was measured on.
"""
