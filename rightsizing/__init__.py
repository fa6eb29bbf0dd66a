"""Right-sizing: what a pipeline's runs needed becomes what its next runs ask for.

`runs` reads the runs, `fit` draws a line over what they took, `sizes` makes figures of `pipeline.yaml` of
it, `replay` and `evidence` tell what those would have done to the very runs and may do to others, and
`pull_request` proposes them. A person merges. Where the runs say too little nothing is proposed, and the
words say why.
"""
