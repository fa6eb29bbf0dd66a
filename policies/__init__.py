"""What must hold for everything the program declares, whoever wrote the component."""
