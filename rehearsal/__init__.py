"""The rehearsal of a rollout: the workflows themselves, run by act, with the twin as AWS and a local GitHub."""
