"""The canary: a community of known composition, analysed by the release that offices have and by the one to come."""
