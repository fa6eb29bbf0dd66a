"""The twin: AWS for every office on one machine, without credentials.

ministack runs in a process of our own, with a working AWS Batch that runs real containers. The deployer
brings the very stack files to it with the real Pulumi program. Nothing in the product knows of the twin.
"""
