"""Takes one sample through one pipeline: stage in, supervise, publish.

A job of AWS Batch is one attempt of a run. `job` tells its story; every other module is one step of it, and
all of them can be used without AWS: `stage` unpacks an archive as a job would, and two paths run the pipeline
on a folder.
"""
