"""The canary: reads of known composition, analysed by the release that offices have and by the next."""
