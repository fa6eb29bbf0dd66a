"""The platform's container images, and what builds them."""
