"""One logger: a JSON object a line, with the function's name; level from `LOG_LEVEL`."""

from aws_lambda_powertools import Logger

logger = Logger(service=None)
