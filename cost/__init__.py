"""Cost: what each run costs, from what it really used, and what the platform's requests cost a sample.

`prices/` holds AWS's prices, one file for each day on which they were read; a run is priced by those of its
own time. What is not known, an instance that did not say what it is or a price that no file has, is said and
never guessed.
"""
