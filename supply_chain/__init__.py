"""What the project stands on: known faults in it, what each image holds, and who built it."""
