"""What an office's account needs before Pulumi can work in it."""
